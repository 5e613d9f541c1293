/* A condition variable with a priority-inheriting mutex; FUTEX_CMP_REQUEUE_PI where the kernel has it. */
#include "threads.h"

static pthread_mutex_t lock;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long turn, done;
static unsigned from, pi;
static atomic_int waiting, owners;

static void *waits(void *arg)
{
    pthread_mutex_lock(&lock);
    while (turn != (long)arg)
        pthread_cond_wait(&cond, &lock);
    turn++;
    done++;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
    return 0;
}
static void *requeued(void *arg)
{
    waiting++;
    CHECK_EQ(futex(&from, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, 0, &pi, 0), 0);
    CHECK_EQ(pi & FUTEX_TID_MASK, my_tid());
    owners++;
    CHECK_EQ(futex(&pi, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0), 0);
    return arg;
}

int main(void)
{
    pthread_t t[6];
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    CHECK_EQ(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT), 0);
    CHECK_EQ(pthread_mutex_init(&lock, &attr), 0);
    for (long i = 0; i < 6; i++)
        t[i] = start(waits, (void *)(5 - i));
    for (int i = 0; i < 6; i++)
        join(t[i]);
    CHECK_EQ(done, 6);
    for (int i = 0; i < 3; i++)
        t[i] = start(requeued, 0);
    WAIT_UNTIL(waiting == 3);
    sleep_ms(2);
    CHECK_EQ(futex(&from, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)9, &pi, 0), 3);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    CHECK_EQ(owners, 3);
    struct timespec at = after_ms(CLOCK_MONOTONIC, 10);
    CHECK_ERRNO(futex(&from, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &at, &pi, 0), ETIMEDOUT);
    return finish();
}
