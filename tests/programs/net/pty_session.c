/* Sessions and controlling terminals: /dev/tty, TIOCSCTTY, TIOCNOTTY, a shell on a terminal. */
#include "ptys.h"

static void without(void)
{
    int status;
    IN_CHILD(status, setsid(); CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO));
    CHECK_EQ(status, 0);
}

static void by_open(void)
{
    int slave, master = open_pty(&slave), status;
    pid_t child = fork_on(master, slave);
    if (!child) {
        int tty = open("/dev/tty", O_RDWR);
        pid_t sid = -1;
        CHECK(tty >= 0);
        CHECK_EQ(tcgetsid(0), getpid());
        CHECK_EQ(tcgetpgrp(tty), getpid());
        CHECK_EQ(ioctl(tty, TIOCGSID, &sid), 0);
        CHECK_EQ(sid, getpid());
        CHECK_EQ(write(tty, "by tty", 6), 6);
        close(tty);
        _exit(check_failures != 0);
    }
    expect(master, "by tty");
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_ERRNO(tcgetsid(slave), ENOTTY); /* not ours */
    close(master), close(slave);
}

static void by_ioctl(void)
{
    int slave, master = open_pty(&slave), status;
    IN_CHILD(status, CHECK_EQ(setsid(), getpid()); CHECK_ERRNO(tcgetpgrp(slave), ENOTTY);
             CHECK_EQ(ioctl(slave, TIOCSCTTY, 0), 0); CHECK_EQ(tcgetpgrp(slave), getpid());
             CHECK_ERRNO(tcsetpgrp(slave, 999999), ESRCH);
             CHECK_ERRNO(tcsetpgrp(slave, -1), EINVAL);
             int tty = open("/dev/tty", O_RDWR); CHECK(tty >= 0);
             signal(SIGHUP, SIG_IGN); signal(SIGCONT, SIG_IGN);
             CHECK_EQ(ioctl(tty, TIOCNOTTY), 0); CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO));
    CHECK_EQ(status, 0);
    close(master), close(slave);
}

/* A shell with a terminal as its own: prompt, command, answer, the end by ^D. */
static void shell(void)
{
    int slave, master = open_pty(&slave), status;
    pid_t child = fork_on(master, slave);
    if (!child) {
        setenv("PS1", "> ", 1);
        unsetenv("ENV");
        execl("/bin/sh", "sh", "-i", (char *)0);
        _exit(1);
    }
    expect(master, "> ");
    type(master, "echo $((6*7)); test -t 0 && echo tty\n");
    expect(master, "echo $((6*7)); test -t 0 && echo tty\r\n42\r\ntty\r\n> ");
    type(master, "cat\n");
    expect(master, "cat\r\n");
    type(master, "x\n");
    expect(master, "x\r\nx\r\n");
    type(master, "\003");
    expect(master, "^C\r\n> ");
    type(master, "exit 3\n");
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    close(master), close(slave);
}

int main(void)
{
    without();
    by_open();
    by_ioctl();
    shell();
    return finish();
}
