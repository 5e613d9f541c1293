/* What the programs about terminals share. */
#ifndef PTY_H
#define PTY_H
#include "unix.h"
#include <pty.h>
#include <termios.h>

UNUSED static int master, slave;

UNUSED static void pty_new(void)
{
    CHECK_EQ(openpty(&master, &slave, 0, 0, 0), 0);
}

UNUSED static void pty_end(void)
{
    close(slave);
    close(master);
}

/* What of the settings goes, what comes. */
UNUSED static void pty_local(tcflag_t off, tcflag_t on)
{
    struct termios t;
    CHECK_EQ(tcgetattr(slave, &t), 0);
    t.c_lflag = (t.c_lflag & ~off) | on;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
}

UNUSED static void pty_raw(int fd)
{
    struct termios t;
    CHECK_EQ(tcgetattr(fd, &t), 0);
    cfmakeraw(&t);
    CHECK_EQ(tcsetattr(fd, TCSANOW, &t), 0);
}

/* As much as is wanted, and what comes in a while after that; natively a line takes its time through
 * the kernel. */
UNUSED static const char *all_from(int fd, char *text, size_t size, size_t wanted)
{
    size_t done = 0;
    while (done + 1 < size && poll_ms(fd, POLLIN, done < wanted ? PATIENCE_MS : 10) & POLLIN) {
        ssize_t n = read(fd, text + done, size - 1 - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    text[done] = 0;
    return text;
}

/* Until so many characters are there to be read, or the line is stopped: by then it is processed. */
UNUSED static void until_typed(int count)
{
    int n = 0;
    for (int ms = 0; ms < PATIENCE_MS && n < count; ms++) {
        CHECK_EQ(ioctl(slave, FIONREAD, &n), 0);
        sleep_ms(1);
    }
    CHECK(n >= count);
}

UNUSED static void until_stopped(void)
{
    for (int ms = 0; ms < PATIENCE_MS && poll_ms(slave, POLLOUT, 0); ms++)
        sleep_ms(1);
}

UNUSED static void check_text(int line, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) == 0)
        return;
    check_failures++;
    printf("line %d: got \"", line);
    for (; *got; got++)
        printf(*got < ' ' || *got == 127 ? "\\%o" : "%c", (unsigned char)*got);
    puts("\"");
}

#define TYPE(text) CHECK_EQ(write(master, text, sizeof(text) - 1), sizeof(text) - 1)
#define CHECK_SCREEN(wanted)                                            \
    do {                                                                \
        char screen_[4096];                                             \
        check_text(__LINE__, all_from(master, screen_, sizeof screen_, strlen(wanted)), wanted); \
    } while (0)
#define CHECK_LINE(wanted)                                              \
    do {                                                                \
        char line_[4096];                                               \
        ssize_t n_ = read(slave, line_, sizeof line_ - 1);              \
        CHECK(n_ >= 0);                                                 \
        line_[n_ > 0 ? n_ : 0] = 0;                                     \
        check_text(__LINE__, line_, wanted);                            \
    } while (0)
#endif
