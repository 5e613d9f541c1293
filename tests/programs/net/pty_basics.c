/* Pseudo-terminals: made, named, raw data both ways, blocking, window size, ends. */
#include "ptys.h"

static void made(void)
{
    int slave, master = open_pty(&slave), n = -1, lock = -1;
    struct stat st;
    char name[64];
    CHECK_EQ(ptsname_r(master, name, sizeof name), 0);
    CHECK_EQ(strncmp(name, "/dev/pts/", 9), 0);
    CHECK_EQ(ioctl(master, TIOCGPTN, &n), 0);
    CHECK_EQ(atoi(name + 9), n);
    CHECK_EQ(ioctl(master, TIOCGPTLCK, &lock), 0);
    CHECK_EQ(lock, 0);
    CHECK_EQ(isatty(master), 1);
    CHECK_EQ(isatty(slave), 1);
    CHECK_EQ(fstat(slave, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_TEXT(ttyname(slave), name);
    int other_slave, other = open_pty(&other_slave), m = -1;
    CHECK_EQ(ioctl(other, TIOCGPTN, &m), 0);
    CHECK(m != n);
    close(other), close(other_slave);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(isatty(ends[0]), 0);
    CHECK_EQ(errno, ENOTTY);
    close(ends[0]), close(ends[1]), close(master), close(slave);
    master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK_EQ(fcntl(master, F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(open(ptsname(master), O_RDWR | O_NOCTTY), EIO); /* locked */
    close(master);
}

static void raw(void)
{
    int slave, master = open_pty(&slave), status;
    char text[64];
    set_raw(slave);
    CHECK_EQ(write(master, "in\n\003\004", 5), 5); /* bytes as any others */
    CHECK_EQ(wait_for(slave, POLLIN), POLLIN);
    CHECK_EQ(read_all(slave, text, 5), 5);
    CHECK_EQ(memcmp(text, "in\n\003\004", 5), 0);
    CHECK_EQ(write(slave, "out\n", 4), 4);
    CHECK_EQ(read_all(master, text, 4), 4);
    CHECK_EQ(memcmp(text, "out\n", 4), 0);
    set_nonblocking(master, 1);
    CHECK_ERRNO(read(master, text, 1), EAGAIN);
    CHECK_EQ(poll_now(master), POLLOUT);
    CHECK_EQ(poll_now(slave), POLLOUT);
    set_nonblocking(master, 0);
    pid_t child = fork();
    if (!child) { /* both ends block */
        sleep_ms(20);
        CHECK_EQ(write(master, "a", 1), 1);
        CHECK_EQ(read(master, text, 1), 1);
        _exit(check_failures != 0 || text[0] != 'b');
    }
    CHECK_EQ(read(slave, text, 10), 1);
    sleep_ms(20);
    CHECK_EQ(write(slave, "b", 1), 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    int n = -1;
    CHECK_EQ(write(master, "12345", 5), 5);
    wait_for(slave, POLLIN);
    CHECK_EQ(ioctl(slave, FIONREAD, &n), 0);
    CHECK_EQ(n, 5);
    CHECK_EQ(tcflush(slave, TCIFLUSH), 0);
    CHECK_EQ(ioctl(slave, FIONREAD, &n), 0);
    CHECK_EQ(n, 0);
    close(master), close(slave);
}

static void bulk(void)
{
    enum { SIZE = 100000 };
    static unsigned char data[SIZE], got[SIZE];
    int slave, master = open_pty(&slave), status;
    set_raw(slave);
    bulk_fill(data, 6, 0, SIZE);
    pid_t child = fork();
    if (!child) {
        CHECK_EQ(write_all(slave, data, SIZE), SIZE);
        _exit(check_failures != 0);
    }
    CHECK_EQ(read_all(master, got, SIZE), SIZE);
    CHECK_EQ(memcmp(data, got, SIZE), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(master), close(slave);
}

static void window(void)
{
    int slave, master = open_pty(&slave);
    struct winsize w = {1, 1, 1, 1};
    CHECK_EQ(ioctl(slave, TIOCGWINSZ, &w), 0);
    CHECK(w.ws_row == 0 && w.ws_col == 0);
    w = (struct winsize){24, 80, 0, 0};
    CHECK_EQ(ioctl(master, TIOCSWINSZ, &w), 0);
    w = (struct winsize){0, 0, 0, 0};
    CHECK_EQ(ioctl(slave, TIOCGWINSZ, &w), 0);
    CHECK(w.ws_row == 24 && w.ws_col == 80);
    CHECK_EQ(ioctl(slave, TIOCSWINSZ, &(struct winsize){50, 132, 0, 0}), 0); /* from either side */
    CHECK_EQ(ioctl(master, TIOCGWINSZ, &w), 0);
    CHECK(w.ws_row == 50 && w.ws_col == 132);
    CHECK_ERRNO(ioctl(slave, TIOCGWINSZ, nowhere), EFAULT);
    close(master), close(slave);
}

/* The slaves gone: EIO at the master, and a hangup; a new slave repairs it. The master gone: the end. */
static void ends(void)
{
    int slave, master = open_pty(&slave);
    char byte, name[64];
    CHECK_EQ(ptsname_r(master, name, sizeof name), 0);
    set_raw(slave);
    CHECK_EQ(write(slave, "z", 1), 1);
    close(slave);
    CHECK_EQ(comes_to(master, POLLIN | POLLOUT | POLLHUP), POLLIN | POLLOUT | POLLHUP);
    CHECK_EQ(read(master, &byte, 1), 1); /* what was written before */
    CHECK_ERRNO(read(master, &byte, 1), EIO);
    CHECK_EQ(poll_ms(master, POLLIN, 0), POLLHUP);
    slave = open(name, O_RDWR | O_NOCTTY);
    CHECK_EQ(poll_ms(master, POLLIN, 0), 0);
    CHECK_EQ(write(slave, "y", 1), 1);
    CHECK_EQ(read(master, &byte, 1), 1);
    close(master);
    CHECK_EQ(wait_for(slave, POLLIN) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
    CHECK_EQ(read(slave, &byte, 1), 0);
    CHECK_ERRNO(write(slave, "x", 1), EIO);
    struct termios t;
    CHECK_ERRNO(tcgetattr(slave, &t), EIO);
    CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), ENOENT);
    close(slave);
}

/* A reader at the master wakes by the last slave's end. */
static void wakes(void)
{
    int slave, master = open_pty(&slave), status;
    char byte;
    pid_t child = fork();
    if (!child) {
        close(master);
        sleep_ms(20);
        _exit(0);
    }
    close(slave);
    CHECK_ERRNO(read(master, &byte, 1), EIO);
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(master);
}

int main(void)
{
    made();
    raw();
    bulk();
    window();
    ends();
    wakes();
    return finish();
}
