/* libc's own spin lock, in a program that is linked statically: no preload library can help. */
#include <pthread.h>
#include <stdio.h>

#define THREADS 4
#define TURNS 200

static pthread_spinlock_t lock;
static long count;

static void *work(void *unused)
{
	for (int i = 0; i < TURNS; i++) {
		pthread_spin_lock(&lock);
		count++;
		if (i % 8 == 0)
			pthread_setname_np(pthread_self(), i % 16 ? "odd" : "even");
		pthread_spin_unlock(&lock);
	}
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];

	pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	puts(count == THREADS * TURNS ? "ok" : "lost some");
	return 0;
}
