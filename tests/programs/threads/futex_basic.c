/* FUTEX_WAIT and WAKE: who is woken, how many, and what is refused. */
#include "threads.h"

static unsigned word;
static atomic_int waiting, woken;

static void *waits(void *arg)
{
    waiting++;
    CHECK_EQ(futex(&word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0), 0);
    woken++;
    return arg;
}

int main(void)
{
    pthread_t t[6];
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0), EAGAIN);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 5, 0, 0, 0), 0);
    CHECK_ERRNO(futex((char *)&word + 1, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0), EINVAL);
    CHECK_ERRNO(futex((char *)&word + 1, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0), EINVAL);
    CHECK_ERRNO(futex((void *)4096, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0), EFAULT);
    CHECK_ERRNO(futex((void *)4096, FUTEX_WAIT, 0, 0, 0, 0), EFAULT);
    CHECK_ERRNO(futex((void *)4096, FUTEX_WAKE, 1, 0, 0, 0), EFAULT);
    CHECK_ERRNO(futex(&word, 99, 0, 0, 0, 0), ENOSYS);
    CHECK_ERRNO(futex(&word, FUTEX_WAKE_PRIVATE | FUTEX_CLOCK_REALTIME, 1, 0, 0, 0), ENOSYS);
    for (int i = 0; i < 6; i++)
        t[i] = start(waits, 0);
    WAIT_UNTIL(waiting == 6);
    sleep_ms(2);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0), 1);
    WAIT_UNTIL(woken == 1);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 2, 0, 0, 0), 2);
    WAIT_UNTIL(woken == 3);
    sleep_ms(2);
    CHECK_EQ(woken, 3);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 0x7fffffff, 0, 0, 0), 3);
    for (int i = 0; i < 6; i++)
        join(t[i]);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0), 0);
    return finish();
}
