/* A controlling terminal: ^C, ^\ and ^Z to the foreground group, SIGWINCH, SIGHUP, background writers
 * and readers. */
#include "ptys.h"

static volatile sig_atomic_t last;

static void on_signal(int signo) { last = signo; }

static void catch_all(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    const int signals[] = {SIGINT, SIGQUIT, SIGTSTP, SIGWINCH, SIGHUP, SIGCONT};
    for (int i = 0; i < 6; i++)
        sigaction(signals[i], &a, 0);
}

/* The child: says "ready", then the name of each signal. */
static void report_signals(void)
{
    catch_all();
    sigset_t all, was;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &was);
    dprintf(1, "ready.");
    for (;;) {
        last = 0;
        sigsuspend(&was);
        dprintf(1, last == SIGINT ? "INT." : last == SIGQUIT ? "QUIT." : last == SIGTSTP ? "TSTP."
                   : last == SIGWINCH ? "WINCH." : last == SIGCONT ? "CONT." : "HUP.");
    }
}

static void keys_and_window(void)
{
    int slave, master = open_pty(&slave), status;
    set_local(slave, 0, ECHO);
    pid_t child = fork_on(master, slave);
    if (!child)
        report_signals();
    expect(master, "ready.");
    CHECK_EQ(tcgetpgrp(master), child);
    type(master, "\003");
    expect(master, "INT.");
    type(master, "\034");
    expect(master, "QUIT.");
    type(master, "\032");
    expect(master, "TSTP.");
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &(struct winsize){10, 20, 0, 0}), 0);
    expect(master, "WINCH.");
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &(struct winsize){10, 20, 0, 0}), 0); /* the same: no news */
    CHECK_EQ(poll_ms(master, POLLIN, 10), 0);
    set_local(slave, 0, ISIG);
    type(master, "\003"); /* a byte only */
    CHECK_EQ(poll_ms(master, POLLIN, 10), 0);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(master), close(slave);
}

/* ^C kills who does not catch it, and throws away what was typed. */
static void kills(void)
{
    int slave, master = open_pty(&slave), status;
    set_local(slave, 0, ECHO);
    pid_t child = fork_on(master, slave);
    if (!child) {
        dprintf(1, "up.");
        for (;;)
            pause();
    }
    expect(master, "up.");
    type(master, "half a line\003");
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    int n = -1;
    CHECK_EQ(ioctl(slave, FIONREAD, &n), 0);
    CHECK_EQ(n, 0);
    close(master), close(slave);
}

/* The master's end: SIGHUP to the session's leader. */
static void hangup(void)
{
    int slave, master = open_pty(&slave), out[2];
    char text[8] = {0};
    CHECK_EQ(pipe(out), 0);
    pid_t child = fork_on(master, slave);
    if (!child) {
        struct sigaction a = {.sa_handler = on_signal};
        sigaction(SIGHUP, &a, 0);
        sigset_t hup, was;
        sigemptyset(&hup);
        sigaddset(&hup, SIGHUP);
        sigprocmask(SIG_BLOCK, &hup, &was);
        write(out[1], "r", 1);
        sigsuspend(&was);
        char byte;
        CHECK_EQ(read(0, &byte, 1), 0);
        CHECK_ERRNO(write(1, "x", 1), EIO);
        write(out[1], last == SIGHUP && !check_failures ? "HUP" : "???", 3);
        _exit(0);
    }
    CHECK_EQ(read(out[0], text, 1), 1);
    close(slave);
    close(master);
    CHECK_EQ(read_all(out[0], text, 3), 3);
    CHECK_TEXT(text, "HUP");
    CHECK_EQ(waitpid(child, 0, 0), child);
    close(out[0]), close(out[1]);
}

/* A background group's read stops it with SIGTTIN; in the foreground it goes on. */
static int job(void)
{
    pid_t reader = fork();
    char byte;
    int status;
    if (!reader) {
        setpgid(0, 0);
        _exit(read(0, &byte, 1) != 1);
    }
    setpgid(reader, reader);
    CHECK_EQ(waitpid(reader, &status, WUNTRACED), reader);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
    signal(SIGTTOU, SIG_IGN);
    CHECK_EQ(tcsetpgrp(0, reader), 0);
    CHECK_EQ(tcgetpgrp(0), reader);
    CHECK_EQ(kill(-reader, SIGCONT), 0);
    dprintf(1, "fg.");
    CHECK_EQ(waitpid(reader, &status, 0), reader);
    CHECK_EQ(status, 0);
    CHECK_EQ(tcsetpgrp(0, getpgrp()), 0);
    return check_failures != 0;
}

static void job_control(void)
{
    int slave, master = open_pty(&slave), status;
    set_local(slave, 0, ECHO);
    pid_t child = fork_on(master, slave);
    if (!child) {
        int failed = job();
        dprintf(1, failed ? "failed." : "fine.");
        _exit(failed);
    }
    expect(master, "fg.");
    type(master, "k\n");
    expect(master, "fine.");
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(master), close(slave);
}

int main(void)
{
    keys_and_window();
    kills();
    hangup();
    job_control();
    return finish();
}
