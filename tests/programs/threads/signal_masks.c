/* Masks are a thread's own and are inherited; pending sets are the thread's and the process's. */
#include "threads.h"

static atomic_int handled;
static atomic_long handled_by;
static sem_t sent, checked;

static void on_signal(int signo)
{
    (void)signo;
    handled++;
    handled_by = my_tid();
}
static int pending(int signo)
{
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, signo);
}
static int blocked(int signo)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, 0, &set);
    return sigismember(&set, signo);
}
static void *inherits(void *arg)
{
    CHECK(blocked(SIGUSR1) && !blocked(SIGUSR2));
    sem_wait(&sent);
    CHECK(pending(SIGUSR1));
    CHECK_EQ(handled, 0);
    mask_one(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(handled, 1);
    CHECK_EQ(handled_by, my_tid());
    CHECK(!pending(SIGUSR1));
    sem_post(&checked);
    return arg;
}

int main(void)
{
    sem_init(&sent, 0, 0);
    sem_init(&checked, 0, 0);
    install(SIGUSR1, on_signal, 0);
    mask_one(SIG_BLOCK, SIGUSR1);
    pthread_t t = start(inherits, 0);
    CHECK_EQ(pthread_kill(t, SIGUSR1), 0);
    CHECK_EQ(pthread_kill(t, SIGUSR1), 0);
    CHECK(!pending(SIGUSR1));
    sem_post(&sent);
    sem_wait(&checked);
    join(t);
    handled = 0;
    kill(getpid(), SIGUSR1);
    CHECK(pending(SIGUSR1));
    t = start(inherits, 0);
    sem_post(&sent);
    join(t);
    CHECK(!pending(SIGUSR1));
    CHECK_EQ(handled, 1);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, 0);
    pthread_sigmask(SIG_SETMASK, 0, &all);
    CHECK(!blocked(SIGKILL) && !blocked(SIGSTOP) && blocked(SIGTERM));
    return finish();
}
