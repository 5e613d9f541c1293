/* Detached threads: by attribute, by call, by themselves; their stacks are used again. */
#include "threads.h"

static sem_t done;
static atomic_int ran;
static void *body(void *self_too)
{
    if (self_too)
        CHECK_EQ(pthread_detach(pthread_self()), 0);
    ran++;
    sem_post(&done);
    return 0;
}

int main(void)
{
    pthread_attr_t attr;
    pthread_t t;
    sem_init(&done, 0, 0);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 60; i++) {
        CHECK_EQ(pthread_create(&t, i % 3 ? 0 : &attr, body, i % 3 == 1 ? &t : 0), 0);
        if (i % 3 == 2)
            CHECK_EQ(pthread_detach(t), 0);
        if (i % 10 == 9)
            for (int k = 0; k < 10; k++)
                sem_wait(&done);
    }
    CHECK_EQ(ran, 60);
    return finish();
}
