/* A thread that only looks at the clock does not keep the others from what it waits for. */
#include "threads.h"
#include <x86intrin.h>

static atomic_int flag;

static void *sets_flag(void *after_ms)
{
    if (after_ms)
        sleep_ms((long)after_ms);
    flag = 1;
    return 0;
}

static void look_at_monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
}
static void look_at_coarse(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME_COARSE, &t);
}
static void look_at_day(void)
{
    struct timeval t;
    gettimeofday(&t, 0);
}
static void look_at_seconds(void) { time(0); }
static void look_at_cpu_time(void) { clock(); }
static void look_at_counter(void) { __rdtsc(); }

static void wait_looking(void (*look)(void), long after_ms)
{
    flag = 0;
    pthread_t other = start(sets_flag, (void *)after_ms);
    while (!flag)
        look();
    join(other);
}

/* Both spin until a time has come, and each has seen that the other had its turn. */
static atomic_long turns[2];
static atomic_int both;
static void *spins(void *arg)
{
    long me = (long)arg, until = now_ms(CLOCK_MONOTONIC) + 50, seen = 0, changes = 0;
    both++;
    while (now_ms(CLOCK_MONOTONIC) < until || both < 2 || !changes) {
        turns[me]++;
        changes += turns[!me] != seen;
        seen = turns[!me];
    }
    return 0;
}

/* A timer's signal comes to one that only looks at the clock, and at its own CPU time. */
static volatile sig_atomic_t alarms;
static void on_alarm(int signo) { alarms += signo == SIGALRM; }
static void wait_for_alarm(void (*look)(void))
{
    struct itimerval soon = {.it_value = {0, 1000}};
    alarms = 0;
    setitimer(ITIMER_REAL, &soon, 0);
    while (!alarms)
        look();
}

int main(void)
{
    void (*looks[])(void) = {look_at_monotonic, look_at_coarse, look_at_day,
                             look_at_seconds, look_at_cpu_time, look_at_counter};
    install(SIGALRM, on_alarm, 0);
    for (int i = 0; i < 6; i++) {
        wait_looking(looks[i], 0);
        wait_looking(looks[i], 1);
        wait_for_alarm(looks[i]);
    }
    pthread_t a = start(spins, (void *)0), b = start(spins, (void *)1);
    join(a);
    join(b);
    clock_t until = clock() + CLOCKS_PER_SEC / 100;
    while (clock() < until)
        ;
    return finish();
}
