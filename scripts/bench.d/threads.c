/* Threads, N calls in all, for scripts/bench: threads yield|wait THREADS N
 *
 * "yield": all threads give the processor away in turn, N times. "wait": all but one wait for ever
 * on a futex, and that one makes N calls.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_BYTES 65536

static pthread_barrier_t all;
static long turns_each;
static unsigned never;

static void *yields(void *arg)
{
	pthread_barrier_wait(&all);
	for (long i = 0; i < turns_each; i++)
		sched_yield();
	return arg;
}

static void *waits(void *arg)
{
	pthread_barrier_wait(&all);
	for (;;)
		syscall(SYS_futex, &never, FUTEX_WAIT, 0, NULL, NULL, 0);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (argc != 4)
		return 2;
	int yielding = !strcmp(argv[1], "yield");
	int threads = atoi(argv[2]);
	long turns = atol(argv[3]);

	turns_each = turns / threads;
	pthread_barrier_init(&all, NULL, (unsigned)threads);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (int i = 1; i < threads; i++)
		if (pthread_create(&thread, &attr, yielding ? yields : waits, NULL))
			return 1;
	if (yielding) {
		yields(NULL);
	} else {
		pthread_barrier_wait(&all);
		sched_yield(); /* they wait */
		for (long i = 0; i < turns; i++)
			syscall(SYS_getppid);
	}
	_exit(0);
}
