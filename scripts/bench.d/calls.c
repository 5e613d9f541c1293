/* One thing, N times over, for scripts/bench: calls getppid|sud|pread|stat|open|clock|compute|sleep N
 *
 * "sud" is getppid again, trapped by Syscall User Dispatch with a handler that only makes the call:
 * the least that trapping a call costs on this machine. "pread" reads a byte of the program's own
 * file. "stat" and "open" (and close) are of one file, by its whole path; "sleep" sleeps for an hour
 * each time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

/* What may make calls untrapped stands in a section of its own; the linker names its ends. */
extern char __start_untrapped[], __stop_untrapped[];
void restorer(void);

__asm__(".pushsection untrapped,\"ax\"\n"
	"restorer: mov $15, %eax\n" /* rt_sigreturn */
	"syscall\n"
	".popsection");

__attribute__((section("untrapped"))) static void handler(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	long result = registers[REG_RAX]; /* getppid has no arguments, exit_group one */

	(void)number;
	(void)info;
	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(registers[REG_RDI])
			 : "rcx", "r11", "memory");
	registers[REG_RAX] = result;
}

/* As the kernel has it; libc's sigaction would put in a restorer of its own. */
struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

static void trap_all(void)
{
	struct kernel_sigaction action = {handler, SA_SIGINFO | 0x04000000 /* SA_RESTORER */, restorer, 0};
	unsigned long length = (unsigned long)(__stop_untrapped - __start_untrapped);

	if (syscall(SYS_rt_sigaction, SIGSYS, &action, NULL, 8) ||
	    prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, __start_untrapped, length, NULL)) {
		perror("syscall user dispatch");
		exit(77);
	}
}

static uint64_t compute(long turns)
{
	static uint64_t table[1 << 12];
	uint64_t x = 88172645463325252u;

	for (long i = 0; i < turns; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		table[x >> 52] += x;
	}
	return table[x & 4095];
}

int main(int argc, char **argv)
{
	struct timespec now;

	if (argc != 3)
		return 2;
	long turns = atol(argv[2]);

	if (!strcmp(argv[1], "compute"))
		return compute(turns) == 1;
	if (!strcmp(argv[1], "clock")) {
		for (long i = 0; i < turns; i++)
			clock_gettime(CLOCK_MONOTONIC, &now);
		return 0;
	}
	if (!strcmp(argv[1], "pread")) {
		int fd = open(argv[0], O_RDONLY);
		char byte;

		for (long i = 0; i < turns; i++)
			if (pread(fd, &byte, 1, 0) != 1)
				return 1;
		return 0;
	}
	if (!strcmp(argv[1], "stat")) {
		struct stat status;

		for (long i = 0; i < turns; i++)
			if (stat("/etc/passwd", &status))
				return 1;
		return 0;
	}
	if (!strcmp(argv[1], "open")) {
		for (long i = 0; i < turns; i++)
			if (close(open("/etc/passwd", O_RDONLY)))
				return 1;
		return 0;
	}
	if (!strcmp(argv[1], "sleep")) {
		struct timespec hour = {3600, 0};

		for (long i = 0; i < turns; i++)
			nanosleep(&hour, NULL);
		return 0;
	}
	if (!strcmp(argv[1], "sud"))
		trap_all();
	else if (strcmp(argv[1], "getppid"))
		return 2;
	for (long i = 0; i < turns; i++)
		syscall(SYS_getppid);
	return 0;
}
