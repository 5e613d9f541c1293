/* Memory shared with a vfork child and with CLONE_VM processes: private futexes reach across. */
#include "raw_clone.h"

static unsigned word;
static char stack[16384] __attribute__((aligned(4096)));

static void waker(void *arg)
{
    (void)arg;
    struct timespec t = {0, 5000000};
    raw_call(SYS_nanosleep, (long)&t, 0, 0, 0);
    word = 1;
    raw_call(SYS_futex, (long)&word, FUTEX_WAKE_PRIVATE, 1, 0);
}

int main(void)
{
    int status;
    install(SIGUSR2, SIG_IGN, 0);
    long pid = raw_clone(CLONE_VM | SIGCHLD, stack + sizeof stack, 0, 0, 0, waker, 0);
    CHECK(pid > 0);
    while (!word)
        futex(&word, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    pid = raw_clone(CLONE_VM | CLONE_FILES | CLONE_FS | SIGUSR2, stack + sizeof stack, 0, 0, 0, waker, 0);
    CHECK_ERRNO(waitpid((pid_t)pid, &status, 0), ECHILD);
    CHECK_EQ(waitpid((pid_t)pid, &status, __WALL), pid);
    return finish();
}
