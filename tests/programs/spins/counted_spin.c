/* A thread looks a million times for work before it takes a lock and looks again, as redis's threads
 * for input and output do: there is no call in it, and its registers do not come back soon. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS 30

static atomic_int pending, stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int done;

static void *work(void *unused)
{
	(void)unused;
	for (;;) {
		for (int i = 0; i < 1000000; i++)
			if (pending)
				break;
		if (!pending) {
			pthread_mutex_lock(&lock);
			pthread_mutex_unlock(&lock);
			continue;
		}
		done++;
		pending = 0;
		if (stop)
			return NULL;
	}
}

int main(void)
{
	const struct timespec ms = {0, 1000000};
	pthread_t worker;

	pthread_create(&worker, NULL, work, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		stop = round == ROUNDS - 1;
		pending = 1;
		while (pending) /* as its main thread does */
			;
		nanosleep(&ms, NULL);
	}
	pthread_join(worker, NULL);
	puts(done == ROUNDS ? "ok" : "another number of rounds");
	return 0;
}
