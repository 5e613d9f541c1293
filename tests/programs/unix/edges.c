/* epoll on AF_UNIX sockets: edges of both directions, one shot, listeners, and ends. */
#include "unix.h"
#include <sys/epoll.h>

static char much[400000];
static int ep;

static void watch(int fd, unsigned events)
{
    struct epoll_event ev = {.events = events, .data.fd = fd};
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
}

/* The events of one descriptor; 0: none within the time. */
static unsigned next_of(int fd, int ms)
{
    struct epoll_event ev = {0};
    int n = epoll_wait(ep, &ev, 1, ms);
    CHECK(n == 0 || (n == 1 && ev.data.fd == fd));
    return n == 1 ? ev.events : 0;
}

/* Ten megabytes both ways without blocking, each end with its own loop. */
static void pump(int fd, unsigned out_key, unsigned in_key)
{
    const size_t total = 3000000;
    size_t sent = 0, got = 0;
    static unsigned char out[50000], in[50000];
    ep = epoll_create1(0);
    watch(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    while (sent < total || got < total) {
        CHECK(next_of(fd, PATIENCE_MS) != 0);
        for (ssize_t n = 1; n > 0 && sent < total; sent += n > 0 ? (size_t)n : 0) {
            size_t size = total - sent < sizeof out ? total - sent : sizeof out;
            bulk_fill(out, out_key, sent, size);
            n = write(fd, out, size);
        }
        for (ssize_t n = 1; n > 0 && got < total; got += n > 0 ? (size_t)n : 0) {
            n = read(fd, in, sizeof in);
            CHECK(n <= 0 || bulk_same(in, in_key, got, (size_t)n));
        }
        if (check_failures)
            return;
    }
    close(ep);
}

static void both_ways(void)
{
    int s[2];
    pid_t pid;
    unix_pair(s, SOCK_STREAM | SOCK_NONBLOCK);
    CHILD(pid, close(s[0]); pump(s[1], 1, 2));
    close(s[1]);
    pump(s[0], 2, 1);
    CHECK_EQ(reap(pid), 0);
    close(s[0]);
}

static void edges(void)
{
    int s[2];
    char byte;
    pid_t pid;
    ep = epoll_create1(0);
    unix_pair(s, SOCK_STREAM | SOCK_NONBLOCK);
    watch(s[0], EPOLLIN | EPOLLET);
    CHECK_EQ(next_of(s[0], 0), 0);
    CHECK_EQ(write(s[1], "ab", 2), 2);
    CHECK_EQ(next_of(s[0], 0), EPOLLIN);
    CHECK_EQ(next_of(s[0], 0), 0);
    CHECK_EQ(read(s[0], &byte, 1), 1);
    CHECK_EQ(next_of(s[0], 0), 0); /* no news */
    CHECK_EQ(write(s[1], "c", 1), 1);
    CHECK_EQ(next_of(s[0], 0), EPOLLIN);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = s[0]};
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, s[0], &ev), 0);
    CHECK_EQ(next_of(s[0], 0), EPOLLIN);
    CHECK_EQ(next_of(s[0], 0), 0);
    ev.events = EPOLLOUT | EPOLLET;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, s[0], &ev), 0);
    CHECK_EQ(next_of(s[0], 0), EPOLLOUT);
    while (write(s[0], much, sizeof much) > 0)
        ;
    CHECK_EQ(next_of(s[0], 0), 0);
    CHILD(pid, sleep_ms(10); while (read(s[1], much, sizeof much) > 0););
    CHECK_EQ(next_of(s[0], PATIENCE_MS), EPOLLOUT);
    CHECK_EQ(reap(pid), 0);
    ev.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_MOD, s[0], &ev), 0);
    CHECK_EQ(next_of(s[0], 0), EPOLLIN);
    CHILD(pid, sleep_ms(10); close(s[1]));
    close(s[1]);
    CHECK_EQ(next_of(s[0], PATIENCE_MS) & ~(unsigned)EPOLLERR, EPOLLIN | EPOLLRDHUP | EPOLLHUP);
    CHECK_EQ(reap(pid), 0);
    close(s[0]);
    close(ep);
}

static void listeners(void)
{
    int listener = unix_listener(SOCK_STREAM, abstract("edges"), 8);
    pid_t pid;
    ep = epoll_create1(0);
    set_nonblocking(listener, 1);
    watch(listener, EPOLLIN | EPOLLET);
    CHECK_EQ(next_of(listener, 0), 0);
    CHILD(pid, sleep_ms(10); for (int i = 0; i < 3; i++) unix_dial(SOCK_STREAM, abstract("edges")));
    CHECK_EQ(next_of(listener, PATIENCE_MS), EPOLLIN);
    CHECK_EQ(reap(pid), 0);
    for (int i = 0; i < 3; i++)
        CHECK(accept(listener, 0, 0) >= 0);
    CHECK_ERRNO(accept(listener, 0, 0), EAGAIN);
    CHECK_EQ(next_of(listener, 0) & ~(unsigned)EPOLLIN, 0);
    close(listener);
    close(ep);
}

int main(void)
{
    both_ways();
    edges();
    listeners();
    return finish();
}
