/* <threads.h> of C11. */
#include "threads.h"
#undef THREADS_H
#include <threads.h>

static mtx_t lock;
static cnd_t cond;
static once_flag flag = ONCE_FLAG_INIT;
static tss_t slot;
static int value, onces;
static atomic_int freed;

static void first(void) { onces++; }
static void release(void *p) { freed += (int)(long)p; }
static int body(void *arg)
{
    call_once(&flag, first);
    tss_set(slot, (void *)2);
    mtx_lock(&lock);
    while (!value)
        cnd_wait(&cond, &lock);
    mtx_unlock(&lock);
    return (int)(long)arg;
}

int main(void)
{
    thrd_t t[6];
    int result;
    CHECK_EQ(mtx_init(&lock, mtx_timed), thrd_success);
    CHECK_EQ(cnd_init(&cond), thrd_success);
    CHECK_EQ(tss_create(&slot, release), thrd_success);
    for (long i = 0; i < 6; i++)
        CHECK_EQ(thrd_create(&t[i], body, (void *)i), thrd_success);
    thrd_sleep(&(struct timespec){0, 1000000}, 0);
    mtx_lock(&lock);
    struct timespec at = after_ms(CLOCK_REALTIME, 5);
    CHECK_EQ(cnd_timedwait(&cond, &lock, &at), thrd_timedout);
    value = 1;
    cnd_broadcast(&cond);
    mtx_unlock(&lock);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(thrd_join(t[i], &result), thrd_success);
        CHECK_EQ(result, i);
    }
    CHECK_EQ(onces, 1);
    CHECK_EQ(freed, 12);
    return finish();
}
