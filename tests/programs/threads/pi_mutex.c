/* Mutexes with priority inheritance: contended, tried, timed, recursive, error-checking. */
#include "threads.h"

static pthread_mutex_t lock;
static long counter;

static void *counts(void *arg)
{
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(pthread_mutex_lock(&lock), 0);
        long seen = counter;
        sched_yield();
        counter = seen + 1;
        CHECK_EQ(pthread_mutex_unlock(&lock), 0);
        if (i % 5 == 0)
            sleep_ms(1);
    }
    return arg;
}
static void *held(void *arg)
{
    struct timespec at = after_ms(CLOCK_REALTIME, 15);
    CHECK_EQ(pthread_mutex_trylock(&lock), EBUSY);
    long begin = now_ms(CLOCK_MONOTONIC);
    CHECK_EQ(pthread_mutex_timedlock(&lock, &at), ETIMEDOUT);
    CHECK(now_ms(CLOCK_MONOTONIC) - begin >= 13);
    at = after_ms(CLOCK_MONOTONIC, 15);
    int error = pthread_mutex_clocklock(&lock, CLOCK_MONOTONIC, &at);
    CHECK(error == ETIMEDOUT || error == EINVAL);
    at = (struct timespec){1, 0};
    CHECK_EQ(pthread_mutex_timedlock(&lock, &at), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_unlock(&lock), EPERM);
    return arg;
}
static void init(int type, int shared)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    CHECK_EQ(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), 0);
    pthread_mutexattr_settype(&attr, type);
    pthread_mutexattr_setpshared(&attr, shared);
    CHECK_EQ(pthread_mutex_init(&lock, &attr), 0);
}

int main(void)
{
    pthread_t t[5];
    int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};
    for (int i = 0; i < 6; i++) {
        init(types[i % 3], i / 3 ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE);
        counter = 0;
        for (int k = 0; k < 5; k++)
            t[k] = start(counts, 0);
        for (int k = 0; k < 5; k++)
            join(t[k]);
        CHECK_EQ(counter, 100);
    }
    init(PTHREAD_MUTEX_ERRORCHECK, 0);
    CHECK_EQ(pthread_mutex_lock(&lock), 0);
    CHECK_EQ(pthread_mutex_lock(&lock), EDEADLK);
    join(start(held, 0));
    CHECK_EQ(pthread_mutex_unlock(&lock), 0);
    CHECK_EQ(pthread_mutex_unlock(&lock), EPERM);
    init(PTHREAD_MUTEX_RECURSIVE, 0);
    CHECK_EQ(pthread_mutex_lock(&lock), 0);
    CHECK_EQ(pthread_mutex_lock(&lock), 0);
    CHECK_EQ(pthread_mutex_unlock(&lock), 0);
    CHECK_EQ(pthread_mutex_unlock(&lock), 0);
    CHECK_EQ(pthread_mutex_unlock(&lock), EPERM);
    return finish();
}
