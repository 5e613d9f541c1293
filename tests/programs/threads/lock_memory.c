/* Mutexes in memory that is freed and mapped again at once: no waiter of old is remembered. */
#include "threads.h"

static void *locks(void *m)
{
    pthread_mutex_lock(m);
    pthread_mutex_unlock(m);
    return 0;
}

int main(void)
{
    for (int i = 0; i < 60; i++) {
        void *at = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pthread_mutex_t *m = at;
        pthread_mutex_init(m, 0);
        pthread_mutex_lock(m);
        pthread_t a = start(locks, m), b = start(locks, m);
        sched_yield();
        pthread_mutex_unlock(m);
        join(a);
        join(b);
        CHECK_EQ(futex(at, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0), 0);
        munmap(at, 4096);
    }
    return finish();
}
