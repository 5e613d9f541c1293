/* Owners of a robust mutex are killed one after the other; each waiter in line takes it over. */
#include "robust.h"

#define COUNT 5

static void owner(pthread_mutex_t *m, int last)
{
    int error = pthread_mutex_lock(m);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(m);
    else
        CHECK_EQ(error, 0);
    while (!last)
        pause();
    pthread_mutex_unlock(m);
    _exit(check_failures);
}

static void chain(int protocol)
{
    pthread_mutex_t *m = robust_mutex(PTHREAD_PROCESS_SHARED, protocol);
    pid_t pids[COUNT];
    int status;
    for (int i = 0; i < COUNT; i++) {
        pids[i] = fork();
        if (!pids[i])
            owner(m, i == COUNT - 1);
        sleep_ms(10);
    }
    for (int i = 0; i < COUNT - 1; i++) {
        kill(pids[i], SIGKILL);
        sleep_ms(10);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, i < COUNT - 1 ? SIGKILL : 0);
    }
}

int main(void)
{
    chain(PTHREAD_PRIO_NONE);
    chain(PTHREAD_PRIO_INHERIT);
    return finish();
}
