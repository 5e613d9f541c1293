/* threads.c: locks and what else threads wait with are points also when nobody has to wait.
 *
 * Others may run before a lock is taken and after it was released: that is where a schedule can make
 * a difference. POSIX's functions and C11's, which do not call them by name; C++'s do. A call that has
 * to wait comes to the shim as the system call that it is.
 */
#include "preload.h"

/* In a program without threads an old libc has none of them: locks are nothing there. */
#define NEXT(result, name, parameters)                            \
    static result(*real) parameters;                              \
    if (unlikely(!real))                                          \
        real = (result(*) parameters)next_function(#name);        \
    if (unlikely(!real))                                          \
    return 0

#define POINT_BEFORE(point, name, parameters, object, ...) \
    EXPORT int name parameters;                            \
    int name parameters                                    \
    {                                                      \
        NEXT(int, name, parameters);                       \
        at_point(point, object);                           \
        return real(object, ##__VA_ARGS__);                \
    }

/* What did not get it may ask again and again, as one that spins. */
#define POINT_TRY(where, name)                                                  \
    EXPORT int name(void *object);                                              \
    int name(void *object)                                                      \
    {                                                                           \
        NEXT(int, name, (void *));                                              \
        at_point(where, object);                                                \
        int result = real(object);                                              \
        if (unlikely(result) && preload_table)                                  \
            preload_table->point(where, (word)object, POINT_FAILED);            \
        return result;                                                          \
    }

#define POINT_AFTER(point, name)        \
    EXPORT int name(void *object);      \
    int name(void *object)              \
    {                                   \
        NEXT(int, name, (void *));      \
        int result = real(object);      \
        at_point(point, object);        \
        return result;                  \
    }

typedef const void *time_at;

POINT_BEFORE(POINT_pthread_mutex_lock, pthread_mutex_lock, (void *m), m)
POINT_TRY(POINT_pthread_mutex_lock, pthread_mutex_trylock)
POINT_BEFORE(POINT_pthread_mutex_lock, pthread_mutex_timedlock, (void *m, time_at t), m, t)
POINT_BEFORE(POINT_pthread_mutex_lock, pthread_mutex_clocklock, (void *m, int clock, time_at t), m, clock, t)
POINT_BEFORE(POINT_pthread_mutex_lock, mtx_lock, (void *m), m)
POINT_TRY(POINT_pthread_mutex_lock, mtx_trylock)
POINT_BEFORE(POINT_pthread_mutex_lock, mtx_timedlock, (void *m, time_at t), m, t)
POINT_AFTER(POINT_pthread_mutex_unlock, pthread_mutex_unlock)
POINT_AFTER(POINT_pthread_mutex_unlock, mtx_unlock)

POINT_BEFORE(POINT_pthread_rwlock_rdlock, pthread_rwlock_rdlock, (void *l), l)
POINT_TRY(POINT_pthread_rwlock_rdlock, pthread_rwlock_tryrdlock)
POINT_BEFORE(POINT_pthread_rwlock_rdlock, pthread_rwlock_timedrdlock, (void *l, time_at t), l, t)
POINT_BEFORE(POINT_pthread_rwlock_rdlock, pthread_rwlock_clockrdlock, (void *l, int clock, time_at t),
             l, clock, t)
POINT_BEFORE(POINT_pthread_rwlock_wrlock, pthread_rwlock_wrlock, (void *l), l)
POINT_TRY(POINT_pthread_rwlock_wrlock, pthread_rwlock_trywrlock)
POINT_BEFORE(POINT_pthread_rwlock_wrlock, pthread_rwlock_timedwrlock, (void *l, time_at t), l, t)
POINT_BEFORE(POINT_pthread_rwlock_wrlock, pthread_rwlock_clockwrlock, (void *l, int clock, time_at t),
             l, clock, t)
POINT_AFTER(POINT_pthread_rwlock_unlock, pthread_rwlock_unlock)

POINT_TRY(POINT_pthread_spin_lock, pthread_spin_trylock)
POINT_AFTER(POINT_pthread_spin_unlock, pthread_spin_unlock)

POINT_BEFORE(POINT_pthread_cond_wait, pthread_cond_wait, (void *c, void *m), c, m)
POINT_BEFORE(POINT_pthread_cond_wait, pthread_cond_timedwait, (void *c, void *m, time_at t), c, m, t)
POINT_BEFORE(POINT_pthread_cond_wait, pthread_cond_clockwait, (void *c, void *m, int clock, time_at t),
             c, m, clock, t)
POINT_BEFORE(POINT_pthread_cond_wait, cnd_wait, (void *c, void *m), c, m)
POINT_BEFORE(POINT_pthread_cond_wait, cnd_timedwait, (void *c, void *m, time_at t), c, m, t)
POINT_AFTER(POINT_pthread_cond_signal, pthread_cond_signal)
POINT_AFTER(POINT_pthread_cond_signal, cnd_signal)
POINT_AFTER(POINT_pthread_cond_broadcast, pthread_cond_broadcast)
POINT_AFTER(POINT_pthread_cond_broadcast, cnd_broadcast)

POINT_BEFORE(POINT_pthread_barrier_wait, pthread_barrier_wait, (void *b), b)
POINT_BEFORE(POINT_pthread_once, pthread_once, (void *once, void (*f)(void)), once, f)
POINT_BEFORE(POINT_pthread_once, call_once, (void *once, void (*f)(void)), once, f)

POINT_BEFORE(POINT_sem_wait, sem_wait, (void *s), s)
POINT_TRY(POINT_sem_wait, sem_trywait)
POINT_BEFORE(POINT_sem_wait, sem_timedwait, (void *s, time_at t), s, t)
POINT_BEFORE(POINT_sem_wait, sem_clockwait, (void *s, int clock, time_at t), s, clock, t)
POINT_AFTER(POINT_sem_post, sem_post)

/* libc's own turns without a call until the lock is free: while one task turns no other runs. */
EXPORT int pthread_spin_lock(void *lock);
int pthread_spin_lock(void *lock)
{
    NEXT(int, pthread_spin_trylock, (void *));
    at_point(POINT_pthread_spin_lock, lock);
    while (real(lock))
        if (preload_table)
            preload_table->point(POINT_pthread_spin_lock, (word)lock, POINT_WAITS);
    return 0;
}
