/* ptrace among one's own: attach, seize, TRACEME, registers, memory, signals, and the tracer's end. */
#include "check.h"
#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#define MAGIC 0x5ca1ab1e0ddba11ul

static volatile long shown = 1234567; /* that a tracer reads and writes */
static volatile sig_atomic_t usr1s;
static void on_usr1(int signo) { usr1s += signo == SIGUSR1; }
static void on_usr2(int signo) { usr1s += 100 * (signo == SIGUSR2); }

static int stop_of(pid_t pid)
{
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    CHECK(WIFSTOPPED(status));
    return status >> 8;
}

static int exit_of(pid_t pid)
{
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Of a task of a process; the number, or the letter of the state. */
static long status_of(pid_t pid, pid_t tid, const char *key)
{
    char path[64], line[256], *word = line + strlen(key) + 1;
    long value = -1;
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key)))
            value = *word > '9' ? *word : atol(word);
    if (f)
        fclose(f);
    return value;
}

static void wait_until_asleep(pid_t pid, pid_t tid)
{
    while (status_of(pid, tid, "State:") != 'S')
        sleep_ms(1);
}

static pid_t child_pausing(void)
{
    int ready[2];
    char byte;
    CHECK_EQ(pipe(ready), 0);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        signal(SIGUSR1, on_usr1);
        CHECK_EQ(write(ready[1], "x", 1), 1);
        while (!usr1s)
            pause();
        _exit(shown == 1234567 ? 7 : 8);
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    wait_until_asleep(pid, pid);
    return pid;
}

static void refused(void)
{
    struct user_regs_struct regs;
    pid_t pid = child_pausing();
    CHECK_ERRNO(ptrace(PTRACE_ATTACH, getpid(), 0, 0), EPERM);
    CHECK_ERRNO(ptrace(PTRACE_ATTACH, 4000000, 0, 0), ESRCH);
    CHECK_ERRNO(ptrace(PTRACE_GETREGS, pid, 0, &regs), ESRCH);
    CHECK_ERRNO(ptrace(PTRACE_DETACH, pid, 0, 0), ESRCH);
    CHECK_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
    CHECK_ERRNO(ptrace(PTRACE_ATTACH, pid, 0, 0), EPERM);
    CHECK_EQ(stop_of(pid), SIGSTOP);
    CHECK_ERRNO(ptrace(PTRACE_INTERRUPT, pid, 0, 0), EIO);
    CHECK_ERRNO(ptrace(12345, pid, 0, 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_GETREGS, pid, 0, 8), EFAULT);
    CHECK_ERRNO(ptrace(PTRACE_PEEKDATA, pid, 8, 0), EIO);
    CHECK_ERRNO(ptrace(PTRACE_CONT, pid, 0, 99), EIO);
    CHECK_ERRNO(ptrace(PTRACE_SETOPTIONS, pid, 0, 0x8000000), EINVAL);
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
    kill(pid, SIGUSR1);
    CHECK_EQ(exit_of(pid), 7);
}

static void attached(void)
{
    struct user_regs_struct regs, again;
    struct iovec part = {&again, sizeof again};
    siginfo_t info;
    pid_t pid = child_pausing();
    CHECK_EQ(status_of(pid, pid, "TracerPid:"), 0);
    CHECK_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
    memset(&info, 0, sizeof info);
    CHECK_EQ(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT), 0);
    CHECK_EQ(info.si_code, CLD_TRAPPED);
    CHECK_EQ(info.si_status, SIGSTOP);
    CHECK_EQ(stop_of(pid), SIGSTOP);
    CHECK_EQ(waitpid(pid, 0, WNOHANG), 0); /* told once */
    CHECK_EQ(status_of(pid, pid, "TracerPid:"), getpid());
    CHECK_EQ(status_of(pid, pid, "State:"), 't');
    CHECK_EQ(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
    CHECK_EQ(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part), 0);
    CHECK_EQ(part.iov_len, sizeof regs);
    CHECK(!memcmp(&regs, &again, sizeof regs));
    CHECK_EQ(regs.orig_rax, SYS_pause);
    CHECK(regs.fs_base != 0 && regs.rsp != 0);
    CHECK_EQ(ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), 0), regs.rip);
    errno = 0;
    CHECK_EQ(ptrace(PTRACE_PEEKDATA, pid, &shown, 0), 1234567);
    CHECK_EQ(ptrace(PTRACE_POKEDATA, pid, &shown, 42), 0);
    CHECK_EQ(ptrace(PTRACE_PEEKTEXT, pid, &shown, 0), 42);
    CHECK_EQ(shown, 1234567); /* ours is our own */
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, SIGUSR1), 0);
    CHECK_EQ(exit_of(pid), 8);
}

static void seized(void)
{
    siginfo_t info;
    pid_t pid = child_pausing();
    CHECK_ERRNO(ptrace(PTRACE_SEIZE, pid, 8, 0), EIO);
    CHECK_EQ(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
    CHECK_EQ(waitpid(pid, 0, WNOHANG | __WALL), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
        CHECK_EQ(stop_of(pid), SIGTRAP | PTRACE_EVENT_STOP << 8);
        CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    }
    kill(pid, SIGUSR1);
    CHECK_EQ(stop_of(pid), SIGUSR1);
    CHECK_EQ(ptrace(PTRACE_GETSIGINFO, pid, 0, &info), 0);
    CHECK_EQ(info.si_signo, SIGUSR1);
    CHECK_EQ(info.si_pid, getpid());
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0); /* suppressed */
    kill(pid, SIGWINCH);                          /* ignored: the tracer hears of it nevertheless */
    CHECK_EQ(stop_of(pid), SIGWINCH);
    kill(pid, SIGUSR1);
    CHECK_EQ(waitpid(pid, 0, WNOHANG), 0);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, SIGWINCH), 0);
    CHECK_EQ(stop_of(pid), SIGUSR1);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, SIGUSR1), 0);
    CHECK_EQ(exit_of(pid), 7);
}

/* A stop is nothing to a sleep. */
static void asleep(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        double start = now_s(CLOCK_MONOTONIC);
        struct timespec t = {1, 0};
        int failed = nanosleep(&t, 0);
        _exit(failed ? 1 : now_s(CLOCK_MONOTONIC) - start < 1 ? 2 : 0);
    }
    wait_until_asleep(pid, pid);
    CHECK_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
    CHECK_EQ(stop_of(pid), SIGSTOP);
    sleep_ms(50);
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
    CHECK_EQ(exit_of(pid), 0);
}

static void traced_child(void)
{
    signal(SIGUSR1, on_usr1);
    signal(SIGUSR2, on_usr2);
    CHECK_EQ(ptrace(PTRACE_TRACEME, 0, 0, 0), 0);
    CHECK_ERRNO(ptrace(PTRACE_TRACEME, 0, 0, 0), EPERM);
    raise(SIGSTOP);
    CHECK_EQ(shown, 99);
    raise(SIGUSR1); /* suppressed */
    CHECK_EQ(usr1s, 0);
    raise(SIGUSR1); /* let through */
    CHECK_EQ(usr1s, 1);
    raise(SIGUSR1); /* another one instead */
    CHECK_EQ(usr1s, 101);
    long result; /* of a call, changed by the tracer: registers */
    __asm__ volatile("syscall" : "=a"(result) : "0"(SYS_kill), "D"(getpid()), "S"(SIGCONT) : "rcx", "r11", "memory");
    CHECK_EQ(result, 77);
    __asm__ volatile("movl $1, 0x10"); /* the tracer goes past it */
    __asm__ volatile("int3");
    _exit(check_failures ? 99 : 5);
}

static void past_the_fault(pid_t pid)
{
    struct user_regs_struct regs;
    siginfo_t info;
    CHECK_EQ(stop_of(pid), SIGSEGV);
    CHECK_EQ(ptrace(PTRACE_GETSIGINFO, pid, 0, &info), 0);
    CHECK_EQ((long)info.si_addr, 16);
    CHECK_EQ(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
    unsigned long code = (unsigned long)ptrace(PTRACE_PEEKTEXT, pid, regs.rip, 0);
    CHECK_EQ(code & 0xffffff, 0x2504c7); /* movl $1, 0x10 */
    regs.rip += 11;
    CHECK_EQ(ptrace(PTRACE_SETREGS, pid, 0, &regs), 0);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(stop_of(pid), SIGTRAP);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
}

static void by_itself(void)
{
    struct user_regs_struct regs;
    struct iovec part = {&regs, sizeof regs};
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        traced_child();
    CHECK_EQ(stop_of(pid), SIGSTOP);
    CHECK_EQ(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
    CHECK_EQ(ptrace(PTRACE_POKEDATA, pid, &shown, 99), 0);
    static const int answers[] = {0, 0, SIGUSR1, SIGUSR2};
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, answers[i]), 0);
        CHECK_EQ(stop_of(pid), i < 3 ? SIGUSR1 : SIGCONT);
    }
    CHECK_EQ(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part), 0);
    CHECK_EQ(regs.orig_rax, SYS_kill);
    CHECK_EQ(regs.rax, 0);
    regs.rax = 77;
    CHECK_EQ(ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part), 0);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    past_the_fault(pid);
    CHECK_EQ(exit_of(pid), 5);
}

/* ---- extended registers ---- */
static void vectors(void)
{
    struct user_fpregs_struct fp;
    static unsigned char state[16384];
    struct iovec part = {state, sizeof state};
    unsigned long pattern = MAGIC;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        long nr = SYS_kill;
        __asm__ volatile("movq %1, %%xmm9\n\tsyscall\n\tmovq %%xmm9, %1"
                         : "+a"(nr), "+r"(pattern) : "D"(getpid()), "S"(SIGCONT) : "rcx", "r11", "xmm9", "memory");
        _exit(pattern == MAGIC + 1 ? 0 : 1);
    }
    CHECK_EQ(stop_of(pid), SIGCONT);
    CHECK_EQ(ptrace(PTRACE_GETFPREGS, pid, 0, &fp), 0);
    CHECK(!memcmp(&fp.xmm_space[36], &pattern, 8));
    CHECK_EQ(ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &part), 0);
    CHECK(part.iov_len > 512 && part.iov_len < sizeof state);
    CHECK(!memcmp(state + 160 + 144, &pattern, 8));
    CHECK_EQ(state[464] & 3, 3); /* x87 and SSE are among the features */
    CHECK_EQ(ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &part), 0);
    pattern++;
    memcpy(&fp.xmm_space[36], &pattern, 8);
    CHECK_EQ(ptrace(PTRACE_SETFPREGS, pid, 0, &fp), 0);
    CHECK_ERRNO(ptrace(PTRACE_GETREGSET, pid, 0x7777, &part), EINVAL);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(exit_of(pid), 0);
}

/* ---- a breakpoint in code that nobody can write ---- */
__attribute__((noinline)) static int stepped_on(int x)
{
    __asm__ volatile("");
    return x + 1;
}

static void breakpoint(void)
{
    struct user_regs_struct regs;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        _exit(stepped_on(20));
    }
    CHECK_EQ(stop_of(pid), SIGSTOP);
    long code = ptrace(PTRACE_PEEKTEXT, pid, stepped_on, 0);
    CHECK_EQ(ptrace(PTRACE_POKETEXT, pid, stepped_on, (code & ~0xffl) | 0xcc), 0);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(stop_of(pid), SIGTRAP);
    CHECK_EQ(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
    CHECK_EQ(regs.rip, (long)stepped_on + 1);
    CHECK_EQ(regs.rdi, 20);
    CHECK_EQ(regs.orig_rax, -1);
    CHECK_EQ(ptrace(PTRACE_POKETEXT, pid, stepped_on, code), 0);
    CHECK_EQ(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rip), stepped_on), 0);
    CHECK_EQ(ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rdi), 30), 0);
    CHECK_EQ(ptrace(PTRACE_DETACH, pid, 0, 0), 0);
    CHECK_EQ(exit_of(pid), 31);
}

/* ---- single steps: plain instructions, a call, one that faults by dstrun's wish, into a handler ---- */
static void step_over(pid_t pid, int signo, struct user_regs_struct *regs)
{
    siginfo_t info;
    CHECK_EQ(ptrace(PTRACE_SINGLESTEP, pid, 0, signo), 0);
    CHECK_EQ(stop_of(pid), SIGTRAP);
    CHECK_EQ(ptrace(PTRACE_GETREGS, pid, 0, regs), 0);
    CHECK_EQ(ptrace(PTRACE_GETSIGINFO, pid, 0, &info), 0);
    CHECK_EQ(info.si_signo, SIGTRAP);
    CHECK(!(regs->eflags & 0x100));
}

static void steps(void)
{
    static const int lengths[] = {1, 5, 2, 2, 1};
    struct user_regs_struct regs;
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        long flags;
        signal(SIGUSR1, on_usr1);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        __asm__ volatile("int3\n\tnop\n\tmov $39, %%eax\n\tsyscall\n\trdtsc\n\tnop\n\tpushf\n\tpop %0"
                         : "=r"(flags) : : "rax", "rcx", "rdx", "r11", "memory");
        _exit(flags & 0x100 ? 3 : usr1s);
    }
    CHECK_EQ(stop_of(pid), SIGTRAP);
    CHECK_EQ(ptrace(PTRACE_GETREGS, pid, 0, &regs), 0);
    unsigned long long rip = regs.rip;
    for (int i = 0; i < 5; i++) {
        step_over(pid, 0, &regs);
        rip += lengths[i];
        CHECK_EQ(regs.rip, rip);
        if (i == 2)
            CHECK_EQ(regs.rax, pid);
    }
    step_over(pid, SIGUSR1, &regs);
    CHECK_EQ(regs.rip, (long)on_usr1);
    CHECK_EQ(regs.rdi, SIGUSR1);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(exit_of(pid), 1);
}

static void through_exec(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execl("/bin/sh", "sh", "-c", "exit 9", (char *)0);
        _exit(98);
    }
    CHECK_EQ(stop_of(pid), SIGTRAP);
    CHECK_EQ(ptrace(PTRACE_CONT, pid, 0, 0), 0);
    CHECK_EQ(exit_of(pid), 9);
}

/* ---- the tracer's end ---- */
static void tracer_dies(long options)
{
    int status;
    pid_t pid = child_pausing();
    IN_CHILD(status, {
        CHECK_EQ(ptrace(PTRACE_SEIZE, pid, 0, options), 0);
        CHECK_EQ(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
        CHECK_EQ(stop_of(pid), SIGTRAP | PTRACE_EVENT_STOP << 8);
        kill(pid, SIGUSR1); /* nothing before it goes on */
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(exit_of(pid), options ? -SIGKILL : 7);
}

static void killed(void)
{
    pid_t pid = child_pausing();
    CHECK_EQ(ptrace(PTRACE_ATTACH, pid, 0, 0), 0);
    CHECK_EQ(stop_of(pid), SIGSTOP);
    kill(pid, SIGKILL);
    CHECK_EQ(exit_of(pid), -SIGKILL);
    CHECK_ERRNO(ptrace(PTRACE_CONT, pid, 0, 0), ESRCH);
}

/* ---- as LeakSanitizer does: a task with our memory stops all threads and looks at their registers ---- */
#define THREADS 4
static atomic_int tids[THREADS];
static int wakes[2];
static volatile int seen[THREADS];

static void *waiter(void *arg)
{
    int which = (int)(intptr_t)arg;
    long result = SYS_read;
    char byte;
    tids[which] = (int)syscall(SYS_gettid);
    register long kept __asm__("r12") = (long)(MAGIC + (unsigned long)which);
    __asm__ volatile("syscall" : "+a"(result), "+r"(kept) : "D"(wakes[0]), "S"(&byte), "d"(1) : "rcx", "r11", "memory");
    return (void *)(intptr_t)(result == 1 && kept == (long)(MAGIC + (unsigned long)which));
}

static int look_at_all(void *arg)
{
    struct user_regs_struct regs;
    int status;
    (void)arg;
    for (int i = 0; i < THREADS; i++) {
        if (ptrace(PTRACE_ATTACH, tids[i], 0, 0) || waitpid(tids[i], &status, __WALL) != tids[i])
            return 1;
        if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP || ptrace(PTRACE_GETREGS, tids[i], 0, &regs))
            return 2;
        seen[i] = regs.r12 == MAGIC + (unsigned long)i;
    }
    for (int i = 0; i < THREADS; i++)
        if (ptrace(PTRACE_DETACH, tids[i], 0, 0))
            return 3;
    return 0;
}

static void all_threads(void)
{
    pthread_t threads[THREADS];
    int status = 0;
    CHECK_EQ(pipe(wakes), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], 0, waiter, (void *)(intptr_t)i), 0);
    for (int i = 0; i < THREADS; i++)
        while (!tids[i])
            sched_yield();
    for (int i = 0; i < THREADS; i++)
        wait_until_asleep(getpid(), tids[i]);
    char *stack = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_UNTRACED;
    pid_t pid = clone(look_at_all, stack + 65536, flags, 0);
    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(write(wakes[1], "wake", THREADS), THREADS);
    for (int i = 0; i < THREADS; i++) {
        void *right;
        CHECK_EQ(pthread_join(threads[i], &right), 0);
        CHECK(right && seen[i]);
    }
}

int main(void)
{
    refused();
    attached();
    seized();
    asleep();
    by_itself();
    vectors();
    breakpoint();
    steps();
    through_exec();
    tracer_dies(0);
    tracer_dies(PTRACE_O_EXITKILL);
    killed();
    all_threads();
    return finish();
}
