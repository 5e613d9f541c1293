/* Signal handlers: restarts, EINTR, siginfo, masks, alternate stacks, nesting, jumps out. */
#include "check.h"
#include <setjmp.h>
#include <poll.h>
#include <sys/time.h>
#include <ucontext.h>

static volatile sig_atomic_t calls, depth, depth_max, order[16], order_count;
static siginfo_t seen;
static volatile long stack_seen;

static void count(int signo)
{
    (void)signo;
    calls++;
    stack_seen = (long)__builtin_frame_address(0);
}

static void take_info(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    calls++;
    seen = *info;
}

static void note_order(int signo)
{
    order[order_count++ & 15] = signo;
}

static void install(int signo, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
    CHECK_EQ(sigaction(signo, &a, 0), 0);
}

static pid_t signal_later(int signo, long ms)
{
    fflush(stdout);
    pid_t parent = getpid(), pid = fork();
    if (!pid) {
        sleep_ms(ms);
        kill(parent, signo);
        _exit(0);
    }
    return pid;
}

static void restarts(void)
{
    int fds[2];
    char byte;
    CHECK_EQ(pipe(fds), 0);
    install(SIGUSR1, count, 0);
    pid_t pid = signal_later(SIGUSR1, 20);
    CHECK_ERRNO(read(fds[0], &byte, 1), EINTR);
    CHECK_EQ(calls, 1);
    waitpid(pid, 0, 0);
    install(SIGUSR1, count, SA_RESTART);
    pid_t parent = getpid();
    pid = fork();
    if (!pid) {
        sleep_ms(20);
        kill(parent, SIGUSR1);
        sleep_ms(20);
        _exit(write(fds[1], "x", 1) != 1);
    }
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    CHECK_EQ(byte, 'x');
    CHECK_EQ(calls, 2);
    waitpid(pid, 0, 0);
    /* poll and nanosleep are never restarted */
    pid = signal_later(SIGUSR1, 20);
    struct pollfd p = {fds[0], POLLIN, 0};
    CHECK_ERRNO(poll(&p, 1, -1), EINTR);
    waitpid(pid, 0, 0);
    pid = signal_later(SIGUSR1, 200);
    struct timespec want = {1, 0}, left = {9, 9};
    CHECK_ERRNO(nanosleep(&want, &left), EINTR);
    CHECK(left.tv_sec == 0 && left.tv_nsec > 600000000 && left.tv_nsec < 850000000);
    waitpid(pid, 0, 0);
    struct timespec abs;
    clock_gettime(CLOCK_MONOTONIC, &abs);
    abs.tv_sec += 1;
    pid = signal_later(SIGUSR1, 200);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &abs, 0), EINTR);
    waitpid(pid, 0, 0);
    /* an ignored signal and one with default "ignore" interrupt nothing */
    signal(SIGUSR2, SIG_IGN);
    pid = signal_later(SIGUSR2, 20);
    CHECK_EQ(poll(&p, 1, 100), 0);
    waitpid(pid, 0, 0);
    pid = signal_later(SIGWINCH, 20);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(poll(&p, 1, 100), 0);
    CHECK(now_s(CLOCK_MONOTONIC) - before >= 0.0999);
    waitpid(pid, 0, 0);
    CHECK_EQ(signal_later(SIGUSR1, 20) > 0 ? wait(0) > 0 : 0, 1); /* restarted wait */
    /* stopped and continued in a read: it goes on (no handler) */
    pid = fork();
    if (!pid)
        _exit(read(fds[0], &byte, 1) != 1);
    sleep_ms(10);
    kill(pid, SIGSTOP);
    sleep_ms(10);
    kill(pid, SIGCONT);
    sleep_ms(10);
    CHECK_EQ(write(fds[1], "y", 1), 1);
    int status;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    close(fds[0]);
    close(fds[1]);
}

static void infos(void)
{
    struct sigaction a = {.sa_sigaction = take_info, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &a, 0);
    sigaction(SIGRTMIN + 3, &a, 0);
    sigaction(SIGALRM, &a, 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(seen.si_code, SI_USER);
    CHECK_EQ(seen.si_pid, getpid());
    CHECK_EQ(seen.si_uid, getuid());
    raise(SIGUSR1);
    CHECK_EQ(seen.si_code, SI_TKILL);
    union sigval value = {.sival_int = 4711};
    CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 3, value), 0);
    CHECK_EQ(seen.si_code, SI_QUEUE);
    CHECK_EQ(seen.si_value.sival_int, 4711);
    CHECK_EQ(seen.si_pid, getpid());
    struct itimerval timer = {.it_value = {0, 20000}};
    seen.si_signo = 0;
    setitimer(ITIMER_REAL, &timer, 0);
    pause();
    CHECK_EQ(seen.si_signo, SIGALRM);
    CHECK_EQ(seen.si_code, SI_KERNEL);
    CHECK_ERRNO(sigqueue(getpid(), 65, value), EINVAL);
    CHECK_ERRNO(kill(getpid(), 65), EINVAL);
    CHECK_ERRNO(kill(getpid(), -1), EINVAL);
    CHECK_ERRNO(kill(3999999, 0), ESRCH);
    signal(SIGALRM, SIG_DFL);
}

static void queues(void)
{
    sigset_t set, pending;
    siginfo_t info;
    struct timespec zero = {0, 0}, some = {0, 30000000};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sigaddset(&set, SIGRTMIN + 2);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, 0);
    signal(SIGUSR2, SIG_DFL);
    for (int i = 0; i < 5; i++) {
        union sigval value = {.sival_int = i};
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 2, value), 0);
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, value), 0);
        CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    }
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGRTMIN + 1) && sigismember(&pending, SIGUSR2));
    CHECK_EQ(sigtimedwait(&set, &info, &zero), SIGUSR2);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN + 1);
        CHECK_EQ(info.si_value.sival_int, i);
    }
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(sigtimedwait(&set, &info, &zero), SIGRTMIN + 2);
        CHECK_EQ(info.si_value.sival_int, i);
    }
    CHECK_ERRNO(sigtimedwait(&set, &info, &zero), EAGAIN);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(sigtimedwait(&set, &info, &some), EAGAIN);
    CHECK(now_s(CLOCK_MONOTONIC) - before >= 0.0299);
    pid_t pid = signal_later(SIGUSR2, 20);
    CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR2);
    CHECK_EQ(info.si_pid, pid);
    waitpid(pid, 0, 0);
    install(SIGUSR1, count, SA_RESTART);
    pid = signal_later(SIGUSR1, 20);
    CHECK_ERRNO(sigwaitinfo(&set, &info), EINTR);
    waitpid(pid, 0, 0);
    sigprocmask(SIG_UNBLOCK, &set, 0);
}

static void suspends(void)
{
    sigset_t block, none, old;
    sigemptyset(&block);
    sigemptyset(&none);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, &old);
    install(SIGUSR1, count, 0);
    calls = 0;
    kill(getpid(), SIGUSR1);
    CHECK_EQ(calls, 0);
    CHECK_ERRNO(sigsuspend(&none), EINTR);
    CHECK_EQ(calls, 1);
    sigprocmask(SIG_BLOCK, 0, &none);
    CHECK(sigismember(&none, SIGUSR1)); /* the old mask is back */
    sigemptyset(&none);
    pid_t pid = signal_later(SIGUSR1, 20);
    CHECK_ERRNO(sigsuspend(&none), EINTR);
    CHECK_EQ(calls, 2);
    waitpid(pid, 0, 0);
    pid = signal_later(SIGUSR1, 20);
    struct timespec t = {5, 0};
    CHECK_ERRNO(ppoll(0, 0, &t, &none), EINTR);
    CHECK_EQ(calls, 3);
    waitpid(pid, 0, 0);
    sigprocmask(SIG_SETMASK, &old, 0);
}

static void nests(int signo)
{
    depth++;
    if (depth > depth_max)
        depth_max = depth;
    if (depth < 3)
        raise(signo);
    depth--;
}

static void flags(void)
{
    install(SIGUSR1, nests, SA_NODEFER);
    raise(SIGUSR1);
    CHECK_EQ(depth_max, 3);
    depth_max = 0;
    depth = 0;
    calls = 0;
    install(SIGUSR1, count, SA_RESETHAND);
    raise(SIGUSR1);
    struct sigaction old;
    sigaction(SIGUSR1, 0, &old);
    CHECK(old.sa_handler == SIG_DFL);
    CHECK_EQ(calls, 1);
    /* all pending at once: run in order, each one's mask respected */
    struct sigaction a = {.sa_handler = note_order};
    sigset_t all, before;
    sigfillset(&a.sa_mask);
    sigaction(SIGUSR1, &a, 0);
    sigaction(SIGUSR2, &a, 0);
    sigaction(SIGHUP, &a, 0);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    raise(SIGUSR2);
    raise(SIGHUP);
    raise(SIGUSR1);
    sigprocmask(SIG_SETMASK, &before, 0);
    CHECK_EQ(order_count, 3);
    CHECK(order[0] == SIGHUP || order[2] == SIGHUP);
    CHECK_ERRNO(sigaction(SIGKILL, &a, 0), EINVAL);
    CHECK_ERRNO(sigaction(SIGSTOP, &a, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, 0, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, &a, 0, 4), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, 0, 8), EFAULT);
}

static void on_alt(int signo)
{
    stack_t now;
    count(signo);
    sigaltstack(0, &now);
    order[0] = now.ss_flags;
}

static void altstack(void)
{
    static char stack[65536];
    stack_t s = {.ss_sp = stack, .ss_size = sizeof stack}, now;
    CHECK_EQ(sigaltstack(&s, 0), 0);
    install(SIGUSR1, on_alt, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(stack_seen > (long)stack && stack_seen < (long)(stack + sizeof stack));
    CHECK_EQ(order[0], SS_ONSTACK);
    CHECK_EQ(sigaltstack(0, &now), 0);
    CHECK_EQ(now.ss_flags, 0);
    CHECK(now.ss_sp == stack && now.ss_size == sizeof stack);
    install(SIGUSR1, count, 0);
    raise(SIGUSR1);
    CHECK(!(stack_seen > (long)stack && stack_seen < (long)(stack + sizeof stack)));
    s.ss_size = 100;
    CHECK_ERRNO(sigaltstack(&s, 0), ENOMEM);
    s.ss_flags = 77;
    CHECK_ERRNO(sigaltstack(&s, 0), EINVAL);
    s = (stack_t){.ss_flags = SS_DISABLE};
    CHECK_EQ(sigaltstack(&s, 0), 0);
    CHECK_EQ(sigaltstack(0, &now), 0);
    CHECK_EQ(now.ss_flags, SS_DISABLE);
    s = (stack_t){.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = (int)(1u << 31)}; /* SS_AUTODISARM */
    CHECK_EQ(sigaltstack(&s, 0), 0);
    install(SIGUSR1, on_alt, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(stack_seen > (long)stack && stack_seen < (long)(stack + sizeof stack));
    CHECK_EQ(order[0], SS_DISABLE);
    CHECK_EQ(sigaltstack(0, &now), 0);
    CHECK_EQ(now.ss_flags, (int)(1u << 31));
    s = (stack_t){.ss_flags = SS_DISABLE};
    sigaltstack(&s, 0);
}

static sigjmp_buf jump;
static void jumps(int signo) { siglongjmp(jump, signo); }

static void jumps_out(void)
{
    sigset_t now;
    install(SIGUSR1, jumps, 0);
    install(SIGSEGV, jumps, SA_ONSTACK);
    for (volatile int i = 0; i < 100; i++) {
        if (!sigsetjmp(jump, 1))
            raise(SIGUSR1);
        sigprocmask(SIG_BLOCK, 0, &now);
        CHECK(!sigismember(&now, SIGUSR1));
        if (!sigsetjmp(jump, 1))
            *(volatile int *)16 = 1;
    }
    signal(SIGSEGV, SIG_DFL);
}

static void masks_of_context(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)signo;
    (void)info;
    sigaddset(&uc->uc_sigmask, SIGHUP); /* comes to hold on return */
    uc->uc_mcontext.gregs[REG_R15] = uc->uc_mcontext.gregs[REG_R15];
}

static void contexts(void)
{
    struct sigaction a = {.sa_sigaction = masks_of_context, .sa_flags = SA_SIGINFO};
    sigset_t now;
    sigaction(SIGUSR1, &a, 0);
    raise(SIGUSR1);
    sigprocmask(SIG_BLOCK, 0, &now);
    CHECK(sigismember(&now, SIGHUP));
    sigemptyset(&now);
    sigprocmask(SIG_SETMASK, &now, 0);
}

static void pipes(void)
{
    int fds[2], status;
    CHECK_EQ(pipe(fds), 0);
    close(fds[0]);
    IN_CHILD(status, { CHECK_EQ(write(fds[1], "x", 1), -2); });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    calls = 0;
    install(SIGPIPE, count, 0);
    CHECK_ERRNO(write(fds[1], "x", 1), EPIPE);
    CHECK_EQ(calls, 1);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERRNO(write(fds[1], "x", 1), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    close(fds[1]);
}

static void timers(void)
{
    struct itimerval timer = {{0, 10000}, {0, 10000}}, old;
    calls = 0;
    install(SIGALRM, count, 0);
    CHECK_EQ(alarm(10), 0);
    CHECK(alarm(0) >= 9);
    setitimer(ITIMER_REAL, &timer, 0);
    while (calls < 5)
        pause();
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, &old);
    CHECK(old.it_interval.tv_usec == 10000);
    double before = now_s(CLOCK_MONOTONIC);
    alarm(1);
    pause();
    CHECK(now_s(CLOCK_MONOTONIC) - before >= 0.999);
    int status;
    alarm(100);
    IN_CHILD(status, { CHECK_EQ(alarm(0), 0); }); /* not inherited */
    CHECK_EQ(status, 0);
    CHECK(alarm(0) >= 99);
    CHECK_ERRNO(syscall(SYS_setitimer, 77, 0, 0), EINVAL);
    IN_CHILD(status, { signal(SIGALRM, SIG_DFL); alarm(1); for (;;) pause(); });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

int main(void)
{
    restarts();
    infos();
    queues();
    suspends();
    flags();
    altstack();
    jumps_out();
    contexts();
    pipes();
    timers();
    return finish();
}
