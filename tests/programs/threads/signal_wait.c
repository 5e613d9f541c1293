/* A thread that takes all signals by sigwait; sigwaitinfo, sigtimedwait; no handler runs. */
#include "threads.h"

static atomic_int got[65], values;
static sigset_t set;

static void *taker(void *arg)
{
    int signo;
    do {
        CHECK_EQ(sigwait(&set, &signo), 0);
        got[signo]++;
    } while (signo != SIGTERM);
    return arg;
}
static void *info_taker(void *arg)
{
    siginfo_t info;
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
        CHECK_EQ(info.si_code, SI_QUEUE);
        values += info.si_value.sival_int;
    }
    return arg;
}
static void on_hup(int signo) { got[signo]++; }
static void *interrupted(void *arg)
{
    siginfo_t info;
    CHECK_ERRNO(sigwaitinfo(&set, &info), EINTR);
    return arg;
}

int main(void)
{
    siginfo_t info;
    struct timespec t20 = {0, 20000000}, zero = {0, 0}, bad = {0, -1};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    pthread_t t = start(taker, 0);
    for (int i = 1; i <= 3; i++) {
        kill(getpid(), SIGUSR1);
        WAIT_UNTIL(got[SIGUSR1] == i);
        pthread_kill(t, SIGUSR2);
        WAIT_UNTIL(got[SIGUSR2] == i);
    }
    kill(getpid(), SIGTERM);
    join(t);
    t = start(info_taker, 0);
    for (int i = 1; i <= 3; i++)
        pthread_sigqueue(t, SIGRTMIN, (union sigval){.sival_int = i});
    join(t);
    CHECK_EQ(values, 6);
    long begin = now_ms(CLOCK_MONOTONIC);
    CHECK_ERRNO(sigtimedwait(&set, &info, &t20), EAGAIN);
    CHECK(now_ms(CLOCK_MONOTONIC) - begin >= 19);
    CHECK_ERRNO(sigtimedwait(&set, &info, &zero), EAGAIN);
    CHECK_ERRNO(sigtimedwait(&set, &info, &bad), EINVAL);
    raise(SIGUSR2);
    CHECK_EQ(sigtimedwait(&set, &info, &zero), SIGUSR2);
    CHECK(info.si_code == SI_TKILL || info.si_code == SI_USER); /* glibc makes one of the other */
    install(SIGHUP, on_hup, SA_RESTART);
    t = start(interrupted, 0);
    sleep_ms(5);
    pthread_kill(t, SIGHUP);
    join(t);
    CHECK_EQ(got[SIGHUP], 1);
    return finish();
}
