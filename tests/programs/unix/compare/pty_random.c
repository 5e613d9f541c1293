/* Random settings of a terminal, typing, printing and reading: all that comes of it, in text. The
 * machine's own terminals say what is right. usage: pty_random SEED CASES */
#include "../pty.h"

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

static void show(const char *what, const char *bytes, ssize_t n)
{
    printf("%s %zd:", what, n);
    for (ssize_t i = 0; i < n; i++)
        printf(" %02x", (unsigned char)bytes[i]);
    puts("");
}

static tcflag_t some_of(const tcflag_t *flags, unsigned count)
{
    tcflag_t set = 0;
    for (unsigned i = 0; i < count; i++)
        if (below(2))
            set |= flags[i];
    return set;
}

#define SOME_OF(flags) some_of(flags, sizeof(flags) / sizeof *(flags))

static void random_settings(struct termios *t)
{
    static const tcflag_t local[] = {ECHO, ECHOE, ECHOK, ECHONL, NOFLSH, ECHOCTL, ECHOKE, IEXTEN, ISIG};
    static const tcflag_t input[] = {ICRNL, INLCR, IGNCR, IXON, IXANY, ISTRIP, IUCLC, IUTF8, PARMRK};
    static const tcflag_t output[] = {ONLCR, OCRNL, ONOCR, ONLRET, OLCUC, TAB3};
    if (below(3) == 0) { /* the usual ones, and one thing else */
        CHECK_EQ(tcgetattr(slave, t), 0);
        t->c_lflag ^= local[below(9)];
        return;
    }
    t->c_lflag = SOME_OF(local) | (below(4) ? ICANON : 0) | (below(5) == 0 ? ECHOPRT : 0);
    t->c_iflag = below(2) ? ICRNL | IXON : SOME_OF(input);
    t->c_oflag = (below(5) ? OPOST : 0) | (below(2) ? ONLCR : SOME_OF(output));
    t->c_cc[VMIN] = (cc_t)below(3);
    t->c_cc[VTIME] = 0;
    if (below(3) == 0)
        t->c_cc[VEOL] = ';';
    if (below(4) == 0)
        t->c_cc[VEOL2] = '!';
    if (below(6) == 0)
        t->c_cc[VERASE] = '#';
}

static size_t random_text(char *to, size_t most)
{
    static const char keys[] = "\177\177\025\027\026\022\004\003\034\032\021\023\n\n\r\t\b\001\033;!#\377\303\244";
    static const char plain[] = "ab cD_9.Z\303\266x";
    size_t n = 1 + below((unsigned)most);
    for (size_t i = 0; i < n; i++)
        to[i] = below(3) ? plain[below(sizeof plain - 1)] : keys[below(sizeof keys - 1)];
    return n;
}

/* Natively what is typed or printed goes through a worker, which takes its time. */
static void settle(void)
{
    int last[2] = {-1, -1};
    for (int same = 0; same < 5; same++) {
        int now[2] = {0, 0};
        sleep_ms(3);
        ioctl(slave, FIONREAD, &now[0]);
        ioctl(master, FIONREAD, &now[1]);
        if (memcmp(last, now, sizeof now))
            same = 0;
        memcpy(last, now, sizeof now);
    }
}

static void step(void)
{
    char text[5000];
    int waiting = 0;
    size_t n;
    switch (below(6)) {
    case 0:
    case 1:
        n = random_text(text, below(8) ? 12 : 600);
        show("type", text, (ssize_t)n);
        CHECK_EQ(write(master, text, n), (ssize_t)n);
        break;
    case 2:
        n = random_text(text, 12);
        show("print", text, (ssize_t)n);
        printf("printed %zd\n", write(slave, text, n));
        break;
    case 3:
        n = 1 + below(below(2) ? 5 : 4000);
        CHECK_EQ(ioctl(slave, FIONREAD, &waiting), 0);
        printf("waiting %d, ready %x\n", waiting, poll_now(slave));
        show("read", text, read(slave, text, n));
        break;
    case 4:
        show("screen", text, read(master, text, sizeof text));
        printf("ready %x\n", poll_now(master));
        break;
    default:
        if (below(4) == 0) {
            int queue = (int)below(3);
            printf("flush %d: %d\n", queue, tcflush(slave, queue));
        } else if (below(2) == 0) {
            struct termios t;
            CHECK_EQ(tcgetattr(slave, &t), 0);
            random_settings(&t);
            printf("set %x %x %x: %d\n", t.c_iflag, t.c_oflag, t.c_lflag,
                   tcsetattr(slave, below(3) ? TCSANOW : TCSAFLUSH, &t));
        }
    }
    settle();
}

int main(int argc, char **argv)
{
    state = argc > 1 ? strtoull(argv[1], 0, 0) : 1;
    for (int i = argc > 2 ? atoi(argv[2]) : 20; i > 0; i--) {
        int on = 1;
        struct termios t;
        pty_new();
        set_nonblocking(master, 1);
        set_nonblocking(slave, 1);
        if (below(4) == 0)
            CHECK_EQ(ioctl(master, TIOCPKT, &on), 0);
        CHECK_EQ(tcgetattr(slave, &t), 0);
        random_settings(&t);
        printf("case %d: %x %x %x\n", i, t.c_iflag, t.c_oflag, t.c_lflag);
        CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
        for (int k = 0; k < 40; k++)
            step();
        pty_end();
    }
    return finish();
}
