/* FUTEX_REQUEUE and CMP_REQUEUE: some are woken, others wait on at another word. */
#include "threads.h"

static unsigned from, to;
static atomic_int waiting, woken;

static void *waits(void *arg)
{
    waiting++;
    CHECK_EQ(futex(&from, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0), 0);
    woken++;
    return arg;
}
static void crowd(pthread_t *t, int count)
{
    waiting = woken = 0;
    for (int i = 0; i < count; i++)
        t[i] = start(waits, 0);
    WAIT_UNTIL(waiting == count);
    sleep_ms(2);
}

int main(void)
{
    pthread_t t[6];
    crowd(t, 6);
    CHECK_ERRNO(futex(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)9, &to, 1), EAGAIN);
    CHECK_ERRNO(futex(&from, FUTEX_CMP_REQUEUE_PRIVATE, -1, (void *)9, &to, 0), EINVAL);
    CHECK_EQ(futex(&from, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)3, &to, 0), 4);
    WAIT_UNTIL(woken == 1);
    CHECK_EQ(futex(&from, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0), 2);
    WAIT_UNTIL(woken == 3);
    CHECK_EQ(futex(&to, FUTEX_WAKE_PRIVATE, 2, 0, 0, 0), 2);
    CHECK_EQ(futex(&to, FUTEX_WAKE_PRIVATE, 2, 0, 0, 0), 1);
    for (int i = 0; i < 6; i++)
        join(t[i]);
    crowd(t, 4);
    CHECK_EQ(futex(&from, FUTEX_REQUEUE_PRIVATE, 0, (void *)9, &to, 0), 4);
    CHECK_EQ(futex(&to, FUTEX_REQUEUE_PRIVATE, 1, (void *)2, &from, 0), 3);
    CHECK_EQ(futex(&to, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0), 1);
    CHECK_EQ(futex(&from, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0), 2);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    crowd(t, 3);
    CHECK_EQ(futex(&from, FUTEX_REQUEUE_PRIVATE, 1, (void *)9, &from, 0), 3);
    CHECK_EQ(futex(&from, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0), 2);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    return finish();
}
