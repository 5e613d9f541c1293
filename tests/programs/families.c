/* Orphans, subreapers, process groups, sessions, kill in all its forms, parents' death signals, names. */
#include "check.h"
#include <sys/prctl.h>

static void orphans(void)
{
    int fds[2], status, report[2];
    CHECK_EQ(pipe(fds), 0);
    IN_CHILD(status, {
        pid_t middle = getpid();
        if (!fork()) {
            while (getppid() == middle)
                sleep_ms(1);
            report[0] = getppid();
            report[1] = 0;
            CHECK_EQ(write(fds[1], report, sizeof report), sizeof report);
            _exit(0);
        }
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(read(fds[0], report, sizeof report), sizeof report);
    CHECK(report[0] != getpid());
    CHECK_ERRNO(wait(&status), ECHILD);
    /* a subreaper gets them */
    CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    int is = 0;
    CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &is), 0);
    CHECK_EQ(is, 1);
    IN_CHILD(status, {
        int mine = 1;
        CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &mine), 0);
        CHECK_EQ(mine, 0);
        if (!fork()) {
            sleep_ms(20);
            _exit(55);
        }
        if (!fork())
            _exit(56); /* a zombie when its parent dies */
        sleep_ms(10);
    });
    CHECK_EQ(status, 0);
    int seen[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        CHECK(wait(&status) > 0);
        CHECK(WEXITSTATUS(status) == 55 || WEXITSTATUS(status) == 56);
        seen[WEXITSTATUS(status) == 55] = 1;
    }
    CHECK(seen[0] && seen[1]);
    CHECK_ERRNO(wait(&status), ECHILD);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    close(fds[0]);
    close(fds[1]);
}

static void waiting_subreaper(void)
{
    /* blocked in wait for a grandchild that is a zombie already when it comes */
    int status;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t middle = fork();
    if (!middle) {
        pid_t zombie = fork();
        if (!zombie)
            _exit(3);
        sleep_ms(20);
        _exit(4);
    }
    CHECK_EQ(waitpid(middle, &status, 0), middle);
    CHECK(waitpid(-1, &status, 0) > 0);
    CHECK_EQ(WEXITSTATUS(status), 3);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void groups_and_sessions(void)
{
    int status;
    CHECK_EQ(getpgrp(), getpgid(0));
    CHECK_ERRNO(getpgid(3999999), ESRCH);
    CHECK_ERRNO(setpgid(3999999, 0), ESRCH);
    CHECK_ERRNO(setpgid(0, -1), EINVAL);
    CHECK_ERRNO(setpgid(0, 3999999), EPERM);
    CHECK_ERRNO(getsid(3999999), ESRCH);
    IN_CHILD(status, {
        CHECK(getpgrp() != getpid());
        CHECK_EQ(getsid(0), getsid(getppid()));
        CHECK_EQ(setsid(), getpid());
        CHECK_EQ(getpgrp(), getpid());
        CHECK_EQ(getsid(0), getpid());
        CHECK_ERRNO(setsid(), EPERM);
        CHECK_ERRNO(setpgid(0, 0), EPERM);
        CHECK(open("/dev/tty", O_RDWR) == -1);
        if (!fork()) {
            CHECK_EQ(setpgid(0, 0), 0);
            CHECK_EQ(getpgrp(), getpid());
            CHECK(getsid(0) != getpid());
            fflush(stdout);
        _exit(check_failures);
        }
        int inner;
        wait(&inner);
        CHECK_EQ(inner, 0);
    });
    CHECK_EQ(status, 0);
    pid_t pid = fork();
    if (!pid) {
        execl("/bin/sleep", "sleep", "5", (char *)0);
        _exit(1);
    }
    sleep_ms(100);
    CHECK_ERRNO(setpgid(pid, pid), EACCES); /* it has exec'd */
    kill(pid, SIGKILL);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
}

static volatile sig_atomic_t got;
static void on_signal(int signo) { got = signo; }

static pid_t victim(pid_t group)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        setpgid(0, group);
        for (;;)
            pause();
    }
    setpgid(pid, group);
    return pid;
}

static void kills(void)
{
    int status;
    IN_CHILD(status, { /* a group of its own, so that kill(0) hits nobody else */
        setpgid(0, 0);
        signal(SIGTERM, on_signal);
        pid_t a = fork();
        if (!a) {
            signal(SIGTERM, SIG_DFL);
            for (;;)
                pause();
        }
        sleep_ms(5);
        CHECK_EQ(kill(0, SIGTERM), 0);
        CHECK_EQ(got, SIGTERM);
        int inner;
        CHECK_EQ(waitpid(a, &inner, 0), a);
        CHECK(WIFSIGNALED(inner) && WTERMSIG(inner) == SIGTERM);
    });
    CHECK_EQ(status, 0);
    pid_t a = victim(0), b = victim(a);
    sleep_ms(5);
    CHECK_EQ(kill(-a, 0), 0);
    CHECK_EQ(kill(-a, SIGINT), 0);
    CHECK_EQ(waitpid(a, &status, 0), a);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    CHECK_EQ(waitpid(b, &status, 0), b);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    CHECK_ERRNO(kill(-a, 0), ESRCH);
    IN_CHILD(status, { kill(getpid(), SIGKILL); _exit(5); });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    IN_CHILD(status, { syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1); _exit(5); });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 3999999, 0), ESRCH);
    CHECK_ERRNO(syscall(SYS_tkill, -1, 0), EINVAL);
    int fd = (int)syscall(SYS_pidfd_open, a = victim(0), 0);
    CHECK(fd > 0);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(syscall(SYS_pidfd_send_signal, fd, SIGHUP, 0, 0), 0);
    CHECK_EQ(waitpid(a, &status, 0), a);
    CHECK_EQ(WTERMSIG(status), SIGHUP);
    CHECK_ERRNO(syscall(SYS_pidfd_send_signal, fd, SIGHUP, 0, 0), ESRCH);
    close(fd);
    /* a signal sent and blocked before fork is not pending in the child */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, 0);
    raise(SIGHUP);
    IN_CHILD(status, {
        sigset_t pending;
        sigpending(&pending);
        CHECK(!sigismember(&pending, SIGHUP));
        sigprocmask(SIG_BLOCK, 0, &pending);
        CHECK(sigismember(&pending, SIGHUP));
    });
    CHECK_EQ(status, 0);
    siginfo_t info;
    CHECK_EQ(sigwaitinfo(&set, &info), SIGHUP);
    sigprocmask(SIG_UNBLOCK, &set, 0);
}

static void death_signals(void)
{
    int status, fds[2], value = 0;
    CHECK_EQ(pipe(fds), 0);
    IN_CHILD(status, {
        pid_t middle = getpid();
        if (!fork()) {
            signal(SIGUSR2, on_signal);
            CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR2), 0);
            int is = 0;
            CHECK_EQ(prctl(PR_GET_PDEATHSIG, &is), 0);
            CHECK_EQ(is, SIGUSR2);
            while (!got && getppid() == middle)
                sleep_ms(1);
            sleep_ms(1);
            CHECK_EQ(write(fds[1], (int[]){got}, sizeof(int)), sizeof(int));
            _exit(0);
        }
        sleep_ms(20);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(read(fds[0], &value, sizeof value), sizeof value);
    CHECK_EQ(value, SIGUSR2);
    CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 99), EINVAL);
    close(fds[0]);
    close(fds[1]);
}

static void names(void)
{
    char name[17] = "", line[64] = "";
    CHECK_EQ(prctl(PR_SET_NAME, "a name that is too long"), 0);
    CHECK_EQ(prctl(PR_GET_NAME, name), 0);
    CHECK(!strcmp(name, "a name that is "));
    FILE *f = fopen("/proc/self/comm", "r");
    CHECK(f && fgets(line, sizeof line, f));
    CHECK(!strcmp(line, "a name that is \n"));
    if (f)
        fclose(f);
    f = fopen("/proc/self/stat", "r");
    int pid = 0, ppid, pgrp, sid;
    char state;
    CHECK(f && fscanf(f, "%d (a name that is ) %c %d %d %d", &pid, &state, &ppid, &pgrp, &sid) == 5);
    CHECK_EQ(pid, getpid());
    CHECK_EQ(ppid, getppid());
    CHECK_EQ(pgrp, getpgrp());
    CHECK_EQ(sid, getsid(0));
    CHECK_EQ(state, 'R');
    if (f)
        fclose(f);
    int status;
    IN_CHILD(status, {
        prctl(PR_GET_NAME, name);
        CHECK(!strcmp(name, "a name that is "));
    });
    CHECK_EQ(status, 0);
    CHECK_ERRNO(prctl(PR_SET_NAME, 8), EFAULT);
    CHECK_EQ(gettid(), getpid());
}

static void orphaned_group(void)
{
    /* A stopped member of a group that becomes orphaned gets SIGHUP and SIGCONT. */
    int status, fds[2];
    char byte = 0;
    CHECK_EQ(pipe(fds), 0);
    IN_CHILD(status, {
        setsid();
        pid_t leader = fork();
        if (!leader) {
            setpgid(0, 0);
            if (!fork()) {
                signal(SIGHUP, on_signal);
                raise(SIGSTOP);
                CHECK_EQ(got, SIGHUP);
                CHECK_EQ(write(fds[1], check_failures ? "n" : "y", 1), 1);
                _exit(0);
            }
            sleep_ms(20);
            _exit(0);
        }
        waitpid(leader, 0, 0);
    });
    close(fds[1]);
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    CHECK_EQ(byte, 'y');
    close(fds[0]);
}

int main(void)
{
    orphans();
    waiting_subreaper();
    groups_and_sessions();
    kills();
    death_signals();
    names();
    orphaned_group();
    return finish();
}
