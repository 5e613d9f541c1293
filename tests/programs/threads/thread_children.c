/* Children belong to the thread that made them: __WNOTHREAD, PDEATHSIG, and heirs when it ends. */
#include "threads.h"
#include <sys/prctl.h>

static struct shared {
    atomic_int ready, told;
} *s;
static pid_t child;

static void on_signal(int signo)
{
    (void)signo;
    s->told = 1;
}
static void *makes(void *arg)
{
    pid_t pid = fork();
    if (!pid) {
        install(SIGUSR1, on_signal, 0);
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        s->ready = 1;
        WAIT_UNTIL(s->told);
        _exit(7);
    }
    WAIT_UNTIL(s->ready);
    CHECK_EQ(waitpid(pid, 0, __WNOTHREAD | WNOHANG), 0);
    child = pid;
    return arg;
}

int main(void)
{
    int status;
    s = shared_page();
    join(start(makes, 0));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 7 << 8);
    CHECK_EQ(s->told, 1);
    return finish();
}
