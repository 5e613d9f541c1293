/* Mutex, condition, barrier, rwlock and semaphore shared between processes. */
#include "threads.h"

static struct all {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    pthread_barrier_t barrier;
    pthread_rwlock_t rwlock;
    sem_t sem;
    long counter, turn, serial;
} *a;

static void child(long i)
{
    for (int k = 0; k < 10; k++) {
        pthread_mutex_lock(&a->lock);
        long seen = a->counter;
        sched_yield();
        a->counter = seen + 1;
        pthread_mutex_unlock(&a->lock);
    }
    if (pthread_barrier_wait(&a->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        a->serial++;
    CHECK_EQ(a->counter, 40);
    pthread_mutex_lock(&a->lock);
    while (a->turn != 3 - i)
        pthread_cond_wait(&a->cond, &a->lock);
    a->turn++;
    pthread_cond_broadcast(&a->cond);
    pthread_mutex_unlock(&a->lock);
    CHECK_EQ(pthread_rwlock_rdlock(&a->rwlock), 0);
    CHECK_EQ(a->turn, 100);
    pthread_rwlock_unlock(&a->rwlock);
    sem_post(&a->sem);
}

int main(void)
{
    pthread_mutexattr_t m;
    pthread_condattr_t c;
    pthread_barrierattr_t b;
    pthread_rwlockattr_t r;
    a = shared_page();
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&a->lock, &m);
    pthread_condattr_init(&c);
    pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&a->cond, &c);
    pthread_barrierattr_init(&b);
    pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&a->barrier, &b, 4);
    pthread_rwlockattr_init(&r);
    pthread_rwlockattr_setpshared(&r, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&a->rwlock, &r);
    CHECK_EQ(sem_init(&a->sem, 1, 0), 0);
    pthread_rwlock_wrlock(&a->rwlock);
    for (long i = 0; i < 4; i++)
        if (!fork()) {
            child(i);
            _exit(check_failures);
        }
    WAIT_UNTIL(a->turn == 4);
    a->turn = 100;
    pthread_rwlock_unlock(&a->rwlock);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(sem_wait(&a->sem), 0);
    for (int i = 0; i < 4; i++) {
        int status;
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
    }
    CHECK_EQ(a->serial, 1);
    return finish();
}
