/* The leader has left, and a thread computes for long without a call, while another one sleeps. */
#include "threads.h"

static volatile long turns;

static void *computes(void *unused)
{
    (void)unused;
    for (long i = 0; i < 1500 * 1000 * 1000L; i++)
        turns++;
    CHECK_EQ(turns, 1500 * 1000 * 1000L);
    return 0;
}

static void *sleeps(void *thread)
{
    sleep_ms(1);
    CHECK_EQ(pthread_join(*(pthread_t *)thread, 0), 0);
    exit(finish());
}

int main(void)
{
    static pthread_t one, other;
    CHECK_EQ(pthread_create(&one, 0, computes, 0), 0);
    CHECK_EQ(pthread_create(&other, 0, sleeps, &one), 0);
    pthread_exit(0);
}
