/* A test-and-set lock with a pause: it stores in each turn, whether it gets the lock or not. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define THREADS 4
#define TURNS 200

static atomic_flag locked = ATOMIC_FLAG_INIT;
static long count;

static void *work(void *unused)
{
	for (int i = 0; i < TURNS; i++) {
		while (atomic_flag_test_and_set(&locked))
			__builtin_ia32_pause();
		count++;
		if (i % 8 == 0)
			pthread_setname_np(pthread_self(), i % 16 ? "odd" : "even");
		atomic_flag_clear(&locked);
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
