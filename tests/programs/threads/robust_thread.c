/* A robust mutex whose owner thread ends: by return, by cancellation, with waiters. */
#include "robust.h"

static pthread_mutex_t *lock, *second;
static atomic_int locked, go;

static void *dies(void *how)
{
    CHECK_EQ(pthread_mutex_lock(lock), 0);
    if (second)
        CHECK_EQ(pthread_mutex_lock(second), 0);
    locked = 1;
    WAIT_UNTIL(go);
    if (how == (void *)1)
        sleep(1000);
    if (how == (void *)2)
        syscall(SYS_exit, 0);
    return 0;
}
static void *waits(void *arg)
{
    take_over(lock);
    return arg;
}

static void one_way(long how, int shared, int protocol)
{
    lock = robust_mutex(shared, protocol);
    second = robust_mutex(shared, protocol);
    locked = go = 0;
    pthread_t owner = start(dies, (void *)how);
    WAIT_UNTIL(locked);
    CHECK_EQ(pthread_mutex_trylock(lock), EBUSY);
    pthread_t waiter = start(waits, 0);
    sleep_ms(3);
    go = 1;
    sleep_ms(3);
    if (how == 1)
        pthread_cancel(owner);
    join(waiter);
    if (how != 2)
        join(owner);
    CHECK_EQ(pthread_mutex_trylock(second), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_unlock(second), 0);
    CHECK_EQ(pthread_mutex_lock(second), ENOTRECOVERABLE);
}

int main(void)
{
    for (long how = 0; how < 3; how++)
        for (int shared = 0; shared < 2; shared++)
            for (int pi = 0; pi < 2; pi++)
                one_way(how, shared, pi ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
    return finish();
}
