/* Timeouts of futex waits: relative, absolute, on both clocks; bad ones. */
#include "threads.h"

static unsigned word;

static long waited(int op, clockid_t clock, long ms, int absolute)
{
    struct timespec t = absolute ? after_ms(clock, ms) : (struct timespec){ms / 1000, ms % 1000 * 1000000};
    long begin = now_ms(CLOCK_MONOTONIC);
    CHECK_ERRNO(futex(&word, op, 0, &t, 0, ~0u), ETIMEDOUT);
    return now_ms(CLOCK_MONOTONIC) - begin;
}
static int about(long ms, long wanted) { return ms >= wanted - 1 && ms < wanted + 500; }

int main(void)
{
    CHECK(about(waited(FUTEX_WAIT_PRIVATE, CLOCK_MONOTONIC, 20, 0), 20));
    CHECK(about(waited(FUTEX_WAIT, CLOCK_MONOTONIC, 20, 0), 20));
    CHECK(about(waited(FUTEX_WAIT_BITSET_PRIVATE, CLOCK_MONOTONIC, 20, 1), 20));
    CHECK(about(waited(FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, CLOCK_REALTIME, 20, 1), 20));
    struct timespec past = {1, 0}, bad = {1, 1000000000}, negative = {-1, 0};
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &past, 0, ~0u), ETIMEDOUT);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &past, 0, ~0u), ETIMEDOUT);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, &bad, 0, 0), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, &negative, 0, 0), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, (void *)8, 0, 0), EFAULT);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 1, &past, 0, 0), EAGAIN);
    return finish();
}
