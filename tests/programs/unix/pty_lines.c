/* A terminal's lines: editing keys, echo, ends of file, and how output is processed. */
#include "pty.h"

static void lines(void)
{
    pty_new();
    TYPE("hello\n");
    CHECK_SCREEN("hello\r\n");
    CHECK_LINE("hello\n");
    TYPE("one\ntwo\nthree");
    CHECK_LINE("one\n");
    CHECK_LINE("two\n");
    CHECK_EQ(poll_ms(slave, POLLIN, 20), 0); /* no line yet */
    TYPE("\004"); /* an end of file within a line gives what there is */
    CHECK_LINE("three");
    TYPE("\004");
    CHECK_LINE("");
    TYPE("ab\r");
    CHECK_LINE("ab\n");
    CHECK_SCREEN("one\r\ntwo\r\nthreeab\r\n");
    char part[3] = "";
    TYPE("abcd\n");
    CHECK_EQ(read(slave, part, 2), 2);
    CHECK(!memcmp(part, "ab", 2));
    CHECK_LINE("cd\n");
    TYPE("abc\004");
    CHECK_EQ(read(slave, part, 3), 3);
    CHECK_EQ(poll_ms(slave, POLLIN, 10), 0); /* the end belonged to that */
    CHECK_SCREEN("abcd\r\nabc");
    pty_end();
}

static void editing(void)
{
    pty_new();
    TYPE("abx\177c\n");
    CHECK_LINE("abc\n");
    CHECK_SCREEN("abx\b \bc\r\n");
    TYPE("one two\027three\n"); /* ^W: a word */
    CHECK_LINE("one three\n");
    CHECK_SCREEN("one two\b \b\b \b\b \bthree\r\n");
    TYPE("gone\025kept\n"); /* ^U: the line */
    CHECK_LINE("kept\n");
    CHECK_SCREEN("gone\b \b\b \b\b \b\b \bkept\r\n");
    TYPE("a\026\003b\n"); /* ^V: the next one as it is */
    CHECK_LINE("a\003b\n");
    CHECK_SCREEN("a^\b^Cb\r\n");
    TYPE("\001x\177\177y\n"); /* a control character takes two columns */
    CHECK_LINE("y\n");
    CHECK_SCREEN("^Ax\b \b\b \b\b \by\r\n");
    TYPE("ab\022c\n"); /* ^R: print it again */
    CHECK_LINE("abc\n");
    CHECK_SCREEN("ab^R\r\nabc\r\n");
    TYPE("a\t\177b\n"); /* a tab goes back to where it began */
    CHECK_LINE("ab\n");
    CHECK_SCREEN("a\t\b\b\b\b\b\b\bb\r\n");
    TYPE("\177\025\027ok\n"); /* nothing to erase */
    CHECK_LINE("ok\n");
    CHECK_SCREEN("ok\r\n");
    pty_local(ECHO, 0);
    TYPE("secret\n");
    CHECK_LINE("secret\n");
    CHECK_SCREEN("");
    pty_local(0, ECHONL);
    TYPE("secret\n");
    CHECK_LINE("secret\n");
    CHECK_SCREEN("\r\n");
    pty_end();
}

static void printed(void)
{
    struct termios t;
    pty_new();
    CHECK_EQ(write(slave, "a\nb\tc\rd\n", 8), 8);
    CHECK_SCREEN("a\r\nb\tc\rd\r\n");
    CHECK_EQ(tcgetattr(slave, &t), 0);
    t.c_oflag |= TAB3;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
    CHECK_EQ(write(slave, "ab\tc\n\t.\n", 8), 8);
    CHECK_SCREEN("ab      c\r\n        .\r\n");
    t.c_oflag = OPOST | OCRNL | OLCUC;
    CHECK_EQ(tcsetattr(slave, TCSADRAIN, &t), 0);
    CHECK_EQ(write(slave, "low\rnext\n", 9), 9);
    CHECK_SCREEN("LOW\nNEXT\n");
    t.c_oflag = 0;
    CHECK_EQ(tcsetattr(slave, TCSAFLUSH, &t), 0);
    CHECK_EQ(write(slave, "a\n\t", 3), 3);
    CHECK_SCREEN("a\n\t");
    pty_end();
}

/* A line that is too long loses its end, but not the end of line. */
static void too_long(void)
{
    static char line[6000], got[6000];
    pty_new();
    pty_local(ECHO, 0);
    memset(line, 'x', sizeof line);
    CHECK_EQ(write_all(master, line, sizeof line), sizeof line);
    TYPE("yz\n");
    CHECK_EQ(read(slave, got, sizeof got), 4096);
    CHECK_EQ(got[4095], '\n');
    CHECK_EQ(got[4094], 'x');
    TYPE("short\n");
    CHECK_LINE("short\n");
    pty_end();
}

static void many_lines(void)
{
    pid_t pid;
    pty_new();
    pty_local(ECHO, 0);
    CHILD(pid, close(master); char text[64]; for (int i = 0; i < 3000; i++) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "line %d\n", i);
        ssize_t n = read(slave, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        if (strcmp(text, wanted)) {
            check_text(i, text, wanted);
            break;
        }
    });
    for (int i = 0; i < 3000; i++) {
        char text[64];
        int n = snprintf(text, sizeof text, "line %d\n", i);
        CHECK_EQ(write_all(master, text, (size_t)n), n);
    }
    CHECK_EQ(reap(pid), 0);
    pty_end();
}

int main(void)
{
    lines();
    editing();
    printed();
    too_long();
    many_lines();
    return finish();
}
