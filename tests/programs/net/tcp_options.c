/* Options that servers set: their defaults, set and get, their ranges, and what SO_TYPE and such say. */
#include "net.h"

static void nature(int domain, int type, int protocol)
{
    int fd = socket(domain, type | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_DOMAIN), domain);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_TYPE), type);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_PROTOCOL), protocol);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_ERROR), 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
    CHECK_ERRNO(set_option(fd, SOL_SOCKET, SO_TYPE, 1), ENOPROTOOPT);
    CHECK_ERRNO(set_option(fd, SOL_SOCKET, SO_ERROR, 1), ENOPROTOOPT);
    CHECK_ERRNO(set_option(fd, SOL_SOCKET, SO_ACCEPTCONN, 1), ENOPROTOOPT);
    close(fd);
}

static void on_off(int fd, int level, int name, int at_first)
{
    CHECK_EQ(get_option(fd, level, name), at_first);
    CHECK_EQ(set_option(fd, level, name, !at_first), 0);
    CHECK_EQ(get_option(fd, level, name), !at_first);
    CHECK_EQ(set_option(fd, level, name, 0), 0);
    CHECK_EQ(get_option(fd, level, name), 0);
    CHECK_EQ(set_option(fd, level, name, 17), 0); /* any but 0 is 1 */
    CHECK_EQ(get_option(fd, level, name), 1);
}

static void number(int fd, int level, int name, int at_first, int good, int bad)
{
    CHECK_EQ(get_option(fd, level, name), at_first);
    CHECK_EQ(set_option(fd, level, name, good), 0);
    CHECK_EQ(get_option(fd, level, name), good);
    CHECK_ERRNO(set_option(fd, level, name, bad), EINVAL);
    CHECK_EQ(get_option(fd, level, name), good);
}

static void forms(int fd)
{
    int value = 0;
    socklen_t n = 2; /* cut to the room given */
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &n), 0);
    CHECK_EQ(n, 2);
    CHECK_EQ(value, SOCK_STREAM);
    n = 100;
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &n), 0);
    CHECK_EQ(n, sizeof value);
    n = (socklen_t)-1;
    CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &n), EINVAL);
    n = sizeof value;
    CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, SO_TYPE, (void *)16, &n), EFAULT);
    CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, (socklen_t *)16), EFAULT);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, 3), EINVAL);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (void *)16, 4), EFAULT);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, (socklen_t)-1), EINVAL);
    CHECK_ERRNO(set_option(fd, SOL_SOCKET, 9999, 1), ENOPROTOOPT);
    CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, 9999, &value, &n), ENOPROTOOPT);
    CHECK_ERRNO(set_option(fd, IPPROTO_TCP, 9999, 1), ENOPROTOOPT);
    CHECK_ERRNO(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), ENOPROTOOPT);
}

static void linger_and_times(int fd)
{
    struct linger linger = {9, 9};
    socklen_t n = sizeof linger;
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &n), 0);
    CHECK(linger.l_onoff == 0 && linger.l_linger == 0);
    linger = (struct linger){5, 12};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &n), 0);
    CHECK(linger.l_onoff == 1 && linger.l_linger == 12);
    struct timeval t = {7, 7};
    n = sizeof t;
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, &n), 0);
    CHECK(t.tv_sec == 0 && t.tv_usec == 0 && n == sizeof t);
    set_timeout(fd, SO_SNDTIMEO, 2500);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, &n), 0);
    CHECK(t.tv_sec == 2 && t.tv_usec == 500000);
    t = (struct timeval){0, 1000000};
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t), EDOM);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, 4), EINVAL);
}

int main(void)
{
    nature(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    nature(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    nature(AF_INET6, SOCK_STREAM, IPPROTO_TCP);
    nature(AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
    nature(AF_UNIX, SOCK_STREAM, 0);
    nature(AF_UNIX, SOCK_SEQPACKET, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    on_off(fd, SOL_SOCKET, SO_REUSEADDR, 0);
    on_off(fd, SOL_SOCKET, SO_REUSEPORT, 0);
    on_off(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    on_off(fd, SOL_SOCKET, SO_OOBINLINE, 0);
    on_off(fd, SOL_SOCKET, SO_DONTROUTE, 0);
    on_off(fd, IPPROTO_TCP, TCP_NODELAY, 0);
    on_off(fd, IPPROTO_TCP, TCP_CORK, 0);
    number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 7200, 60, 0);
    number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 75, 10, 40000);
    number(fd, IPPROTO_TCP, TCP_KEEPCNT, 9, 4, 200);
    number(fd, IPPROTO_TCP, TCP_SYNCNT, 6, 2, 0);
    number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 5000, -1);
    number(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0, 1, 2);
    CHECK_EQ(set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 0), 0);
    CHECK_EQ(set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1), 0);
    CHECK_EQ(get_option(fd, IPPROTO_TCP, TCP_QUICKACK), 1);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_PRIORITY), 0);
    CHECK_EQ(set_option(fd, SOL_SOCKET, SO_PRIORITY, 5), 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_PRIORITY), 5);
    number(fd, IPPROTO_IP, IP_TTL, 64, 9, 256);
    forms(fd);
    linger_and_times(fd);
    return finish();
}
