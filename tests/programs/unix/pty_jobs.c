/* Job control: who is in the foreground, what the background may not, stops, and hang-ups. */
#include "pty.h"

static pid_t session; /* a child that leads a session with the slave as its terminal */

#define SESSION(...)                                                                        \
    do {                                                                                    \
        pty_new();                                                                          \
        CHILD(session, close(master); CHECK_EQ(setsid(), getpid());                         \
              CHECK_EQ(ioctl(slave, TIOCSCTTY, 0), 0); __VA_ARGS__);                        \
    } while (0)

/* A child in a group of its own, put into the foreground or not before it begins. */
static pid_t job(int foreground, void (*body)(void))
{
    int go[2];
    char byte;
    CHECK_EQ(pipe(go), 0);
    pid_t pid = fork();
    if (!pid) {
        close(go[1]);
        CHECK_EQ(read(go[0], &byte, 1), 0);
        close(go[0]);
        signal(SIGTTOU, SIG_DFL);
        body();
        fflush(stdout);
        _exit(check_failures != 0);
    }
    CHECK_EQ(setpgid(pid, pid), 0);
    if (foreground)
        CHECK_EQ(tcsetpgrp(slave, pid), 0);
    close(go[0]);
    close(go[1]);
    return pid;
}

static void wait_for_ever(void)
{
    for (;;)
        pause();
}

static void reads_a_line(void)
{
    CHECK_LINE("for the job\n");
}

static int wait_stop(pid_t pid)
{
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

/* A key's signal goes to the foreground group, and only there. */
static void keys(void)
{
    static const struct {
        char key;
        int signo;
    } keys[] = {{'\003', SIGINT}, {'\034', SIGQUIT}};
    for (int i = 0; i < 2; i++) {
        SESSION(pid_t back = job(0, wait_for_ever), front = job(1, wait_for_ever);
                CHECK_EQ(write(slave, "go", 2), 2);
                int status = 0; CHECK_EQ(waitpid(front, &status, 0), front);
                CHECK_EQ(WTERMSIG(status), keys[i].signo); CHECK_EQ(waitpid(back, &status, WNOHANG), 0);
                kill(back, SIGKILL); CHECK_EQ(reap(back), SIGKILL));
        CHECK_SCREEN("go");
        CHECK_EQ(write(master, &keys[i].key, 1), 1);
        CHECK_EQ(reap(session), 0);
        CHECK_SCREEN(i ? "^\\" : "^C");
        pty_end();
    }
}

/* What was typed before is dropped with it, or not (NOFLSH). */
static void flushed(void)
{
    for (int kept = 0; kept < 2; kept++) {
        SESSION(on_signal(SIGINT, 0); pty_local(0, kept ? NOFLSH : 0); CHECK_EQ(write(slave, "go", 2), 2);
                until_signal(); CHECK_EQ(signals_seen, 1); CHECK_LINE(kept ? "before after\n" : " after\n"));
        CHECK_SCREEN("go");
        TYPE("before");
        CHECK_SCREEN("before");
        TYPE("\003");
        CHECK_SCREEN("^C");
        TYPE(" after\n");
        CHECK_SCREEN(" after\r\n");
        CHECK_EQ(reap(session), 0);
        pty_end();
    }
}

/* ^Z stops it, the leader takes the terminal back and goes on with it later. */
static void stopped(void)
{
    SESSION(signal(SIGTTOU, SIG_IGN); pid_t pid = job(1, reads_a_line); CHECK_EQ(write(slave, "1", 1), 1);
            CHECK_EQ(wait_stop(pid), SIGTSTP); CHECK_EQ(tcgetpgrp(slave), pid);
            CHECK_EQ(tcsetpgrp(slave, getpid()), 0); CHECK_EQ(write(slave, "2", 1), 1); CHECK_LINE("for us\n");
            CHECK_EQ(tcsetpgrp(slave, pid), 0); CHECK_EQ(kill(-pid, SIGCONT), 0);
            CHECK_EQ(write(slave, "3", 1), 1); CHECK_EQ(reap(pid), 0));
    pty_local(ECHO, 0);
    CHECK_SCREEN("1");
    TYPE("\032");
    CHECK_SCREEN("2");
    TYPE("for us\n");
    CHECK_SCREEN("3");
    TYPE("for the job\n");
    CHECK_EQ(reap(session), 0);
    pty_end();
}

static void changes_settings(void)
{
    struct termios t;
    CHECK_EQ(tcgetattr(slave, &t), 0); /* asking is allowed */
    CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
}

static void writes(void) { CHECK_EQ(write(slave, "x", 1), 1); }

/* The background is stopped when it reads, and when it changes something; also when it writes, if that
 * is asked for. It goes on when it is in the foreground. */
static void background(void)
{
    static const struct {
        void (*body)(void);
        int signo, tostop;
    } cases[] = {{reads_a_line, SIGTTIN, 0}, {changes_settings, SIGTTOU, 0}, {writes, SIGTTOU, TOSTOP}, {writes, 0, 0}};
    for (int i = 0; i < 4; i++) {
        SESSION(signal(SIGTTOU, SIG_IGN); pty_local(ECHO, (tcflag_t)cases[i].tostop); signal(SIGTTOU, SIG_DFL);
                pid_t pid = job(0, cases[i].body);
                if (cases[i].signo) {
                    CHECK_EQ(wait_stop(pid), cases[i].signo);
                    CHECK_EQ(tcsetpgrp(slave, pid), 0);
                    CHECK_EQ(kill(-pid, SIGCONT), 0);
                }
                CHECK_EQ(reap(pid), 0));
        TYPE("for the job\n");
        CHECK_EQ(reap(session), 0);
        pty_end();
    }
}

static void ignores(void)
{
    char byte;
    signal(SIGTTIN, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    CHECK_ERRNO(read(slave, &byte, 1), EIO);
    changes_settings(); /* it may, then */
    CHECK_EQ(tcsetpgrp(slave, getpid()), 0);
}

static void ignored(void)
{
    SESSION(pid_t pid = job(0, ignores); CHECK_EQ(reap(pid), 0));
    CHECK_EQ(reap(session), 0);
    pty_end();
}

/* Stopped while it reads, and continued in the background: it may not go on reading. */
static void continued_behind(void)
{
    SESSION(signal(SIGTTOU, SIG_IGN); pid_t pid = job(1, reads_a_line); until_asleep(pid);
            CHECK_EQ(write(slave, "1", 1), 1); CHECK_EQ(wait_stop(pid), SIGTSTP); CHECK_EQ(tcsetpgrp(slave, getpid()), 0); CHECK_EQ(kill(-pid, SIGCONT), 0);
            CHECK_EQ(wait_stop(pid), SIGTTIN); kill(-pid, SIGKILL); CHECK_EQ(reap(pid), SIGKILL));
    CHECK_SCREEN("1");
    TYPE("\032");
    CHECK_EQ(reap(session), 0);
    pty_end();
}

/* The leader ends: the foreground gets a SIGHUP, and nobody has the terminal any more. */
static void leader_ends(void)
{
    int p[2];
    char byte;
    CHECK_EQ(pipe(p), 0);
    SESSION(CHECK(job(1, wait_for_ever) > 0));
    close(p[1]); /* the pipe ends with the job */
    CHECK_EQ(reap(session), 0);
    CHECK_EQ(read(p[0], &byte, 1), 0);
    close(p[0]);
    SESSION(CHECK_EQ(tcgetsid(slave), getpid())); /* another session may have it */
    CHECK_EQ(reap(session), 0);
    pty_end();
}

/* The master goes: the leader gets SIGHUP and SIGCONT, reads end, all else is an error. */
static void hung_up(void)
{
    char byte;
    SESSION(on_signal(SIGHUP, 0); CHECK_EQ(write(slave, "x", 1), 1); CHECK_ERRNO(read(slave, &byte, 1), EIO);
            until_signal(); CHECK_EQ(read(slave, &byte, 1), 0);
            CHECK_ERRNO(write(slave, "x", 1), EIO); CHECK_ERRNO(tcgetpgrp(slave), EIO);
            CHECK_EQ(poll_now(slave) & (POLLIN | POLLOUT | POLLHUP | POLLERR), POLLIN | POLLOUT | POLLHUP | POLLERR);
            CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO));
    close(slave);
    CHECK_EQ(read(master, &byte, 1), 1);
    until_asleep(session);
    close(master);
    CHECK_EQ(reap(session), 0);
}

/* The slave goes: the master reads what there is, then EIO; opened again it goes on. */
static void slave_closed(void)
{
    char text[8], name[64];
    pty_new();
    CHECK_EQ(ttyname_r(slave, name, sizeof name), 0);
    CHECK_EQ(write(slave, "rest", 4), 4);
    close(slave);
    CHECK_EQ(read(master, text, 8), 4);
    CHECK_ERRNO(read(master, text, 8), EIO);
    CHECK_EQ(poll_now(master) & (POLLIN | POLLHUP), POLLHUP);
    slave = open(name, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0);
    CHECK_EQ(poll_now(master) & POLLHUP, 0);
    check_flow(slave, master);
    pid_t pid;
    CHILD(pid, close(master); sleep_ms(20)); /* who waits learns it, too */
    close(slave);
    CHECK_ERRNO(read(master, text, 8), EIO);
    CHECK_EQ(reap(pid), 0);
    close(master);
    CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), ENOENT);
}

static void window(void)
{
    struct winsize size = {50, 132, 0, 0}, got;
    SESSION(on_signal(SIGWINCH, 0); CHECK_EQ(write(slave, "x", 1), 1); until_signal(); CHECK_EQ(signals_seen, 1);
            CHECK_EQ(ioctl(slave, TIOCGWINSZ, &got), 0); CHECK_EQ(got.ws_row, 50); CHECK_EQ(got.ws_col, 132));
    CHECK_SCREEN("x");
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &size), 0);
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &size), 0); /* no change: no signal */
    CHECK_EQ(reap(session), 0);
    CHECK_EQ(ioctl(master, TIOCGWINSZ, &got), 0);
    CHECK_EQ(got.ws_col, 132);
    pty_end();
}

int main(void)
{
    keys();
    flushed();
    stopped();
    background();
    ignored();
    continued_behind();
    leader_ends();
    hung_up();
    slave_closed();
    window();
    return finish();
}
