/* What the programs about terminals share. */
#ifndef PTYS_H
#define PTYS_H
#include <sys/ioctl.h>
#include <termios.h>

#include "net.h"

/* A master, and the slave opened without becoming a controlling terminal. */
UNUSED static int open_pty(int *slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(master >= 0);
    CHECK_EQ(grantpt(master), 0);
    CHECK_EQ(unlockpt(master), 0);
    *slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    CHECK(*slave >= 0);
    return master;
}

UNUSED static void set_raw(int fd)
{
    struct termios t;
    CHECK_EQ(tcgetattr(fd, &t), 0);
    cfmakeraw(&t);
    CHECK_EQ(tcsetattr(fd, TCSANOW, &t), 0);
}

UNUSED static void set_local(int fd, unsigned on, unsigned off)
{
    struct termios t;
    CHECK_EQ(tcgetattr(fd, &t), 0);
    t.c_lflag = (t.c_lflag | on) & ~off;
    CHECK_EQ(tcsetattr(fd, TCSANOW, &t), 0);
}

UNUSED static void type(int master, const char *keys)
{
    CHECK_EQ(write_all(master, keys, strlen(keys)), strlen(keys));
}

/* Exactly this comes out of it. */
UNUSED static void expect(int fd, const char *wanted)
{
    char got[512] = {0};
    size_t size = strlen(wanted), done = 0;
    while (done < size && poll_ms(fd, POLLIN, PATIENCE_MS) & POLLIN) {
        ssize_t n = read(fd, got + done, size - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (strcmp(got, wanted)) {
        printf("wanted \"%s\", got \"%s\"\n", wanted, got);
        check_failures++;
    }
}

/* A child in a session of its own, with the slave as its controlling terminal and 0 to 2. */
UNUSED static pid_t fork_on(int master, int slave)
{
    const char *name = ptsname(master);
    pid_t child = fork();
    if (child)
        return child;
    check_failures = 0;
    setsid();
    int fd = open(name, O_RDWR); /* the first one that a leader opens becomes its terminal */
    close(master), close(slave);
    dup2(fd, 0), dup2(fd, 1), dup2(fd, 2);
    if (fd > 2)
        close(fd);
    return 0;
}
#endif
