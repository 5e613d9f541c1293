/* futex_waitv: several words at once. */
#include "threads.h"

#define PRIVATE (FUTEX_32 | FUTEX_PRIVATE_FLAG)
static unsigned words[4];
static atomic_int ready;

static long waitv(struct futex_waitv *v, unsigned n, struct timespec *t, clockid_t clock)
{
    return syscall(SYS_futex_waitv, v, n, 0, t, clock);
}
static void fill(struct futex_waitv *v)
{
    for (int i = 0; i < 4; i++)
        v[i] = (struct futex_waitv){.val = 0, .uaddr = (uintptr_t)&words[i], .flags = PRIVATE};
}
static void *waits(void *arg)
{
    struct futex_waitv v[4];
    fill(v);
    ready = 1;
    CHECK_EQ(waitv(v, 4, 0, 0), (long)arg);
    return 0;
}

int main(void)
{
    struct futex_waitv v[4];
    fill(v);
    CHECK_ERRNO(waitv(v, 0, 0, 0), EINVAL);
    CHECK_ERRNO(waitv(v, 129, 0, 0), EINVAL);
    words[2] = 1;
    CHECK_ERRNO(waitv(v, 4, 0, 0), EAGAIN);
    words[2] = 0;
    v[1].__reserved = 1;
    CHECK_ERRNO(waitv(v, 4, 0, 0), EINVAL);
    fill(v);
    v[3].flags = 0x7f;
    CHECK_ERRNO(waitv(v, 4, 0, 0), EINVAL);
    fill(v);
    struct timespec at = after_ms(CLOCK_MONOTONIC, 10);
    CHECK_ERRNO(waitv(v, 4, &at, CLOCK_MONOTONIC), ETIMEDOUT);
    at = after_ms(CLOCK_REALTIME, 10);
    CHECK_ERRNO(waitv(v, 4, &at, CLOCK_REALTIME), ETIMEDOUT);
    CHECK_ERRNO(waitv(v, 4, &at, 77), EINVAL);
    for (long i = 0; i < 4; i++) {
        ready = 0;
        pthread_t t = start(waits, (void *)i);
        WAIT_UNTIL(ready);
        sleep_ms(2);
        CHECK_EQ(futex(&words[i], FUTEX_WAKE_PRIVATE, 5, 0, 0, 0), 1);
        join(t);
        CHECK_EQ(futex(&words[(i + 1) & 3], FUTEX_WAKE_PRIVATE, 5, 0, 0, 0), 0);
    }
    return finish();
}
