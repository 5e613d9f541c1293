/* Threads, N turns in all, for scripts/bench: threads yield|wait|lock|spin THREADS N
 *
 * "yield": all threads give the processor away in turn, N times. "wait": all but one wait for ever
 * on a futex, and that one makes N calls. "lock": they wait, and that one takes a lock of its own and
 * lets it go N times. "spin": two hand a turn to and fro, and turn in a loop until it has come.
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

static atomic_long turn;

static void spin(long until, long parity)
{
	for (long mine = parity; mine < until; mine += 2) {
		while (turn != mine)
			;
		turn = mine + 1;
	}
}

static void *spins(void *arg)
{
	spin(turns_each * 2, 1);
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

	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	if (argc != 4)
		return 2;
	int yielding = !strcmp(argv[1], "yield");
	int threads = atoi(argv[2]);
	long turns = atol(argv[3]);

	turns_each = turns / threads;
	if (!strcmp(argv[1], "spin")) {
		if (pthread_create(&thread, NULL, spins, NULL))
			return 1;
		spin(turns_each * 2, 0);
		pthread_join(thread, NULL);
		return 0;
	}
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
		if (!strcmp(argv[1], "lock"))
			for (long i = 0; i < turns; i++) {
				pthread_mutex_lock(&lock);
				pthread_mutex_unlock(&lock);
			}
		else
			for (long i = 0; i < turns; i++)
				syscall(SYS_getppid);
	}
	_exit(0);
}
