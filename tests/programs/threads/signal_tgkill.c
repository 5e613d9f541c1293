/* tgkill, tkill, raise, pthread_kill: whom they reach, what they refuse. */
#include "threads.h"

static atomic_int handled, code, sender, tid, stop;
static void on_signal(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    code = info->si_code;
    sender = info->si_pid;
    tid = my_tid();
    handled++;
}
static atomic_int other;
static void *body(void *arg)
{
    other = my_tid();
    while (!stop)
        sleep_ms(1);
    return arg;
}

int main(void)
{
    install_info(SIGUSR1, on_signal, 0);
    pthread_t t = start(body, 0);
    WAIT_UNTIL(other);
    CHECK_EQ(syscall(SYS_tgkill, getpid(), other, SIGUSR1), 0);
    WAIT_UNTIL(handled == 1);
    CHECK_EQ(code, SI_TKILL);
    CHECK_EQ(tid, other);
    CHECK_EQ(sender, getpid());
    CHECK_EQ(syscall(SYS_tkill, other, SIGUSR1), 0);
    WAIT_UNTIL(handled == 2);
    CHECK_EQ(kill(other, 0), 0);
    CHECK_EQ(pthread_kill(t, 0), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(handled, 3);
    CHECK_EQ(tid, getpid());
    CHECK_ERRNO(syscall(SYS_tgkill, getpid() + 100, other, SIGUSR1), ESRCH);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 3999999, SIGUSR1), ESRCH);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), -1, SIGUSR1), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, 0, other, SIGUSR1), EINVAL);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), other, 65), EINVAL);
    CHECK_EQ(pthread_kill(t, 65), EINVAL);
    stop = 1;
    int last = other;
    join(t);
    WAIT_UNTIL(syscall(SYS_tgkill, getpid(), last, 0)); /* who joins is woken a little before */
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), last, 0), ESRCH);
    CHECK_ERRNO(syscall(SYS_tkill, last, SIGUSR1), ESRCH);
    return finish();
}
