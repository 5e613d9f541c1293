/* Two processes that take turns, N rounds of two hand-overs each, for scripts/bench:
 *   handoff pipe|futex N
 *
 * "pipe": a byte there and back. "futex": one word and the two bare calls that a switch needs.
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int there[2], back[2];
static _Atomic unsigned *words; /* the turn of each side, 0 or 1 */

static void pass(int side)
{
	atomic_store(&words[!side], 1);
	syscall(SYS_futex, &words[!side], FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await(int side)
{
	while (!atomic_exchange(&words[side], 0))
		syscall(SYS_futex, &words[side], FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void byte(int in, int out, int first)
{
	char c = 0;

	if (first && write(out, &c, 1) != 1)
		_exit(1);
	if (read(in, &c, 1) != 1)
		_exit(1);
	if (!first && write(out, &c, 1) != 1)
		_exit(1);
}

static void side(int number, int by_pipe, long rounds)
{
	for (long i = 0; i < rounds; i++) {
		if (by_pipe) {
			byte(number ? there[0] : back[0], number ? back[1] : there[1], !number);
		} else if (number) {
			await(1);
			pass(1);
		} else {
			pass(0);
			await(0);
		}
	}
}

int main(int argc, char **argv)
{
	int status;

	if (argc != 3)
		return 2;
	int by_pipe = !strcmp(argv[1], "pipe");
	long rounds = atol(argv[2]);

	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED || pipe(there) || pipe(back))
		return 1;
	pid_t child = fork();
	if (child < 0)
		return 1;
	side(child == 0, by_pipe, rounds);
	if (child == 0)
		_exit(0);
	return waitpid(child, &status, 0) != child || status;
}
