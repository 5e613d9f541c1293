/* What an exec keeps and what it loses: descriptors, masks, dispositions, pending signals, names. */
#include "check.h"
#include <sys/prctl.h>
#include <sys/resource.h>

static int again(int argc, char **argv)
{
    int kept = atoi(argv[2]), lost = atoi(argv[3]), dupped = atoi(argv[4]);
    char name[32];
    sigset_t mask, pending;
    struct sigaction old;
    stack_t alt;
    CHECK_EQ(argc, 6);
    CHECK(fcntl(kept, F_GETFD) == 0);
    CHECK_ERRNO(fcntl(lost, F_GETFD), EBADF);
    CHECK(fcntl(dupped, F_GETFD) == 0);
    CHECK_EQ(lseek(kept, 0, SEEK_CUR), 3);
    sigprocmask(SIG_SETMASK, 0, &mask);
    CHECK(sigismember(&mask, SIGUSR1));
    CHECK(!sigismember(&mask, SIGUSR2));
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGUSR1));
    sigaction(SIGUSR2, 0, &old);
    CHECK(old.sa_handler == SIG_DFL);
    sigaction(SIGHUP, 0, &old);
    CHECK(old.sa_handler == SIG_IGN);
    CHECK_EQ(sigaltstack(0, &alt), 0);
    CHECK(alt.ss_flags & SS_DISABLE);
    CHECK_EQ(getpid(), atoi(argv[5]));
    CHECK_EQ(umask(0), 027);
    prctl(PR_GET_NAME, name);
    CHECK(strcmp(name, "before"));
    CHECK_EQ(getpgrp(), getpid());
    CHECK_EQ(alarm(0), 100); /* timers of alarm survive */
    return finish();
}

static void on_signal(int signo) { (void)signo; }

int main(int argc, char **argv)
{
    if (argc > 1)
        return again(argc, argv);
    static char stack[16384];
    stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
    sigset_t mask;
    int kept = open("/etc/passwd", O_RDONLY), lost = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    int dupped = dup(lost);
    char three[3], text[4][16];
    CHECK_EQ(read(kept, three, 3), 3);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, 0);
    raise(SIGUSR1);
    signal(SIGUSR2, on_signal);
    signal(SIGHUP, SIG_IGN);
    sigaltstack(&alt, 0);
    umask(027);
    prctl(PR_SET_NAME, "before");
    setpgid(0, 0);
    alarm(100);
    snprintf(text[0], 16, "%d", kept);
    snprintf(text[1], 16, "%d", lost);
    snprintf(text[2], 16, "%d", dupped);
    snprintf(text[3], 16, "%d", getpid());
    char *next[] = {argv[0], "again", text[0], text[1], text[2], text[3], 0};
    execv("/proc/self/exe", next);
    perror("exec");
    return 1;
}
