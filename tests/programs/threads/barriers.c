/* Barriers, used over and over, and destroyed by who leaves first. */
#include "threads.h"

#define COUNT 7
static pthread_barrier_t barrier;
static atomic_int serial, phase[COUNT];

static void *body(void *arg)
{
    for (int i = 1; i <= 30; i++) {
        phase[(long)arg] = i;
        int r = pthread_barrier_wait(&barrier);
        if (r == PTHREAD_BARRIER_SERIAL_THREAD)
            serial++;
        else
            CHECK_EQ(r, 0);
        for (int k = 0; k < COUNT; k++)
            CHECK(phase[k] >= i);
    }
    return 0;
}
static void *once(void *b)
{
    if (pthread_barrier_wait(b) == PTHREAD_BARRIER_SERIAL_THREAD) {
        pthread_barrier_destroy(b);
        memset(b, 0xff, sizeof(pthread_barrier_t));
    }
    return 0;
}

int main(void)
{
    pthread_t t[COUNT];
    pthread_barrier_init(&barrier, 0, COUNT);
    for (long i = 0; i < COUNT; i++)
        t[i] = start(body, (void *)i);
    for (int i = 0; i < COUNT; i++)
        join(t[i]);
    CHECK_EQ(serial, 30);
    for (int round = 0; round < 10; round++) {
        static pthread_barrier_t b;
        pthread_barrier_init(&b, 0, 3);
        for (int i = 0; i < 3; i++)
            t[i] = start(once, &b);
        for (int i = 0; i < 3; i++)
            join(t[i]);
    }
    CHECK_EQ(pthread_barrier_init(&barrier, 0, 0), EINVAL);
    return finish();
}
