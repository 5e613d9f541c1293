/* A barrier with a sense that is turned: the last one to come lets the others go, who turn until then. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define THREADS 4
#define ROUNDS 100

static atomic_int arrived, sense;
static long sums[THREADS];

static void barrier(int *mine)
{
	*mine = !*mine;
	if (++arrived == THREADS) {
		arrived = 0;
		sense = *mine;
	} else {
		while (sense != *mine)
			;
	}
}

static void *work(void *number)
{
	int mine = 0;

	for (int i = 0; i < ROUNDS; i++) {
		sums[(long)number] += i;
		barrier(&mine);
		if (sums[0] != sums[THREADS - 1])
			return number;
		barrier(&mine);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	void *wrong[THREADS];
	int ok = 1;

	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &wrong[i]);
		ok &= !wrong[i];
	}
	puts(ok ? "ok" : "not together");
	return 0;
}
