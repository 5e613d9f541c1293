/* epoll_pwait and epoll_pwait2: the mask for the time of the wait, and times in nanoseconds. */
#include "epolls.h"
#include <sys/time.h>

static volatile int signals;

static void on_signal(int signo)
{
    (void)signo;
    signals++;
}

static sigset_t only(int signo)
{
    sigset_t set;
    sigemptyset(&set);
    if (signo)
        sigaddset(&set, signo);
    return set;
}

/* Blocked, and let in only while it waits: never missed, never too early. */
static void lets_in(int ep)
{
    sigset_t usr = only(SIGUSR1), none = only(0), was;
    struct epoll_event e;
    CHECK_EQ(sigprocmask(SIG_BLOCK, &usr, &was), 0);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(signals, 0);
    CHECK_ERRNO(epoll_pwait(ep, &e, 1, PATIENCE_MS, &none), EINTR); /* it was pending */
    CHECK_EQ(signals, 1);
    sigset_t now;
    CHECK_EQ(sigprocmask(SIG_BLOCK, 0, &now), 0);
    CHECK(sigismember(&now, SIGUSR1)); /* the mask is back */
    pid_t me = getpid(), child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(kill(me, SIGUSR1));
    }
    CHECK_ERRNO(epoll_pwait(ep, &e, 1, PATIENCE_MS, &none), EINTR);
    CHECK_EQ(signals, 2);
    CHECK_EQ(waitpid(child, 0, 0), child);
    CHECK_EQ(sigprocmask(SIG_SETMASK, &was, 0), 0);
}

/* Open, and kept out while it waits: it comes after the call. */
static void keeps_out(int ep)
{
    sigset_t usr = only(SIGUSR1);
    struct epoll_event e;
    signals = 0;
    pid_t me = getpid(), child = fork();
    if (!child) {
        sleep_ms(10);
        _exit(kill(me, SIGUSR1));
    }
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(epoll_pwait(ep, &e, 1, 400, &usr), 0);
    CHECK(ms_since(before) >= 399);
    CHECK_EQ(signals, 1); /* by now */
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    CHECK_EQ(status, 0);
}

/* An event is told before a signal is looked at. */
static void event_first(int ep, int fd)
{
    sigset_t usr = only(SIGUSR1), none = only(0), was;
    struct epoll_event e;
    signals = 0;
    CHECK_EQ(sigprocmask(SIG_BLOCK, &usr, &was), 0);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(epoll_pwait(ep, &e, 1, PATIENCE_MS, &none), 1);
    CHECK_EQ(signals, 0); /* the old mask is back before it could be delivered */
    CHECK_EQ(sigprocmask(SIG_SETMASK, &was, 0), 0);
    CHECK_EQ(signals, 1);
}

static long pwait2(int ep, struct epoll_event *e, const struct timespec *t, const sigset_t *mask)
{
    return syscall(SYS_epoll_pwait2, ep, e, 1, t, mask, 8);
}

static void nanoseconds(void)
{
    int ep = epoll_create1(0);
    struct epoll_event e;
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(pwait2(ep, &e, &(struct timespec){0, 2500000}, 0), 0);
    double took = now_s(CLOCK_MONOTONIC) - before;
    CHECK(took >= 0.0025 && took < 5);
    CHECK_EQ(pwait2(ep, &e, &(struct timespec){0, 0}, 0), 0);
    CHECK_ERRNO(pwait2(ep, &e, &(struct timespec){0, 1000000000}, 0), EINVAL);
    CHECK_ERRNO(pwait2(ep, &e, &(struct timespec){-1, 0}, 0), EINVAL);
    CHECK_ERRNO(pwait2(ep, &e, nowhere, 0), EFAULT);
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    watch(ep, fds[1], EPOLLOUT, 3);
    CHECK_EQ(pwait2(ep, &e, 0, 0), 1); /* no time limit */
    CHECK_EQ(e.data.u64, 3);
    sigset_t none = only(0);
    CHECK_ERRNO(syscall(SYS_epoll_pwait, ep, &e, 1, 0, &none, 4), EINVAL); /* the mask's size */
    CHECK_ERRNO(syscall(SYS_epoll_pwait, ep, &e, 1, 0, nowhere, 8), EFAULT);
    close(fds[0]), close(fds[1]), close(ep);
}

int main(void)
{
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &a, 0);
    int fds[2], ep = epoll_create1(0);
    CHECK_EQ(pipe(fds), 0);
    watch(ep, fds[0], EPOLLIN, 0);
    lets_in(ep);
    keeps_out(ep);
    event_first(ep, fds[1]);
    nanoseconds();
    return finish();
}
