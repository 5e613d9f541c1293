/* Robust mutexes: what all tests of them do. */
#ifndef ROBUST_H
#define ROBUST_H
#include "threads.h"

static inline pthread_mutex_t *robust_mutex(int shared, int protocol)
{
    pthread_mutexattr_t attr;
    pthread_mutex_t *m = shared_page();
    pthread_mutexattr_init(&attr);
    CHECK_EQ(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&attr, shared), 0);
    CHECK_EQ(pthread_mutexattr_setprotocol(&attr, protocol), 0);
    CHECK_EQ(pthread_mutex_init(m, &attr), 0);
    return m;
}

/* The owner has died: whoever locks next is told, and makes it consistent. */
static inline void take_over(pthread_mutex_t *m)
{
    CHECK_EQ(pthread_mutex_lock(m), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(m), 0);
    CHECK_EQ(pthread_mutex_unlock(m), 0);
    CHECK_EQ(pthread_mutex_lock(m), 0);
    CHECK_EQ(pthread_mutex_unlock(m), 0);
}
#endif
