/* SO_LINGER with time: close waits for the data to go, and gives up after the time. */
#include "net.h"

/* Fills a connection whose other end does not read. */
static void fill(int fd)
{
    static char much[65536];
    while (send(fd, much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
}

static void set_linger(int fd, int seconds)
{
    struct linger l = {1, seconds};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
}

static void nothing_to_wait_for(void)
{
    int fds[2];
    tcp_pair(fds);
    set_linger(fds[0], 20);
    check_linked(fds[0], fds[1]);
    pid_t child = fork();
    if (!child) {
        close(fds[0]);
        char byte;
        _exit(read(fds[1], &byte, 1) != 0);
    }
    close(fds[1]);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(close(fds[0]), 0);
    CHECK(ms_since(before) < 15000);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* The other end does not read, ours closes: the data is still there for whoever reads at last. */
static void without_linger(void)
{
    int fds[2];
    tcp_pair(fds);
    CHECK_EQ(set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 20000), 0);
    static char much[400000], got[400001];
    memset(much, 'z', sizeof much);
    ssize_t sent = 0, n;
    while (sent < (ssize_t)sizeof much && (n = send(fds[0], much, 1000, MSG_DONTWAIT)) > 0)
        sent += n;
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(close(fds[0]), 0); /* at once */
    CHECK(ms_since(before) < 10000);
    CHECK_EQ(read_all(fds[1], got, sizeof got), sent);
    close(fds[1]);
}

static void nobody_reads(void)
{
    int fds[2];
    tcp_pair(fds);
    fill(fds[0]);
    set_linger(fds[0], 1);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(close(fds[0]), 0);
    long took = ms_since(before);
    CHECK(took >= 990 && took < 15000);
    close(fds[1]);
}

int main(void)
{
    nothing_to_wait_for();
    without_linger();
    nobody_reads();
    return finish();
}
