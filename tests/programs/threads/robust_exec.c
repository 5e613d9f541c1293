/* An exec that fails leaves robust locks held, and the other threads waiting. */
#include "robust.h"

static sem_t never;
static atomic_int woken;

static void *waits(void *arg)
{
    sem_wait(&never);
    woken = 1;
    return arg;
}

int main(void)
{
    int status;
    pthread_mutex_t *m = robust_mutex(PTHREAD_PROCESS_SHARED, PTHREAD_PRIO_NONE);
    size_t bytes = 3 << 20; /* more than one argument may have */
    char *big = malloc(bytes), *argv[] = {"true", big, 0}, *environment[] = {0};
    memset(big, 'a', bytes);
    big[bytes - 1] = 0;
    sem_init(&never, 0, 0);
    pthread_t t = start(waits, 0);
    sleep_ms(2);
    CHECK_EQ(pthread_mutex_lock(m), 0);
    CHECK_ERRNO(execve("/bin/true", argv, environment), E2BIG);
    CHECK(!woken);
    IN_CHILD(status, CHECK_EQ(pthread_mutex_trylock(m), EBUSY));
    CHECK_EQ(status, 0);
    CHECK_EQ(pthread_mutex_unlock(m), 0);
    sem_post(&never);
    join(t);
    return finish();
}
