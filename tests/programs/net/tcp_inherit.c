/* What an accepted socket has from its listener, and what it has not. */
#include "net.h"

static void set(int fd, int level, int name, int value) { CHECK_EQ(set_option(fd, level, name, value), 0); }

static void handed_down(void)
{
    int listener = make_listener();
    set(listener, IPPROTO_TCP, TCP_NODELAY, 1);
    set(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(listener, IPPROTO_TCP, TCP_KEEPIDLE, 77);
    set(listener, IPPROTO_TCP, TCP_KEEPINTVL, 11);
    set(listener, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    set(listener, SOL_SOCKET, SO_RCVBUF, 30000);
    set(listener, SOL_SOCKET, SO_SNDBUF, 20000);
    set(listener, SOL_SOCKET, SO_OOBINLINE, 1);
    set(listener, IPPROTO_IP, IP_TOS, 0x10);
    struct linger linger = {1, 5};
    CHECK_EQ(setsockopt(listener, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    set_timeout(listener, SO_RCVTIMEO, 300);
    int client = dial(listener), fd = accept(listener, 0, 0);
    CHECK_EQ(get_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    CHECK_EQ(get_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 77);
    CHECK_EQ(get_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 11);
    CHECK_EQ(get_option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_RCVBUF), 60000);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_SNDBUF), 40000);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_OOBINLINE), 1);
    CHECK_EQ(get_option(fd, IPPROTO_IP, IP_TOS), 0x10);
    socklen_t n = sizeof linger;
    linger = (struct linger){0, 0};
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &n), 0);
    CHECK(linger.l_onoff == 1 && linger.l_linger == 5);
    /* even the time limit: the read gives up */
    char byte;
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(read(fd, &byte, 1), EAGAIN);
    CHECK(ms_since(before) >= 290);
    close(client), close(fd), close(listener);
}

static void not_handed_down(void)
{
    int listener = make_listener();
    set_nonblocking(listener, 1);
    CHECK_EQ(fcntl(listener, F_SETFD, FD_CLOEXEC), 0);
    CHECK_EQ(fcntl(listener, F_SETOWN, getpid()), 0);
    int client = dial(listener);
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    int fd = accept(listener, 0, 0);
    CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR);
    CHECK_EQ(fcntl(fd, F_GETFD), 0);
    CHECK_EQ(fcntl(fd, F_GETOWN), 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    CHECK_EQ(get_option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    /* what the listener is told later does not reach it */
    set(listener, SOL_SOCKET, SO_KEEPALIVE, 1);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    close(client), close(fd), close(listener);
}

int main(void)
{
    handed_down();
    not_handed_down();
    return finish();
}
