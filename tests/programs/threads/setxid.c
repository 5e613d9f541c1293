/* setuid and friends change all threads of a process (libc signals each of them). */
#include "threads.h"

static sem_t ready, go, done;
static uid_t seen[4];
static void *body(void *arg)
{
    sem_post(&ready);
    if ((long)arg & 1)
        sem_wait(&go);
    else
        sleep_ms(20);
    seen[(long)arg] = getuid();
    sem_post(&done);
    return 0;
}

static void change(void)
{
    for (long i = 0; i < 4; i++)
        start(body, (void *)i);
    for (int i = 0; i < 4; i++)
        sem_wait(&ready);
    CHECK_EQ(setgid(getgid()), 0);
    CHECK_EQ(setuid(getuid()), 0);
    sem_post(&go);
    sem_post(&go);
    for (int i = 0; i < 4; i++)
        sem_wait(&done);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(seen[i], getuid());
}

int main(void)
{
    int status;
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    sem_init(&done, 0, 0);
    IN_CHILD(status, change());
    CHECK_EQ(status, 0);
    return finish();
}
