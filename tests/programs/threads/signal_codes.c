/* What SIGCHLD tells of children that stop, go on and end; what si_code tells of other signals. */
#include "threads.h"

#define SEEN_MAX 64
static struct seen {
    int code, status, pid;
} seen[SEEN_MAX];
static atomic_int count;

static void on_child(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    int n = count;
    if (n < SEEN_MAX)
        seen[n] = (struct seen){info->si_code, info->si_status, info->si_pid};
    count = n + 1;
}

static void expect(int n, int code, int status, pid_t pid)
{
    WAIT_UNTIL(count > n);
    CHECK_EQ(seen[n].code, code);
    CHECK_EQ(seen[n].status, status);
    CHECK_EQ(seen[n].pid, pid);
}

static pid_t child(int how)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    signal(SIGCHLD, SIG_DFL);
    if (how < 0)
        for (;;)
            pause();
    _exit(how);
}

static void stops_and_ends(void)
{
    int status;
    count = 0;
    pid_t pid = child(-1);
    kill(pid, SIGSTOP);
    expect(0, CLD_STOPPED, SIGSTOP, pid);
    kill(pid, SIGCONT);
    expect(1, CLD_CONTINUED, SIGCONT, pid);
    kill(pid, SIGTERM);
    expect(2, CLD_KILLED, SIGTERM, pid);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    pid = child(7);
    expect(3, CLD_EXITED, 7, pid);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(count, 4);
}

static void stops_untold(void)
{
    int status;
    count = 0;
    install_info(SIGCHLD, on_child, SA_RESTART | SA_NOCLDSTOP);
    pid_t pid = child(-1);
    kill(pid, SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    kill(pid, SIGCONT);
    CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
    CHECK_EQ(count, 0);
    kill(pid, SIGKILL);
    expect(0, CLD_KILLED, SIGKILL, pid);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
}

/* Nobody to reap: the child is gone by itself, and wait says so when the last one is. */
static void reaped_untold(void)
{
    count = 0;
    install_info(SIGCHLD, on_child, SA_RESTART | SA_NOCLDWAIT);
    pid_t pid = child(3);
    CHECK_ERRNO(waitpid(pid, 0, 0), ECHILD);
    CHECK(count <= 1);
}

/* ---- other signals ---- */
static siginfo_t last;
static atomic_int got;
static void on_signal(int signo, siginfo_t *info, void *context)
{
    (void)context;
    last = *info;
    got = signo;
}

static void expect_code(int signo, int code)
{
    WAIT_UNTIL(got);
    CHECK_EQ(got, signo);
    CHECK_EQ(last.si_code, code);
    got = 0;
}

static void *kills_process(void *arg)
{
    kill(getpid(), SIGUSR1);
    return arg;
}

static void codes(void)
{
    int fds[2];
    install_info(SIGUSR1, on_signal, 0);
    install_info(SIGALRM, on_signal, 0);
    install_info(SIGPIPE, on_signal, 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(last.si_pid, getpid());
    CHECK_EQ(last.si_uid, getuid());
    expect_code(SIGUSR1, SI_USER);
    join(start(kills_process, 0));
    expect_code(SIGUSR1, SI_USER);
    raise(SIGUSR1);
    expect_code(SIGUSR1, SI_TKILL);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 3});
    CHECK_EQ(last.si_value.sival_int, 3);
    expect_code(SIGUSR1, SI_QUEUE);
    struct itimerval soon = {.it_value = {0, 1000}};
    setitimer(ITIMER_REAL, &soon, 0);
    expect_code(SIGALRM, SI_KERNEL);
    CHECK_EQ(pipe(fds), 0);
    close(fds[0]);
    CHECK_ERRNO(write(fds[1], "x", 1), EPIPE);
    expect_code(SIGPIPE, SI_USER);
    close(fds[1]);
    pid_t me = getpid(), pid = fork();
    if (!pid) {
        kill(me, SIGUSR1);
        _exit(0);
    }
    WAIT_UNTIL(got);
    CHECK_EQ(last.si_pid, pid);
    expect_code(SIGUSR1, SI_USER);
}

int main(void)
{
    install_info(SIGCHLD, on_child, SA_RESTART);
    stops_and_ends();
    stops_untold();
    reaped_untold();
    signal(SIGCHLD, SIG_DFL);
    codes();
    return finish();
}
