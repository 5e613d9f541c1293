/* A process's signal goes to a thread that takes it, a thread's to that one only. */
#include "threads.h"

static atomic_long taken_by[3];
static atomic_int tids[3], stop;

static void on_signal(int signo)
{
    (void)signo;
    for (int i = 0; i < 3; i++)
        if (tids[i] == my_tid())
            taken_by[i]++;
}
static void *body(void *arg)
{
    long i = (long)arg;
    if (i != 1)
        mask_one(SIG_BLOCK, SIGUSR1);
    tids[i] = my_tid();
    while (!stop)
        sleep_ms(1);
    return 0;
}

int main(void)
{
    pthread_t t[3];
    install(SIGUSR1, on_signal, 0);
    install(SIGUSR2, on_signal, 0);
    mask_one(SIG_BLOCK, SIGUSR2);
    for (long i = 0; i < 3; i++)
        t[i] = start(body, (void *)i);
    WAIT_UNTIL(tids[0] && tids[1] && tids[2]);
    mask_one(SIG_BLOCK, SIGUSR1);
    for (int i = 1; i <= 5; i++) {
        kill(getpid(), SIGUSR1);
        WAIT_UNTIL(taken_by[1] == i);
    }
    CHECK_EQ(taken_by[0] + taken_by[2], 0);
    pthread_kill(t[0], SIGUSR1);
    pthread_kill(t[2], SIGUSR2);
    sleep_ms(5);
    CHECK_EQ(taken_by[0] + taken_by[1] + taken_by[2], 5);
    stop = 1;
    for (int i = 0; i < 3; i++)
        join(t[i]);
    sigset_t set;
    sigpending(&set);
    CHECK(!sigismember(&set, SIGUSR1) && !sigismember(&set, SIGUSR2));
    return finish();
}
