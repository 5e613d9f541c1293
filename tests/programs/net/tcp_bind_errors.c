/* What bind, listen, accept and connect refuse before any packet goes out. */
#include "net.h"

static void bad_addresses(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in a = in4(LOOPBACK, 0);
    struct sockaddr *p = (struct sockaddr *)&a;
    CHECK_ERRNO(bind_to(fd, "198.51.100.1", 0), EADDRNOTAVAIL);
    CHECK_ERRNO(bind_to(six, "2001:db8::1", 0), EADDRNOTAVAIL);
    CHECK_ERRNO(bind(fd, p, sizeof a - 1), EINVAL);
    CHECK_ERRNO(bind(fd, p, 0), EINVAL);
    CHECK_ERRNO(bind(fd, p, (socklen_t)-1), EINVAL);
    CHECK_ERRNO(bind(fd, p, 4096), EINVAL);
    CHECK_ERRNO(bind(fd, (struct sockaddr *)16, sizeof a), EFAULT);
    CHECK_ERRNO(bind(six, p, sizeof a), EINVAL); /* short of 24 bytes, whatever the family */
    CHECK_ERRNO(bind_to(fd, "::1", 0), EAFNOSUPPORT);
    struct sockaddr_in6 wrong = in6("::1", 0);
    wrong.sin6_family = AF_INET;
    CHECK_ERRNO(bind(six, (struct sockaddr *)&wrong, sizeof wrong), EAFNOSUPPORT);
    a.sin_family = AF_UNIX;
    CHECK_ERRNO(bind(fd, p, sizeof a), EAFNOSUPPORT);
    a = in4("0.0.0.0", 0);
    a.sin_family = AF_UNSPEC; /* of old: the wildcard may come so */
    CHECK_EQ(bind(fd, p, sizeof a), 0);
    CHECK_TEXT(local_host(fd), "0.0.0.0");
    CHECK(local_port(fd) > 0);
    close(fd), close(six);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    a = in4(LOOPBACK, 0);
    CHECK_EQ(bind(fd, p, 100), 0); /* longer is fine, up to sockaddr_storage */
    close(fd);
}

static void not_sockets(void)
{
    struct sockaddr_in a = in4(LOOPBACK, 1);
    struct sockaddr *p = (struct sockaddr *)&a;
    socklen_t n = sizeof a;
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(bind(ends[0], p, n), ENOTSOCK);
    CHECK_ERRNO(listen(ends[0], 1), ENOTSOCK);
    CHECK_ERRNO(connect(ends[0], p, n), ENOTSOCK);
    CHECK_ERRNO(accept(ends[0], 0, 0), ENOTSOCK);
    CHECK_ERRNO(getsockname(ends[0], p, &n), ENOTSOCK);
    CHECK_ERRNO(getpeername(ends[0], p, &n), ENOTSOCK);
    CHECK_ERRNO(send(ends[1], "x", 1, 0), ENOTSOCK);
    CHECK_ERRNO(shutdown(ends[0], SHUT_RD), ENOTSOCK);
    CHECK_ERRNO(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &(int){0}, &n), ENOTSOCK);
    CHECK_ERRNO(set_option(ends[0], SOL_SOCKET, SO_REUSEADDR, 1), ENOTSOCK);
    CHECK_ERRNO(recv(-1, &a, 1, 0), EBADF);
    CHECK_ERRNO(connect(77, p, n), EBADF);
    CHECK_ERRNO(accept(77, 0, 0), EBADF);
    CHECK_ERRNO(listen(77, 1), EBADF);
    close(ends[0]), close(ends[1]);
}

static void in_the_wrong_state(void)
{
    int listener = make_listener(), fd = socket(AF_INET, SOCK_STREAM, 0), fds[2];
    char byte;
    CHECK_ERRNO(accept(fd, 0, 0), EINVAL); /* does not listen */
    CHECK_ERRNO(recv(fd, &byte, 1, 0), ENOTCONN);
    CHECK_ERRNO(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERRNO(shutdown(fd, SHUT_RDWR), ENOTCONN);
    CHECK_ERRNO(recv(listener, &byte, 1, 0), ENOTCONN);
    CHECK_ERRNO(send(listener, &byte, 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERRNO(connect_to(listener, LOOPBACK, 1), EISCONN);
    CHECK_ERRNO(bind_to(listener, LOOPBACK, 0), EINVAL);
    CHECK_EQ(listen(listener, 3), 0); /* again: another backlog */
    CHECK_EQ(listen(listener, -1), 0);
    tcp_pair(fds);
    CHECK_ERRNO(connect_to(fds[0], LOOPBACK, local_port(listener)), EISCONN);
    CHECK_ERRNO(connect_to(fds[1], LOOPBACK, local_port(listener)), EISCONN);
    CHECK_ERRNO(listen(fds[0], 1), EINVAL);
    CHECK_ERRNO(bind_to(fds[0], LOOPBACK, 0), EINVAL);
    CHECK_ERRNO(accept(fds[0], 0, 0), EINVAL);
    check_linked(fds[0], fds[1]);
    close(fd), close(fds[0]), close(fds[1]), close(listener);
}

static void kinds(void)
{
    CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    CHECK_ERRNO(socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP), EPROTONOSUPPORT);
    CHECK_ERRNO(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
    CHECK_ERRNO(socket(AF_INET, 15, 0), EINVAL);
    CHECK_ERRNO(socket(AF_INET, SOCK_STREAM, 999), EINVAL);
    CHECK_ERRNO(socket(250, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERRNO(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERRNO(socket(AF_INET, SOCK_STREAM | 0x100000, 0), EINVAL);
    int fds[2];
    CHECK_ERRNO(socketpair(AF_INET, SOCK_STREAM, 0, fds), EOPNOTSUPP);
    int udp = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    CHECK_ERRNO(listen(udp, 1), EOPNOTSUPP);
    CHECK_ERRNO(accept(udp, 0, 0), EOPNOTSUPP);
    close(udp);
}

int main(void)
{
    bad_addresses();
    not_sockets();
    in_the_wrong_state();
    kinds();
    return finish();
}
