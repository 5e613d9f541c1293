/* Threads asleep by one clock or the other wake in the order of their times. */
#include "threads.h"

static atomic_int order[8], count;
static void *sleeps(void *arg)
{
    long i = (long)arg, ms = 200 - 25 * i;
    clockid_t clock = i & 1 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    if (i & 2) {
        struct timespec at = after_ms(clock, ms);
        CHECK_EQ(clock_nanosleep(clock, TIMER_ABSTIME, &at, 0), 0);
    } else {
        struct timespec t = {0, ms * 1000000};
        CHECK_EQ(clock_nanosleep(clock, 0, &t, 0), 0);
    }
    order[count++] = (int)i;
    return 0;
}

int main(void)
{
    pthread_t t[8];
    for (long i = 0; i < 8; i++)
        t[i] = start(sleeps, (void *)i);
    for (int i = 0; i < 8; i++)
        join(t[i]);
    CHECK_EQ(count, 8);
    for (int i = 0; i < 8; i++)
        CHECK_EQ(order[i], 7 - i);
    return finish();
}
