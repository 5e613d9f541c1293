/* SA_NODEFER, SA_RESETHAND and sa_mask, in threads at once; nested handlers; ignored signals. */
#include "threads.h"

static __thread volatile int depth, depth_max, calls;
static void deep(int signo)
{
    calls++;
    if (++depth > depth_max)
        depth_max = depth;
    if (calls < 4)
        raise(signo);
    depth--;
}
static void masked(int signo)
{
    sigset_t set;
    (void)signo;
    pthread_sigmask(SIG_SETMASK, 0, &set);
    CHECK(sigismember(&set, SIGUSR1) && sigismember(&set, SIGUSR2) && !sigismember(&set, SIGHUP));
    calls++;
}
static void *nodefer(void *arg)
{
    raise(SIGUSR1);
    CHECK_EQ(depth_max, 4);
    calls = depth_max = 0;
    raise(SIGUSR2);
    CHECK_EQ(depth_max, 1);
    CHECK_EQ(calls, 4);
    return arg;
}

int main(void)
{
    int status;
    pthread_t t[3];
    install(SIGUSR1, deep, SA_NODEFER);
    install(SIGUSR2, deep, 0);
    for (int i = 0; i < 3; i++)
        t[i] = start(nodefer, 0);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    struct sigaction a = {.sa_handler = masked};
    sigaddset(&a.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &a, 0);
    calls = 0;
    raise(SIGUSR1);
    CHECK_EQ(calls, 1);
    calls = 9;
    install(SIGUSR2, deep, (int)SA_RESETHAND);
    raise(SIGUSR2);
    sigaction(SIGUSR2, 0, &a);
    CHECK(a.sa_handler == SIG_DFL);
    IN_CHILD(status, raise(SIGUSR2));
    CHECK_EQ(status & 0x7f, SIGUSR2);
    install(SIGTERM, SIG_IGN, 0);
    CHECK_EQ(raise(SIGTERM), 0);
    mask_one(SIG_BLOCK, SIGHUP);
    raise(SIGHUP);
    install(SIGHUP, SIG_IGN, 0);
    install(SIGHUP, deep, 0);
    calls = 9;
    mask_one(SIG_UNBLOCK, SIGHUP);
    CHECK_EQ(calls, 9);
    return finish();
}
