/* FUTEX_LOCK_PI and its kin, raw: owner in the word, hand-over, errors. */
#include "threads.h"

static unsigned word;
static atomic_int got;

static void *locks(void *arg)
{
    CHECK_EQ(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0), 0);
    CHECK_EQ(word & FUTEX_TID_MASK, my_tid());
    got++;
    CHECK_EQ(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0), 0);
    return arg;
}
static void *tries(void *arg)
{
    struct timespec at = after_ms(CLOCK_REALTIME, 10);
    CHECK_ERRNO(futex(&word, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0, 0, 0), EAGAIN);
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &at, 0, 0), ETIMEDOUT);
    at = after_ms(CLOCK_MONOTONIC, 10);
    CHECK_ERRNO(futex(&word, 13 | FUTEX_PRIVATE_FLAG, 0, &at, 0, 0), ETIMEDOUT);
    CHECK_ERRNO(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0), EPERM);
    return arg;
}

int main(void)
{
    pthread_t t[3];
    CHECK_EQ(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0), 0);
    CHECK_EQ(word & FUTEX_TID_MASK, my_tid());
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0), EDEADLK);
    join(start(tries, 0));
    for (int i = 0; i < 3; i++)
        t[i] = start(locks, 0);
    sleep_ms(5);
    CHECK_EQ(got, 0);
    CHECK(word & FUTEX_WAITERS);
    CHECK_EQ(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0), 0);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    CHECK_EQ(got, 3);
    CHECK_EQ(word & FUTEX_TID_MASK, 0);
    CHECK_ERRNO(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, 0, 0, 0), EPERM);
    word = 4000000;
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, 0, 0, 0), ESRCH);
    return finish();
}
