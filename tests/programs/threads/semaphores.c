/* Semaphores: unnamed, named and opened by several processes, timed on both clocks. */
#include "threads.h"

static sem_t empty, items;
static int produced, taken;

static void *produces(void *arg)
{
    for (int i = 0; i < 50; i++) {
        sem_wait(&empty);
        produced++;
        sem_post(&items);
    }
    return arg;
}
static void *takes(void *arg)
{
    for (int i = 0; i < 50; i++) {
        sem_wait(&items);
        taken++;
        sem_post(&empty);
    }
    return arg;
}

static void named(void)
{
    char name[64];
    int status, value;
    snprintf(name, sizeof name, "/semaphores_%d", getpid());
    sem_t *s = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    CHECK(s != SEM_FAILED);
    CHECK(sem_open(name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED);
    pid_t pid = fork();
    if (!pid) {
        sem_t *mine = sem_open(name, 0);
        sleep_ms(2);
        sem_post(mine);
        sem_post(mine);
        _exit(mine == SEM_FAILED);
    }
    CHECK_EQ(sem_wait(s), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_EQ(sem_getvalue(s, &value), 0);
    CHECK_EQ(value, 1);
    CHECK_EQ(sem_unlink(name), 0);
    CHECK_EQ(sem_close(s), 0);
    CHECK(sem_open(name, 0) == SEM_FAILED);
}

int main(void)
{
    struct timespec at;
    sem_init(&empty, 0, 3);
    sem_init(&items, 0, 0);
    pthread_t a = start(produces, 0), b = start(takes, 0);
    join(a);
    join(b);
    CHECK_EQ(produced, taken);
    CHECK_ERRNO(sem_trywait(&items), EAGAIN);
    at = after_ms(CLOCK_REALTIME, 15);
    CHECK_ERRNO(sem_timedwait(&items, &at), ETIMEDOUT);
    at = after_ms(CLOCK_MONOTONIC, 15);
    CHECK_ERRNO(sem_clockwait(&items, CLOCK_MONOTONIC, &at), ETIMEDOUT);
    sem_init(&items, 0, 0x7fffffff);
    CHECK_ERRNO(sem_post(&items), EOVERFLOW);
    named();
    return finish();
}
