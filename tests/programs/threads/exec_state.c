/* What a non-leader's exec keeps: its mask and pending signals, the process's; its name changes. */
#include "threads.h"

static char *self;

static void *execs(void *arg)
{
    (void)arg;
    mask_one(SIG_BLOCK, SIGUSR1);
    mask_one(SIG_BLOCK, SIGUSR2);
    pthread_kill(pthread_self(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    execl(self, self, "second", (char *)0);
    return 0;
}

static int second(void)
{
    sigset_t set;
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, 0, &set), 0);
    CHECK(sigismember(&set, SIGUSR1) && sigismember(&set, SIGUSR2) && !sigismember(&set, SIGTERM));
    CHECK_EQ(sigpending(&set), 0);
    CHECK(sigismember(&set, SIGUSR1));
    CHECK(sigismember(&set, SIGUSR2));
    struct sigaction a;
    CHECK_EQ(sigaction(SIGHUP, 0, &a), 0);
    CHECK(a.sa_handler == SIG_IGN);
    CHECK_EQ(sigaction(SIGINT, 0, &a), 0);
    CHECK(a.sa_handler == SIG_DFL);
    char name[17] = "";
    CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    CHECK_EQ(strncmp(name, "exec_state", 10), 0);
    return check_failures ? 98 : 42;
}

static void on_int(int signo) { (void)signo; }

int main(int argc, char **argv)
{
    int status;
    if (argc == 2)
        return second();
    self = argv[0];
    install(SIGHUP, SIG_IGN, 0);
    install(SIGINT, on_int, 0);
    IN_CHILD(status, mask_one(SIG_BLOCK, SIGUSR2); start(execs, 0); pause());
    CHECK_EQ(status, 42 << 8);
    return finish();
}
