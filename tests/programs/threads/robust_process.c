/* A robust mutex whose owner process ends: exits, returns, is killed, crashes; waiters in another. */
#include "robust.h"

static atomic_int *locked;

static void die(int how)
{
    switch (how) {
    case 0:
        _exit(0);
    case 1:
        raise(SIGKILL);
        break;
    case 2:
        raise(SIGTERM);
        break;
    case 3:
        *(volatile int *)8 = 1;
        break;
    case 4:
        execl("/bin/true", "true", (char *)0);
        break;
    default:
        pause(); /* killed from outside the process */
    }
}
static void *in_thread(void *how)
{
    die((int)(long)how);
    return 0;
}

static void one_way(int how, int protocol, int from_thread)
{
    pthread_mutex_t *m = robust_mutex(PTHREAD_PROCESS_SHARED, protocol);
    *locked = 0;
    pid_t owner = fork();
    if (!owner) {
        CHECK_EQ(pthread_mutex_lock(m), 0);
        *locked = 1;
        sleep_ms(10);
        if (from_thread)
            join(start(in_thread, (void *)(long)how));
        die(how);
    }
    WAIT_UNTIL(*locked);
    pid_t waiter = fork();
    if (!waiter) {
        take_over(m);
        _exit(check_failures);
    }
    if (how == 5) {
        sleep_ms(15);
        kill(owner, SIGKILL);
    }
    int status;
    CHECK_EQ(waitpid(waiter, &status, 0), waiter);
    if (status)
        printf("how %d protocol %d thread %d\n", how, protocol, from_thread);
    CHECK_EQ(status, 0);
    CHECK_EQ(waitpid(owner, &status, 0), owner);
}

int main(void)
{
    locked = shared_page();
    for (int how = 0; how < 6; how++)
        for (int k = 0; k < 4; k++)
            one_way(how, k & 1 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE, k >> 1);
    return finish();
}
