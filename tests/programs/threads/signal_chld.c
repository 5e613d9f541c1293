/* SIGCHLD and its codes, while threads wait in waitpid and elsewhere; each waits for its own child. */
#include "threads.h"

static atomic_int chld, codes;
static void on_chld(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    chld++;
    codes |= 1 << info->si_code;
}
static void *family(void *arg)
{
    int status;
    for (int i = 0; i < 4; i++) {
        pid_t pid = fork();
        if (!pid) {
            sleep_ms(1 + (long)arg % 3);
            if (i & 1)
                raise(SIGKILL);
            _exit((int)(long)arg);
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, i & 1 ? SIGKILL : (long)arg << 8);
    }
    return 0;
}
static void *others_child(void *pid)
{
    int status;
    CHECK_ERRNO(waitpid((pid_t)(long)pid, &status, __WNOTHREAD | WNOHANG), ECHILD);
    CHECK_EQ(waitpid((pid_t)(long)pid, &status, 0), (long)pid);
    CHECK_EQ(status, 0);
    return 0;
}

int main(void)
{
    pthread_t t[4];
    siginfo_t info;
    install_info(SIGCHLD, on_chld, SA_RESTART);
    for (long i = 0; i < 4; i++)
        t[i] = start(family, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        join(t[i]);
    CHECK(chld >= 1);
    CHECK(codes & 1 << CLD_EXITED);
    CHECK(codes & 1 << CLD_KILLED);
    pid_t pid = fork();
    if (!pid) {
        sleep_ms(3);
        _exit(0);
    }
    join(start(others_child, (void *)(long)pid));
    CHECK_ERRNO(waitpid(-1, 0, 0), ECHILD);
    install(SIGCHLD, SIG_IGN, 0);
    pid = fork();
    if (!pid)
        _exit(3);
    CHECK_ERRNO(waitid(P_PID, (id_t)pid, &info, WEXITED), ECHILD);
    return finish();
}
