/* FUTEX_WAIT_BITSET and WAKE_BITSET. */
#include "threads.h"

static unsigned word;
static atomic_int waiting, woken[4];

static void *waits(void *arg)
{
    long i = (long)arg;
    waiting++;
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, 1u << i), 0);
    woken[i] = 1;
    return 0;
}

int main(void)
{
    pthread_t t[4];
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, 0), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 0), EINVAL);
    for (long i = 0; i < 4; i++)
        t[i] = start(waits, (void *)i);
    WAIT_UNTIL(waiting == 4);
    sleep_ms(2);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 0x70), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 4), 1);
    join(t[2]);
    CHECK(!woken[0] && !woken[1] && woken[2] && !woken[3]);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 10), 1);
    WAIT_UNTIL(woken[1] || woken[3]);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0), 2);
    join(t[0]);
    join(t[1]);
    join(t[3]);
    return finish();
}
