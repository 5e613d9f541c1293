/* signalfd among threads: who reads gets the process's signals and its own, no other thread's. */
#include "threads.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

static int fd;
static atomic_int reading, done;
static atomic_long sum;

static int next(struct signalfd_siginfo *info, int count)
{
    ssize_t n = read(fd, info, (size_t)count * sizeof *info);
    return n < 0 ? -errno : (int)(n / (ssize_t)sizeof *info);
}

/* Several threads share the work. */
static void *takes(void *arg)
{
    struct signalfd_siginfo info;
    for (;;) {
        reading++;
        CHECK_EQ(next(&info, 1), 1);
        if (info.ssi_signo != (unsigned)SIGRTMIN)
            break;
        CHECK_EQ(info.ssi_code, SI_QUEUE);
        CHECK_EQ(info.ssi_pid, getpid());
        sum += info.ssi_int;
    }
    CHECK_EQ(info.ssi_signo, SIGRTMIN + 1);
    done++;
    return arg;
}

static void shared_work(void)
{
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        t[i] = start(takes, 0);
    for (int i = 1; i <= 30; i++) {
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
        if (i % 7 == 0)
            sched_yield();
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 0}), 0);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    CHECK_EQ(sum, 30 * 31 / 2);
    CHECK_EQ(done, 3);
}

/* A signal of one thread is read by that thread alone. */
static void *reads_its_own(void *arg)
{
    struct signalfd_siginfo info;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    reading = 1;
    CHECK_EQ(poll(&p, 1, -1), 1);
    CHECK_EQ(next(&info, 1), 1);
    CHECK_EQ(info.ssi_signo, SIGUSR1);
    CHECK_EQ(info.ssi_code, SI_TKILL);
    CHECK_EQ(poll(&p, 1, 0), 0);
    return arg;
}

static void directed(void)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    reading = 0;
    pthread_t t = start(reads_its_own, 0);
    WAIT_UNTIL(reading);
    sleep_ms(2);
    CHECK_EQ(pthread_kill(pthread_self(), SIGUSR2), 0);
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(pthread_kill(t, SIGUSR1), 0);
    join(t);
    struct signalfd_siginfo info[4];
    CHECK_EQ(next(info, 4), 1);
    CHECK_EQ(info[0].ssi_signo, SIGUSR2);
    CHECK_EQ(poll(&p, 1, 0), 0);
}

/* Standard signals merge, real-time ones queue in their order; one read takes several. */
static void many_at_once(void)
{
    struct signalfd_siginfo info[8];
    for (int i = 0; i < 3; i++) {
        kill(getpid(), SIGUSR1);
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    }
    CHECK_EQ(next(info, 8), 4);
    CHECK_EQ(info[0].ssi_signo, SIGUSR1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(info[i + 1].ssi_int, i);
}

static void *raises_later(void *arg)
{
    sleep_ms(3);
    kill(getpid(), SIGUSR1);
    return arg;
}

static void by_epoll_and_sets(void)
{
    struct signalfd_siginfo info;
    struct epoll_event e = {.events = EPOLLIN};
    int ep = epoll_create1(0), flags = fcntl(fd, F_GETFL);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    pthread_t t = start(raises_later, 0);
    CHECK_EQ(epoll_wait(ep, &e, 1, -1), 1);
    CHECK_EQ(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    CHECK_EQ(next(&info, 1), 1);
    CHECK_EQ(next(&info, 1), -EAGAIN);
    CHECK_EQ(read(fd, &info, sizeof info - 1), -1);
    join(t);
    close(ep);
    /* Another set on the same descriptor. */
    sigset_t other;
    sigemptyset(&other);
    sigaddset(&other, SIGUSR2);
    CHECK_EQ(signalfd(fd, &other, 0), fd);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(next(&info, 1), -EAGAIN);
    kill(getpid(), SIGUSR2);
    CHECK_EQ(next(&info, 1), 1);
    CHECK_EQ(info.ssi_signo, SIGUSR2);
    CHECK_ERRNO(signalfd(ep, &other, 0), EBADF);
}

int main(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    CHECK(fd > 2);
    shared_work();
    directed();
    many_at_once();
    by_epoll_and_sets();
    return finish();
}
