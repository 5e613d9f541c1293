/* POSIX timers whose signal goes to one thread, to a function, or nowhere; those that pile up. */
#include "threads.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define THREADS 3

static atomic_int tids[THREADS], calls[THREADS], wrong, by_function, stop;
static __thread long me = -1;

static void on_timer(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    if (me < 0 || info->si_value.sival_int != me || info->si_code != SI_TIMER)
        wrong++;
    else
        calls[me]++;
}

static timer_t to_thread(int tid, int signo, int value)
{
    struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signo};
    timer_t timer = 0;
    e.sigev_notify_thread_id = tid;
    e.sigev_value.sival_int = value;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &e, &timer), 0);
    return timer;
}

static void every(timer_t timer, long first_ms, long then_ms)
{
    struct itimerspec at = {{0, then_ms * 1000000}, {0, first_ms * 1000000}};
    CHECK_EQ(timer_settime(timer, 0, &at, 0), 0);
}

static void *body(void *arg)
{
    me = (long)arg;
    tids[me] = my_tid();
    while (!stop)
        sleep_ms(1000); /* interrupted by the signal, and gone on with */
    return arg;
}

static void each_its_own(void)
{
    pthread_t t[THREADS];
    timer_t timers[THREADS];
    for (long i = 0; i < THREADS; i++)
        t[i] = start(body, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        WAIT_UNTIL(tids[i]);
        timers[i] = to_thread(tids[i], SIGRTMIN, i);
        every(timers[i], 5, 10 + i);
    }
    for (int i = 0; i < THREADS; i++)
        WAIT_UNTIL(calls[i] >= 5);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(timer_delete(timers[i]), 0);
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        join(t[i]);
    CHECK_EQ(wrong, 0);
    CHECK_ERRNO(timer_delete(timers[0]), EINVAL);
}

/* While its signal is blocked a timer goes on; it is told how often when the signal is taken. */
static void overruns(void)
{
    siginfo_t info;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    mask_one(SIG_BLOCK, SIGUSR1);
    timer_t timer = to_thread(my_tid(), SIGUSR1, 7);
    every(timer, 2, 2);
    sleep_ms(41);
    CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
    CHECK_EQ(info.si_code, SI_TIMER);
    CHECK_EQ(info.si_value.sival_int, 7);
    CHECK(info.si_overrun >= 15 && info.si_overrun < 200);
    CHECK_EQ(timer_getoverrun(timer), info.si_overrun);
    struct itimerspec left;
    CHECK_EQ(timer_gettime(timer, &left), 0);
    CHECK_EQ(left.it_interval.tv_nsec, 2000000);
    CHECK(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 2000000);
    every(timer, 0, 0);
    struct timespec soon = {0, 5000000};
    while (sigtimedwait(&set, &info, &soon) == SIGUSR1) /* one may have been on its way */
        ;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(timer_delete(timer), 0);
}

static void calls_function(union sigval value) { by_function += value.sival_int; }

static void without_signal(void)
{
    struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = calls_function};
    struct itimerspec left;
    timer_t function, silent;
    e.sigev_value.sival_int = 5;
    CHECK_EQ(timer_create(CLOCK_REALTIME, &e, &function), 0);
    e = (struct sigevent){.sigev_notify = SIGEV_NONE};
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &e, &silent), 0);
    every(function, 3, 3);
    every(silent, 100, 0);
    WAIT_UNTIL(by_function >= 15);
    CHECK_EQ(timer_delete(function), 0);
    CHECK_EQ(timer_gettime(silent, &left), 0);
    CHECK(left.it_value.tv_nsec <= 100000000);
    CHECK_EQ(timer_delete(silent), 0);
}

/* The thread that a timer is for has ended: nobody else gets its signal. */
static void *ends(void *tid)
{
    *(atomic_int *)tid = my_tid();
    sleep_ms(5);
    return 0;
}
static void for_the_dead(void)
{
    atomic_int tid = 0;
    pthread_t t = start(ends, &tid);
    WAIT_UNTIL(tid);
    timer_t timer = to_thread(tid, SIGRTMIN, 99);
    every(timer, 20, 0);
    join(t);
    sleep_ms(40);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(timer_delete(timer), 0);
    struct sigevent e = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN};
    e.sigev_notify_thread_id = tid;
    CHECK_ERRNO(timer_create(CLOCK_MONOTONIC, &e, &timer), EINVAL);
}

/* Absolute deadlines, also those that are over, on both clocks. */
static void absolute(void)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
    siginfo_t info;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    for (int i = 0; i < 3; i++) {
        struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
        struct itimerspec at = {.it_value = after_ms(clocks[i], 4)}, over = {.it_value = {1, 0}};
        long from = now_ms(clocks[i]);
        timer_t timer;
        CHECK_EQ(timer_create(clocks[i], &e, &timer), 0);
        CHECK_EQ(timer_settime(timer, TIMER_ABSTIME, &at, 0), 0);
        CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
        CHECK(now_ms(clocks[i]) >= from + 3);
        CHECK_EQ(timer_settime(timer, TIMER_ABSTIME, &over, 0), 0);
        CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
        CHECK_EQ(timer_delete(timer), 0);
    }
}

int main(void)
{
    install_info(SIGRTMIN, on_timer, SA_RESTART);
    each_its_own();
    overruns();
    without_signal();
    for_the_dead();
    absolute();
    return finish();
}
