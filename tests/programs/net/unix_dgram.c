/* AF_UNIX datagrams: by name, connected, boundaries, filtering, the peer's end. */
#include "net.h"

static void by_name(void)
{
    int a = unix_bound(SOCK_DGRAM, "a.socket"), b = unix_bound(SOCK_DGRAM, "b.socket");
    struct sockaddr_un from = {0};
    socklen_t n = sizeof from;
    char text[16] = {0};
    CHECK_EQ(unix_send_to(a, "one", 3, "b.socket"), 3);
    CHECK_EQ(unix_send_to(a, "", 0, "b.socket"), 0);
    CHECK_EQ(unix_send_to(a, "three", 5, "b.socket"), 5);
    CHECK_EQ(recvfrom(b, text, sizeof text, 0, (struct sockaddr *)&from, &n), 3);
    CHECK_TEXT(from.sun_path, "a.socket");
    CHECK_EQ(n, offsetof(struct sockaddr_un, sun_path) + sizeof "a.socket");
    CHECK_EQ(recv(b, text, sizeof text, 0), 0);
    CHECK_EQ(recv(b, text, 2, MSG_TRUNC), 5);
    CHECK_ERRNO(recv(b, text, 2, MSG_DONTWAIT), EAGAIN);
    int nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(unix_send_to(nameless, "x", 1, "b.socket"), 1);
    n = sizeof from;
    CHECK_EQ(recvfrom(b, text, sizeof text, 0, (struct sockaddr *)&from, &n), 1);
    CHECK_EQ(n, 0); /* it has no name: not even the family */
    CHECK_ERRNO(unix_send_to(a, "x", 1, "none.socket"), ENOENT);
    CHECK_ERRNO(send(a, "x", 1, 0), ENOTCONN);
    close(b);
    CHECK_ERRNO(unix_send_to(a, "x", 1, "b.socket"), ECONNREFUSED);
    close(a), close(nameless);
    unlink("a.socket"), unlink("b.socket");
}

/* A connected one is heard only by its peer, and hears only that one. */
static void connected(void)
{
    int a = unix_bound(SOCK_DGRAM, "a.socket"), b = unix_bound(SOCK_DGRAM, "b.socket");
    int c = socket(AF_UNIX, SOCK_DGRAM, 0);
    char byte;
    CHECK_EQ(unix_connect(a, "b.socket"), 0);
    check_flow(a, b);
    CHECK_ERRNO(unix_send_to(c, "x", 1, "a.socket"), EPERM);
    CHECK_EQ(unix_send_to(b, "y", 1, "a.socket"), 1);
    CHECK_EQ(read(a, &byte, 1), 1);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK_EQ(connect(a, &none, sizeof none), 0);
    CHECK_EQ(unix_send_to(c, "x", 1, "a.socket"), 1);
    CHECK_EQ(read(a, &byte, 1), 1);
    CHECK_EQ(unix_connect(a, "a.socket"), 0); /* itself */
    check_flow(a, a);
    CHECK_EQ(unix_connect(a, "b.socket"), 0); /* another */
    close(b);
    CHECK_ERRNO(send(a, "x", 1, 0), ECONNREFUSED);
    CHECK_ERRNO(send(a, "x", 1, 0), ENOTCONN); /* that has dissolved it */
    close(a), close(c);
    unlink("a.socket"), unlink("b.socket");
}

static void pair_ends(void)
{
    int fds[2];
    char text[8];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    CHECK_EQ(write(fds[0], "last", 4), 4);
    close(fds[0]);
    CHECK_EQ(read(fds[1], text, sizeof text), 4);
    CHECK_EQ(poll_now(fds[1]) & (POLLERR | POLLHUP), 0); /* a datagram socket has no end */
    CHECK_ERRNO(recv(fds[1], text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERRNO(send(fds[1], "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
    close(fds[1]);
}

/* Unread datagrams of a socket that closes: its connected peer is told once. */
static void lost(void)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    CHECK_EQ(write(fds[0], "lost", 4), 4);
    close(fds[1]);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
    close(fds[0]);
}

static void large(void)
{
    int fds[2];
    static char data[300000], got[300000];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    memset(data, 'L', sizeof data);
    CHECK_EQ(send(fds[0], data, 100000, 0), 100000);
    CHECK_EQ(recv(fds[1], got, sizeof got, 0), 100000);
    CHECK_EQ(memcmp(data, got, 100000), 0);
    CHECK_ERRNO(send(fds[0], data, sizeof data, 0), EMSGSIZE); /* beyond SO_SNDBUF */
    CHECK_EQ(set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 10000), 0);
    CHECK_ERRNO(send(fds[0], data, 100000, 0), EMSGSIZE);
    close(fds[0]), close(fds[1]);
}

int main(void)
{
    by_name();
    connected();
    pair_ends();
    lost();
    large();
    return finish();
}
