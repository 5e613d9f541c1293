/* wait4 and waitid in all their forms, stops and continuations, automatic reaping. */
#include "check.h"
#include <sys/resource.h>

static volatile int chlds;
static siginfo_t last_info;
static void on_chld(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    chlds++;
    last_info = *info;
}

static pid_t child_exiting(int code)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        _exit(code);
    return pid;
}

static pid_t child_pausing(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid)
        for (;;)
            pause();
    return pid;
}

static void basics(void)
{
    int status = 77;
    CHECK_ERRNO(wait(&status), ECHILD);
    CHECK_ERRNO(waitpid(-1, &status, WNOHANG), ECHILD);
    CHECK_ERRNO(waitpid(getpid(), &status, 0), ECHILD);
    CHECK_ERRNO(waitpid(1, &status, 0), ECHILD);
    CHECK_ERRNO(waitpid(-1, &status, 0x10000), EINVAL);
    pid_t pid = child_pausing();
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
    kill(pid, SIGTERM);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && !WCOREDUMP(status));
    pid = child_exiting(3);
    siginfo_t info;
    CHECK_EQ(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0); /* until it is there */
    CHECK_EQ(waitpid(-1, &status, WNOHANG), pid);
    CHECK_EQ(WEXITSTATUS(status), 3);
    pid = child_exiting(4);
    CHECK_ERRNO(wait4(pid, (int *)8, 0, 0), EFAULT);
    struct rusage usage;
    memset(&usage, 0xff, sizeof usage);
    pid = child_exiting(4);
    CHECK_EQ(wait4(pid, &status, 0, &usage), pid);
    CHECK(usage.ru_utime.tv_sec >= 0 && usage.ru_utime.tv_sec < 5);
    while (wait(0) > 0)
        ;
}

static void order_of_children(void)
{
    pid_t pids[5];
    int status;
    for (int i = 0; i < 5; i++)
        pids[i] = child_exiting(i);
    for (int i = 4; i >= 0; i--) {
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(WEXITSTATUS(status), i);
    }
    CHECK_ERRNO(wait(0), ECHILD);
}

static void groups(void)
{
    int status;
    pid_t a = child_pausing(), b = child_pausing(), c = child_pausing();
    CHECK_EQ(setpgid(a, a), 0);
    CHECK_EQ(setpgid(b, a), 0);
    CHECK_EQ(getpgid(b), a);
    CHECK_EQ(waitpid(-a, &status, WNOHANG), 0);
    CHECK_EQ(kill(-a, SIGUSR1), 0);
    pid_t first = waitpid(-a, &status, 0), second = waitpid(-a, &status, 0);
    CHECK(first + second == a + b && first != second);
    CHECK_ERRNO(waitpid(-a, &status, 0), ECHILD);
    CHECK_EQ(waitpid(0, &status, WNOHANG), 0);
    kill(c, SIGKILL);
    CHECK_EQ(waitpid(0, &status, 0), c);
    CHECK_ERRNO(kill(-a, SIGUSR1), ESRCH);
    CHECK_ERRNO(kill(c, 0), ESRCH);
}

static void with_waitid(void)
{
    siginfo_t info;
    memset(&info, 0xff, sizeof info);
    pid_t pid = child_pausing();
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG), 0);
    CHECK_EQ(info.si_pid, 0);
    CHECK_EQ(info.si_signo, 0);
    CHECK_ERRNO(waitid(P_PID, (id_t)pid, &info, WNOHANG), EINVAL);
    CHECK_ERRNO(waitid(77, (id_t)pid, &info, WEXITED), EINVAL);
    kill(pid, SIGKILL);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_signo, SIGCHLD);
    CHECK_EQ(info.si_code, CLD_KILLED);
    CHECK_EQ(info.si_status, SIGKILL);
    CHECK_EQ(info.si_uid, getuid());
    CHECK_EQ(kill(pid, 0), 0); /* a zombie is still there */
    CHECK_EQ(waitid(P_ALL, 0, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, pid);
    CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    pid = child_exiting(200);
    CHECK_EQ(waitid(P_PGID, (id_t)getpgrp(), &info, WEXITED), 0);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(info.si_status, 200);
    pid = child_exiting(1);
    CHECK_EQ(waitid(P_PID, (id_t)pid, 0, WEXITED), 0);
    CHECK_ERRNO(waitid(P_PID, 0, &info, WEXITED), EINVAL);
    CHECK_ERRNO(waitid(P_PID, (id_t)-1, &info, WEXITED), EINVAL);
    int fd = (int)syscall(SYS_pidfd_open, pid = child_exiting(6), 0);
    CHECK(fd >= 0);
    CHECK_EQ(waitid((idtype_t)3, (id_t)fd, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_status, 6);
    close(fd);
}

static void stops(void)
{
    int status;
    siginfo_t info;
    struct sigaction action = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGCHLD, &action, 0);
    pid_t pid = child_pausing();
    kill(pid, SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQ(chlds, 1);
    CHECK_EQ(last_info.si_code, CLD_STOPPED);
    CHECK_EQ(last_info.si_status, SIGSTOP);
    CHECK_EQ(last_info.si_pid, pid);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0); /* reported once */
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG), 0);
    kill(pid, SIGUSR1); /* pending until it is continued */
    sleep_ms(20);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGSTOP);
    kill(pid, SIGCONT);
    pid_t other = child_pausing();
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    pid = other;
    CHECK_EQ(setpgid(pid, pid), 0); /* ours may be orphaned, and TSTP stops nobody in such a group */
    kill(pid, SIGTSTP);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WSTOPPED), 0);
    CHECK_EQ(info.si_code, CLD_STOPPED);
    CHECK_EQ(info.si_status, SIGTSTP);
    kill(pid, SIGCONT);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WCONTINUED), 0);
    CHECK_EQ(info.si_code, CLD_CONTINUED);
    CHECK_EQ(info.si_status, SIGCONT);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOHANG), 0);
    CHECK_EQ(info.si_pid, 0);
    kill(pid, SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    kill(pid, SIGCONT);
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    CHECK(WIFCONTINUED(status));
    kill(pid, SIGSTOP);
    kill(pid, SIGKILL); /* kills a stopped one */
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    action.sa_flags |= SA_NOCLDSTOP;
    sigaction(SIGCHLD, &action, 0);
    chlds = 0;
    pid = child_pausing();
    kill(pid, SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_EQ(chlds, 0);
    kill(pid, SIGKILL);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(chlds, 1);
    signal(SIGCHLD, SIG_DFL);
    IN_CHILD(status, {
        pid_t self = getpid();
        pid_t helper = fork();
        if (!helper) {
            sleep_ms(30);
            kill(self, SIGCONT);
            _exit(0);
        }
        CHECK_EQ(raise(SIGSTOP), 0);
        CHECK_EQ(waitpid(helper, 0, 0), helper);
    });
    CHECK_EQ(status, 0);
}

static void reaped_by_themselves(void)
{
    int status;
    signal(SIGCHLD, SIG_IGN);
    pid_t pid = child_exiting(0);
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
    CHECK_ERRNO(kill(pid, 0), ESRCH);
    for (int i = 0; i < 3; i++)
        child_exiting(i);
    CHECK_ERRNO(wait(&status), ECHILD); /* waits for all to end */
    struct sigaction action = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_NOCLDWAIT | SA_RESTART};
    chlds = 0;
    sigaction(SIGCHLD, &action, 0);
    pid = child_exiting(5);
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
    CHECK_EQ(chlds, 1);
    CHECK_EQ(last_info.si_status, 5);
    signal(SIGCHLD, SIG_DFL);
}

static void info_of_deaths(void)
{
    int status;
    struct sigaction action = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO};
    sigaction(SIGCHLD, &action, 0);
    chlds = 0;
    pid_t pid = child_exiting(42);
    while (!chlds)
        sleep_ms(1);
    CHECK_EQ(last_info.si_code, CLD_EXITED);
    CHECK_EQ(last_info.si_status, 42);
    CHECK_EQ(last_info.si_pid, pid);
    CHECK_EQ(last_info.si_signo, SIGCHLD);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    /* An interrupted wait: the handler has no SA_RESTART. */
    signal(SIGALRM, SIG_DFL);
    struct sigaction plain = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &plain, 0);
    pid_t slow = child_pausing(), parent = getpid(), killer = fork();
    if (!killer) {
        sleep_ms(20);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, 0);
    action.sa_handler = SIG_DFL;
    action.sa_flags = 0;
    CHECK_ERRNO(waitpid(slow, &status, 0), EINTR);
    kill(slow, SIGKILL);
    CHECK_EQ(waitpid(slow, &status, 0), slow);
    CHECK_EQ(waitpid(killer, &status, 0), killer);
    sigprocmask(SIG_UNBLOCK, &chld, 0);
    signal(SIGCHLD, SIG_DFL);
}

static void crashes(void)
{
    int status;
    IN_CHILD(status, { *(volatile int *)8 = 1; });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    IN_CHILD(status, { __builtin_trap(); });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
    IN_CHILD(status, { abort(); });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    IN_CHILD(status, { volatile int zero = 0; zero = 100 / zero; });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGFPE);
    for (int signo = 1; signo < 32; signo++) {
        if (signo == SIGCHLD || signo == SIGURG || signo == SIGWINCH || signo == SIGCONT || signo == SIGSTOP ||
            signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU)
            continue;
        IN_CHILD(status, { signal(signo, SIG_DFL); raise(signo); });
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signo);
    }
    IN_CHILD(status, { raise(SIGCHLD); raise(SIGURG); raise(SIGWINCH); raise(SIGCONT); });
    CHECK_EQ(status, 0);
    IN_CHILD(status, { raise(SIGRTMIN); });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGRTMIN);
}

int main(void)
{
    basics();
    order_of_children();
    groups();
    with_waitid();
    stops();
    reaped_by_themselves();
    info_of_deaths();
    crashes();
    return finish();
}
