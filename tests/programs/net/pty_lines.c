/* The line discipline: canonical lines, echo, erase and kill, end of file, VMIN and VTIME, output. */
#include "ptys.h"

static void lines(void)
{
    int slave, master = open_pty(&slave);
    char text[64];
    struct termios t;
    CHECK_EQ(tcgetattr(slave, &t), 0);
    CHECK((t.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG));
    CHECK_EQ(t.c_cc[VINTR], 3);
    CHECK_EQ(t.c_cc[VEOF], 4);
    CHECK_EQ(t.c_cc[VERASE], 127);
    type(master, "hel");
    expect(master, "hel"); /* the echo */
    CHECK_EQ(poll_ms(slave, POLLIN, 10), 0); /* no line yet */
    type(master, "lo\n");
    expect(master, "lo\r\n");
    CHECK_EQ(wait_for(slave, POLLIN), POLLIN);
    CHECK_EQ(read(slave, text, sizeof text), 6);
    CHECK_EQ(memcmp(text, "hello\n", 6), 0);
    type(master, "one\ntwo\n"); /* a line at a read */
    expect(master, "one\r\ntwo\r\n");
    CHECK_EQ(read(slave, text, sizeof text), 4);
    CHECK_EQ(read(slave, text, 2), 2); /* a part of it; the rest stays */
    CHECK_EQ(read(slave, text, sizeof text), 2);
    type(master, "x\r"); /* ICRNL */
    expect(master, "x\r\n");
    CHECK_EQ(read(slave, text, sizeof text), 2);
    CHECK_EQ(text[1], '\n');
    close(master), close(slave);
}

static void editing(void)
{
    int slave, master = open_pty(&slave);
    char text[64];
    type(master, "ax\177b\n"); /* erase */
    expect(master, "ax\b \bb\r\n");
    CHECK_EQ(read(slave, text, sizeof text), 3);
    CHECK_EQ(memcmp(text, "ab\n", 3), 0);
    type(master, "gone\025ok\n"); /* kill, ^U */
    CHECK_EQ(read(slave, text, sizeof text), 3);
    CHECK_EQ(memcmp(text, "ok\n", 3), 0);
    type(master, "a\026\003b\n"); /* ^V takes ^C as it is */
    CHECK_EQ(read(slave, text, sizeof text), 4);
    CHECK_EQ(memcmp(text, "a\003b\n", 4), 0);
    type(master, "no line\004"); /* ^D: what there is, without a line's end */
    CHECK_EQ(read(slave, text, sizeof text), 7);
    type(master, "\004"); /* and alone: the end */
    CHECK_EQ(read(slave, text, sizeof text), 0);
    type(master, "more\n"); /* after which it goes on */
    CHECK_EQ(read(slave, text, sizeof text), 5);
    close(master), close(slave);
}

static void no_echo(void)
{
    int slave, master = open_pty(&slave);
    char text[64];
    set_local(slave, 0, ECHO);
    type(master, "secret\n");
    CHECK_EQ(read(slave, text, sizeof text), 7);
    CHECK_EQ(poll_ms(master, POLLIN, 10), 0);
    set_local(slave, ECHONL, 0); /* the newline alone */
    type(master, "secret\n");
    CHECK_EQ(read(slave, text, sizeof text), 7);
    expect(master, "\r\n");
    set_local(slave, ECHO, ECHONL);
    type(master, "\001\n"); /* control characters in the echo */
    expect(master, "^A\r\n");
    close(master), close(slave);
}

static void output(void)
{
    int slave, master = open_pty(&slave);
    struct termios t;
    CHECK_EQ(write(slave, "a\nb\n", 4), 4); /* ONLCR */
    expect(master, "a\r\nb\r\n");
    CHECK_EQ(tcgetattr(slave, &t), 0);
    t.c_oflag &= ~(tcflag_t)OPOST;
    CHECK_EQ(tcsetattr(slave, TCSADRAIN, &t), 0);
    CHECK_EQ(write(slave, "a\nb\n", 4), 4);
    expect(master, "a\nb\n");
    CHECK_EQ(tcdrain(slave), 0);
    close(master), close(slave);
}

/* Without lines: VMIN bytes, or VTIME tenths of a second. */
static void not_canonical(void)
{
    int slave, master = open_pty(&slave);
    char text[64];
    struct termios t;
    CHECK_EQ(tcgetattr(slave, &t), 0);
    cfmakeraw(&t);
    t.c_cc[VMIN] = 3, t.c_cc[VTIME] = 0;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
    pid_t child = fork();
    if (!child) {
        for (int i = 0; i < 3; i++) {
            sleep_ms(10);
            type(master, "m");
        }
        _exit(check_failures != 0);
    }
    CHECK_EQ(read(slave, text, sizeof text), 3); /* not before there are three */
    CHECK_EQ(waitpid(child, 0, 0), child);
    t.c_cc[VMIN] = 0, t.c_cc[VTIME] = 0;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
    CHECK_EQ(read(slave, text, sizeof text), 0); /* at once */
    t.c_cc[VTIME] = 1;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(read(slave, text, sizeof text), 0);
    CHECK(ms_since(before) >= 90);
    type(master, "t");
    CHECK_EQ(read(slave, text, sizeof text), 1);
    close(master), close(slave);
}

int main(void)
{
    lines();
    editing();
    no_echo();
    output();
    not_canonical();
    return finish();
}
