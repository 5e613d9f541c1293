/* POSIX timers, timerfd, signalfd: they fire when they should, and say how often. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static volatile sig_atomic_t fired, wrong, by_thread;

static void on_timer(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    fired++;
    wrong += info->si_code != SI_TIMER || info->si_value.sival_int != 42;
}

static void in_thread(union sigval value)
{
    by_thread = value.sival_int;
}

static void timerfds(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), poller = epoll_create1(0);
    struct itimerspec setting = {{0, 20000000}, {0, 50000000}}, left;
    struct pollfd p = {fd, POLLIN, 0};
    struct epoll_event event = {EPOLLIN, {.fd = fd}};
    uint64_t times;
    CHECK_EQ(timerfd_settime(fd, 0, &setting, 0), 0);
    CHECK_ERRNO(read(fd, &times, 8), EAGAIN);
    CHECK_EQ(timerfd_gettime(fd, &left), 0);
    CHECK(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 50000000);
    CHECK_EQ(poll(&p, 1, -1), 1);
    CHECK_EQ(read(fd, &times, 8), 8);
    CHECK(times >= 1);
    sleep_ms(100);
    CHECK_EQ(read(fd, &times, 8), 8);
    CHECK(times >= 4);
    CHECK_EQ(epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event), 0);
    CHECK_EQ(epoll_wait(poller, &event, 1, -1), 1);
    CHECK_ERRNO(timerfd_gettime(poller, &left), EINVAL);
    close(fd);
    close(poller);
}

static void posix_timers(void)
{
    struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec setting = {{0, 10000000}, {0, 10000000}}, once = {{0, 0}, {0, 10000000}};
    timer_t timer;
    event.sigev_value.sival_int = 42;
    sigaction(SIGUSR1, &action, 0);
    CHECK_EQ(timer_create(CLOCK_REALTIME, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &setting, 0), 0);
    while (fired < 5)
        sleep_ms(1000);
    CHECK_EQ(timer_delete(timer), 0);
    CHECK_EQ(wrong, 0);
    event = (struct sigevent){.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread};
    event.sigev_value.sival_int = 7;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &once, 0), 0);
    for (int i = 0; i < 300 && !by_thread; i++)
        sleep_ms(10);
    CHECK_EQ(by_thread, 7);
}

static void signalfds(void)
{
    struct signalfd_siginfo info;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, 0);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    struct pollfd p = {fd, POLLIN, 0};
    CHECK_ERRNO(read(fd, &info, sizeof info), EAGAIN);
    kill(getpid(), SIGUSR2);
    CHECK_EQ(read(fd, &info, sizeof info), (long)sizeof info);
    CHECK_EQ(info.ssi_signo, SIGUSR2);
    CHECK_EQ(info.ssi_pid, getpid());
    CHECK_EQ(poll(&p, 1, 0), 0);
    pid_t parent = getpid(), child = fork();
    if (!child) {
        sleep_ms(50);
        kill(parent, SIGUSR2);
        _exit(0);
    }
    CHECK_EQ(poll(&p, 1, 5000), 1);
    CHECK_EQ(read(fd, &info, sizeof info), (long)sizeof info);
    CHECK_EQ(info.ssi_pid, child);
    waitpid(child, 0, 0);
}

int main(void)
{
    timerfds();
    posix_timers();
    signalfds();
    return finish();
}
