/* setitimer and alarm with threads: the signal goes to one that does not block it. */
#include "threads.h"

static atomic_int ticks, tid, stop, worker;
static void on_alarm(int signo)
{
    (void)signo;
    ticks++;
    tid = my_tid();
}
static void *body(void *arg)
{
    mask_one(SIG_UNBLOCK, SIGALRM);
    worker = my_tid();
    while (!stop)
        pause();
    return arg;
}

int main(void)
{
    struct itimerval v = {{0, 5000}, {0, 5000}}, left;
    install(SIGALRM, on_alarm, 0);
    mask_one(SIG_BLOCK, SIGALRM);
    pthread_t t = start(body, 0);
    WAIT_UNTIL(worker);
    long begin = now_ms(CLOCK_MONOTONIC);
    CHECK_EQ(setitimer(ITIMER_REAL, &v, 0), 0);
    WAIT_UNTIL(ticks >= 6);
    CHECK(now_ms(CLOCK_MONOTONIC) - begin >= 29);
    CHECK_EQ(tid, worker);
    CHECK_EQ(getitimer(ITIMER_REAL, &left), 0);
    CHECK_EQ(left.it_interval.tv_usec, 5000);
    CHECK(left.it_value.tv_sec == 0 && left.it_value.tv_usec <= 5000);
    memset(&v, 0, sizeof v);
    CHECK_EQ(setitimer(ITIMER_REAL, &v, 0), 0);
    sleep_ms(2);
    int before = ticks;
    sleep_ms(20);
    CHECK_EQ(ticks, before);
    CHECK_EQ(alarm(1), 0);
    WAIT_UNTIL(ticks == before + 1);
    stop = 1;
    pthread_kill(t, SIGALRM);
    join(t);
    return finish();
}
