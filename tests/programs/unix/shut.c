/* Halves of a stream: shutdown, ends, what poll tells of each, and unread data at close. */
#include "unix.h"

static void halves(void)
{
    int s[2];
    char text[4];
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(poll_now(s[0]), POLLOUT);
    CHECK_EQ(write(s[0], "last", 4), 4);
    CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
    CHECK_EQ(poll_now(s[1]), POLLIN | POLLRDHUP | POLLOUT);
    CHECK_EQ(read(s[1], text, 4), 4);
    CHECK_EQ(read(s[1], text, 4), 0);
    CHECK_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    check_flow(s[1], s[0]);
    CHECK_EQ(shutdown(s[0], SHUT_RD), 0);
    CHECK_EQ(poll_now(s[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    CHECK_ERRNO(send(s[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(read(s[0], text, 4), 0);
    close(s[0]);
    close(s[1]);
}

/* Who waits is woken by each kind of end. */
static void wakes(void)
{
    static char much[400000];
    char byte;
    for (int how = 0; how < 5; how++) {
        int s[2];
        pid_t pid;
        unix_pair(s, SOCK_STREAM);
        CHILD(pid, close(s[0]); if (how < 3) CHECK_EQ(read(s[1], &byte, 1), 0);
              else CHECK_EQ(wait_for(s[1], how == 3 ? POLLRDHUP : 0), how == 3 ? POLLRDHUP : POLLHUP));
        sleep_ms(10);
        if (how == 0 || how == 3)
            CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
        else if (how == 1)
            CHECK_EQ(shutdown(s[1], SHUT_RD), 0); /* by ourselves, of the same socket */
        else
            close(s[0]);
        CHECK_EQ(reap(pid), 0);
        close(s[1]);
    }
    for (int how = 0; how < 2; how++) { /* writers */
        int s[2];
        pid_t pid;
        unix_pair(s, SOCK_STREAM);
        while (send(s[1], much, sizeof much, MSG_DONTWAIT) > 0)
            ;
        CHILD(pid, close(s[0]); signal(SIGPIPE, SIG_IGN); CHECK_ERRNO(write(s[1], much, 10), EPIPE));
        sleep_ms(10);
        CHECK_EQ(shutdown(s[!how], how ? SHUT_RD : SHUT_WR), 0);
        CHECK_EQ(reap(pid), 0);
        close(s[0]);
        close(s[1]);
    }
}

static void unread(void)
{
    int s[2];
    char byte;
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(write(s[0], "x", 1), 1);
    close(s[1]); /* with a byte that nobody read */
    CHECK_EQ(poll_now(s[0]) & POLLERR, POLLERR);
    CHECK_ERRNO(read(s[0], &byte, 1), ECONNRESET);
    CHECK_EQ(read(s[0], &byte, 1), 0);
    close(s[0]);
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(write(s[1], "y", 1), 1);
    close(s[1]);
    CHECK_EQ(read(s[0], &byte, 1), 1); /* what came before the end is there */
    CHECK_EQ(read(s[0], &byte, 1), 0);
    close(s[0]);
}

/* The last of several descriptors, in several processes, is the end. */
static void copies(void)
{
    int s[2];
    char byte;
    pid_t pids[2];
    unix_pair(s, SOCK_STREAM);
    int other = dup(s[1]);
    double before = now_s(CLOCK_MONOTONIC);
    for (int i = 0; i < 2; i++)
        CHILD(pids[i], sleep_ms(20 + 20 * i));
    close(s[1]);
    close(other);
    CHECK_EQ(read(s[0], &byte, 1), 0);
    CHECK(ms_since(before) >= 39);
    CHECK_EQ(reap(pids[0]), 0);
    CHECK_EQ(reap(pids[1]), 0);
    close(s[0]);
}

static void out_of_band(void)
{
    int s[2];
    char text[8];
    unix_pair(s, SOCK_STREAM);
    if (send(s[0], "abc", 3, MSG_OOB) < 0)
        return; /* a kernel without it */
    CHECK_EQ(poll_now(s[1]) & (POLLIN | POLLPRI), POLLIN | POLLPRI);
    CHECK_EQ(recv(s[1], text, 8, MSG_OOB), 1);
    CHECK_EQ(text[0], 'c');
    CHECK_EQ(recv(s[1], text, 8, 0), 2);
    CHECK_ERRNO(recv(s[1], text, 8, MSG_OOB), EINVAL);
    close(s[0]);
    close(s[1]);
}

int main(void)
{
    halves();
    wakes();
    unread();
    copies();
    out_of_band();
    return finish();
}
