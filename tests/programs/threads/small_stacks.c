/* The smallest stacks that there are, deep enough for calls that trap. */
#include "raw_clone.h"
#include <limits.h>

#define COUNT 40
static struct raw {
    char stack[4096];
    int tid, ready;
    char pad[56];
} raws[8] __attribute__((aligned(4096)));

static void *body(void *arg)
{
    char page[2000];
    memset(page, (int)(long)arg, sizeof page);
    struct timespec t = {0, 1000000};
    nanosleep(&t, 0);
    return (void *)(long)page[1999];
}
static void raw_nap(void *arg)
{
    struct timespec t = {0, 2000000};
    raw_call(SYS_nanosleep, (long)&t, 0, 0, 0);
    ((struct raw *)arg)->ready = 1;
}

int main(void)
{
    pthread_attr_t attr;
    pthread_t t[COUNT];
    pthread_attr_init(&attr);
    CHECK_EQ(pthread_attr_setstacksize(&attr, 16384), 0);
    CHECK_EQ(pthread_attr_setguardsize(&attr, 4096), 0);
    for (long i = 0; i < COUNT; i++)
        CHECK_EQ(pthread_create(&t[i], &attr, body, (void *)i), 0);
    for (long i = 0; i < COUNT; i++)
        CHECK_EQ(join(t[i]), i);
    unsigned long flags = THREAD_FLAGS | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    for (int i = 0; i < 8; i++) {
        raws[i].tid = -1;
        CHECK(raw_clone(flags, raws[i].stack + 4096, 0, &raws[i].tid, 0, raw_nap, &raws[i]) > 0);
    }
    for (int i = 0; i < 8; i++) {
        wait_cleared(&raws[i].tid);
        CHECK_EQ(raws[i].ready, 1);
    }
    return finish();
}
