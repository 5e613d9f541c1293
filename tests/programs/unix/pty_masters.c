/* What only a master has: names and locks, packet mode, the peer; and terminals that are handed on. */
#include "pty.h"
#include <sys/sysmacros.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

static void names(void)
{
    char name[64], link[64], path[64];
    struct stat st;
    int locked = 0, m = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(m >= 0);
    CHECK_EQ(ptsname_r(m, name, sizeof name), 0);
    CHECK_EQ(ioctl(m, TIOCGPTLCK, &locked), 0);
    CHECK_EQ(locked, 1);
    CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
    CHECK_EQ(grantpt(m), 0);
    CHECK_EQ(unlockpt(m), 0);
    int s = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    CHECK(s >= 0);
    CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
    CHECK(isatty(s) && isatty(m));
    CHECK_EQ(ttyname_r(s, link, sizeof link), 0);
    CHECK_TEXT(link, name);
    CHECK_EQ(fstat(s, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(major(st.st_rdev), 136);
    snprintf(path, sizeof path, "/dev/pts/%u", minor(st.st_rdev));
    CHECK_TEXT(path, name);
    CHECK_ERRNO(lseek(s, 0, SEEK_CUR), ESPIPE);
    CHECK_ERRNO(pwrite(s, "x", 1, 0), ESPIPE);
    int other = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK_EQ(ptsname_r(other, link, sizeof link), 0);
    CHECK(strcmp(link, name) != 0);
    close(other);
    close(s);
    close(m);
    int fd = open("/dev/null", O_RDWR);
    CHECK_ERRNO(tcgetattr(fd, &(struct termios){0}), ENOTTY);
    close(fd);
}

static void peer(void)
{
    int m = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK_EQ(unlockpt(m), 0);
    int s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(s >= 0);
    CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
    pty_raw(s);
    check_linked(m, s);
    close(m);
    close(s);
}

/* Each read tells first what it is about. */
static void packets(void)
{
    char text[16];
    int on = 1, got = 0;
    pty_new();
    pty_local(ECHO, 0);
    CHECK_EQ(ioctl(master, TIOCPKT, &on), 0);
    CHECK_EQ(ioctl(master, TIOCGPKT, &got), 0);
    CHECK_EQ(got, 1);
    CHECK_EQ(write(slave, "data", 4), 4);
    CHECK_EQ(read(master, text, sizeof text), 5);
    CHECK(!memcmp(text, "\0data", 5));
    CHECK_EQ(tcflush(slave, TCIFLUSH), 0);
    CHECK_EQ(wait_for(master, POLLPRI | POLLIN) & POLLPRI, POLLPRI);
    CHECK_EQ(read(master, text, sizeof text), 1);
    CHECK_EQ(text[0], TIOCPKT_FLUSHREAD);
    CHECK_EQ(poll_now(master) & (POLLIN | POLLPRI), 0);
    TYPE("\023");
    CHECK_EQ(wait_for(master, POLLPRI), POLLPRI);
    CHECK_EQ(read(master, text, sizeof text), 1);
    CHECK_EQ(text[0], TIOCPKT_STOP);
    TYPE("\021");
    CHECK_EQ(wait_for(master, POLLPRI), POLLPRI);
    CHECK_EQ(read(master, text, sizeof text), 1);
    CHECK_EQ(text[0], TIOCPKT_START);
    struct termios t;
    CHECK_EQ(tcgetattr(slave, &t), 0);
    t.c_iflag &= ~(tcflag_t)IXON;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
    CHECK_EQ(read(master, text, sizeof text), 1);
    CHECK_EQ(text[0], TIOCPKT_NOSTOP);
    pty_end();
}

/* Settings: the same from both ends, with what a pty cannot do taken out. */
static void settings(void)
{
    struct termios t, u;
    pty_new();
    CHECK_EQ(tcgetattr(master, &t), 0);
    CHECK_EQ(t.c_iflag, ICRNL | IXON);
    CHECK_EQ(t.c_oflag, OPOST | ONLCR);
    CHECK_EQ(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    CHECK_EQ(t.c_cc[VINTR], 3);
    CHECK_EQ(cfgetospeed(&t), B38400);
    t.c_cflag = (t.c_cflag & ~(tcflag_t)CSIZE) | CS5 | PARENB;
    cfsetspeed(&t, B9600);
    t.c_cc[VERASE] = 8;
    CHECK_EQ(tcsetattr(master, TCSAFLUSH, &t), 0);
    CHECK_EQ(tcgetattr(slave, &u), 0);
    CHECK_EQ(u.c_cflag & (CSIZE | PARENB | CREAD), CS8 | CREAD);
    CHECK_EQ(cfgetospeed(&u), B9600);
    TYPE("ax\bb\n");
    CHECK_LINE("ab\n");
    CHECK_ERRNO(ioctl(slave, TIOCPKT, &(int){1}), ENOTTY);
    CHECK_ERRNO(ioctl(slave, TIOCMGET, &(int){1}), ENOTTY);
    CHECK_ERRNO(syscall(SYS_ioctl, slave, TCSETS, 8), EFAULT);
    pty_end();
}

/* A terminal that comes through a socket is the same terminal. */
static void handed_on(void)
{
    int way[2];
    pid_t pid;
    pty_new();
    unix_pair(way, SOCK_STREAM);
    CHILD(pid, close(master); close(slave); int m = receive_fd(way[1]); char byte; CHECK(isatty(m));
          CHECK_EQ(write(m, "typed\n", 6), 6); CHECK_EQ(read(way[1], &byte, 1), 1));
    CHECK(send_fd(way[0], master));
    close(master);
    CHECK_LINE("typed\n");
    CHECK_EQ(write(way[0], "x", 1), 1);
    CHECK_EQ(reap(pid), 0);
    close(way[0]);
    close(way[1]);
    char byte;
    CHECK_EQ(read(slave, &byte, 1), 0); /* and now it is gone */
    close(slave);
}

int main(void)
{
    names();
    peer();
    packets();
    settings();
    handed_on();
    return finish();
}
