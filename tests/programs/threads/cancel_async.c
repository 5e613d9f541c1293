/* Asynchronous cancellation; cancellation that is disabled waits; a cancel before it starts. */
#include "threads.h"

static atomic_int ready, go, passed;
static int old;

static void *sleeps(void *arg)
{
    (void)arg;
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
    ready = 1;
    syscall(SYS_pause);
    return 0;
}
static void *disabled(void *arg)
{
    (void)arg;
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
    ready = 1;
    WAIT_UNTIL(go);
    sleep_ms(3);
    passed = 1;
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old), 0);
    CHECK_EQ(old, PTHREAD_CANCEL_DISABLE);
    pthread_testcancel();
    return 0;
}
static void *at_once(void *arg)
{
    (void)arg;
    for (;;)
        sleep(10);
    return 0;
}

int main(void)
{
    void *(*bodies[])(void *) = {sleeps, disabled};
    for (int i = 0; i < 2; i++) {
        ready = 0;
        pthread_t t = start(bodies[i], 0);
        WAIT_UNTIL(ready);
        CHECK_EQ(pthread_cancel(t), 0);
        go = 1;
        CHECK(join(t) == PTHREAD_CANCELED);
    }
    CHECK_EQ(passed, 1);
    pthread_t t = start(at_once, 0);
    CHECK_EQ(pthread_cancel(t), 0);
    CHECK(join(t) == PTHREAD_CANCELED);
    return finish();
}
