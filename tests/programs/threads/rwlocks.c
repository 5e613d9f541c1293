/* Read-write locks: readers together, writers alone, tried, timed, writers preferred. */
#include "threads.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static atomic_int readers, readers_max, writers;
static long value, copy;

static void *reads(void *arg)
{
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(pthread_rwlock_rdlock(&lock), 0);
        int now = ++readers;
        if (now > readers_max)
            readers_max = now;
        CHECK_EQ(writers, 0);
        sched_yield();
        CHECK_EQ(value, copy);
        readers--;
        pthread_rwlock_unlock(&lock);
        sched_yield();
    }
    return arg;
}
static void *writes(void *arg)
{
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(pthread_rwlock_wrlock(&lock), 0);
        CHECK_EQ(++writers, 1);
        CHECK_EQ(readers, 0);
        value++;
        sched_yield();
        copy++;
        writers--;
        pthread_rwlock_unlock(&lock);
        sleep_ms(1);
    }
    return arg;
}
static void *while_written(void *arg)
{
    struct timespec at = after_ms(CLOCK_REALTIME, 10);
    CHECK_EQ(pthread_rwlock_tryrdlock(&lock), EBUSY);
    CHECK_EQ(pthread_rwlock_trywrlock(&lock), EBUSY);
    CHECK_EQ(pthread_rwlock_timedrdlock(&lock, &at), ETIMEDOUT);
    at = after_ms(CLOCK_MONOTONIC, 10);
    CHECK_EQ(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &at), ETIMEDOUT);
    return arg;
}

int main(void)
{
    pthread_t t[7];
    for (int i = 0; i < 7; i++)
        t[i] = start(i < 5 ? reads : writes, 0);
    for (int i = 0; i < 7; i++)
        join(t[i]);
    CHECK_EQ(value, 40);
    CHECK(readers_max > 1);
    CHECK_EQ(pthread_rwlock_wrlock(&lock), 0);
    CHECK_EQ(pthread_rwlock_rdlock(&lock), EDEADLK);
    join(start(while_written, 0));
    pthread_rwlock_unlock(&lock);
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&lock, &attr);
    value = copy = 0;
    for (int i = 0; i < 7; i++)
        t[i] = start(i < 5 ? reads : writes, 0);
    for (int i = 0; i < 7; i++)
        join(t[i]);
    CHECK_EQ(value, 40);
    return finish();
}
