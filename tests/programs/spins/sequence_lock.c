/* A sequence lock: readers look again while a writer is at it, and read anew when one has been. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define READERS 3
#define TURNS 200

static atomic_uint sequence;
static atomic_long first, second;
static atomic_int torn;

static void *writes(void *unused)
{
	for (int i = 1; i <= TURNS; i++) {
		sequence++;
		first = i;
		if (i % 4 == 0)
			pthread_setname_np(pthread_self(), i % 8 ? "odd" : "even");
		second = i;
		sequence++;
	}
	return unused;
}

static void *reads(void *unused)
{
	long a, b;

	do {
		unsigned before;

		do {
			while ((before = sequence) & 1)
				;
			a = first;
			b = second;
		} while (sequence != before);
		torn |= a != b;
	} while (a != TURNS);
	return unused;
}

int main(void)
{
	pthread_t threads[READERS + 1];

	for (int i = 0; i <= READERS; i++)
		pthread_create(&threads[i], NULL, i ? reads : writes, NULL);
	for (int i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	puts(torn ? "torn" : "ok");
	return 0;
}
