/* Threads come and go, and hand back what they return. */
#include "threads.h"

static void *doubled(void *arg) { return (void *)((long)arg * 2); }
static void *exits(void *arg)
{
    pthread_exit(arg);
    return 0;
}
static void *nested(void *arg)
{
    long n = (long)arg;
    return n ? (void *)((long)join(start(nested, (void *)(n - 1))) + 1) : 0;
}
static void *joins(void *other) { return join(*(pthread_t *)other); }

int main(void)
{
    pthread_t t[8];
    for (long i = 0; i < 8; i++)
        t[i] = start(doubled, (void *)i);
    for (long i = 7; i >= 0; i--)
        CHECK_EQ(join(t[i]), 2 * i);
    CHECK_EQ(join(start(exits, (void *)77)), 77);
    CHECK_EQ(join(start(nested, (void *)12)), 12);
    t[0] = start(doubled, (void *)21);
    t[1] = start(joins, &t[0]);
    CHECK_EQ(join(t[1]), 42);
    CHECK_EQ(pthread_join(pthread_self(), 0), EDEADLK);
    for (long i = 0; i < 300; i++)
        CHECK_EQ(join(start(doubled, (void *)i)), 2 * i);
    return finish();
}
