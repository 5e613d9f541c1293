/* abi_points.h: what the preload library makes a scheduling point, though it is no system call.
 *
 * The numbers lie behind those of the system calls, in the same table. Functions of one effect share
 * a point, which has the name of the best known one.
 */
#ifndef DST_ABI_POINTS_H
#define DST_ABI_POINTS_H

enum preload_point {
    POINT_malloc = 488,
    POINT_calloc = 489,
    POINT_realloc = 490,
    POINT_posix_memalign = 491,
    POINT_pthread_mutex_lock = 492,
    POINT_pthread_mutex_unlock = 493,
    POINT_pthread_rwlock_rdlock = 494,
    POINT_pthread_rwlock_wrlock = 495,
    POINT_pthread_rwlock_unlock = 496,
    POINT_pthread_spin_lock = 497,
    POINT_pthread_spin_unlock = 498,
    POINT_pthread_cond_wait = 499,
    POINT_pthread_cond_signal = 500,
    POINT_pthread_cond_broadcast = 501,
    POINT_pthread_barrier_wait = 502,
    POINT_pthread_once = 503,
    POINT_sem_wait = 504,
    POINT_sem_post = 505
};

#endif
