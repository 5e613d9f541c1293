/* Mutexes of every kind: counted, checked, recursive, adaptive, timed. */
#include "threads.h"

static pthread_mutex_t lock;
static long counter;

static void *counts(void *arg)
{
    for (int i = 0; i < 30; i++) {
        CHECK_EQ(pthread_mutex_lock(&lock), 0);
        long seen = counter;
        if (i % 3 == 0)
            sched_yield();
        counter = seen + 1;
        CHECK_EQ(pthread_mutex_unlock(&lock), 0);
    }
    return arg;
}
static void *held(void *arg)
{
    struct timespec at = after_ms(CLOCK_REALTIME, 10);
    CHECK_EQ(pthread_mutex_trylock(&lock), EBUSY);
    CHECK_EQ(pthread_mutex_timedlock(&lock, &at), ETIMEDOUT);
    at = after_ms(CLOCK_MONOTONIC, 10);
    CHECK_EQ(pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &at), ETIMEDOUT);
    return arg;
}

int main(void)
{
    int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE,
                   PTHREAD_MUTEX_ADAPTIVE_NP};
    pthread_t t[6];
    for (int i = 0; i < 4; i++) {
        pthread_mutexattr_t attr;
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_settype(&attr, types[i]);
        CHECK_EQ(pthread_mutex_init(&lock, &attr), 0);
        counter = 0;
        for (int k = 0; k < 6; k++)
            t[k] = start(counts, 0);
        for (int k = 0; k < 6; k++)
            join(t[k]);
        CHECK_EQ(counter, 180);
        CHECK_EQ(pthread_mutex_lock(&lock), 0);
        join(start(held, 0));
        if (types[i] == PTHREAD_MUTEX_ERRORCHECK)
            CHECK_EQ(pthread_mutex_lock(&lock), EDEADLK);
        if (types[i] == PTHREAD_MUTEX_RECURSIVE) {
            CHECK_EQ(pthread_mutex_lock(&lock), 0);
            CHECK_EQ(pthread_mutex_unlock(&lock), 0);
        }
        CHECK_EQ(pthread_mutex_unlock(&lock), 0);
        CHECK_EQ(pthread_mutex_destroy(&lock), 0);
    }
    return finish();
}
