/* A ticket lock: who comes takes a number and looks at the one being served until it is its own. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define THREADS 4
#define TURNS 200

static atomic_uint next_ticket, serving;
static long count;

static void *work(void *unused)
{
	for (int i = 0; i < TURNS; i++) {
		unsigned mine = next_ticket++;

		while (serving != mine)
			;
		count++;
		if (i % 8 == 0) /* a call with the lock held: others come by meanwhile */
			pthread_setname_np(pthread_self(), i % 16 ? "odd" : "even");
		serving++;
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	puts(count == THREADS * TURNS ? "ok" : "lost some");
	return 0;
}
