/* EMSGSIZE, EACCES for broadcast, sizes at the limit, and what UDP does not know. */
#include "net.h"

enum { LARGEST = 65507, LARGEST6 = 65527 };

static char data[70000], got[70000];

static void sizes(const char *host, int largest)
{
    int a = bound_udp(host), b = bound_udp(host);
    for (int i = 0; i < largest; i++)
        data[i] = (char)bulk_byte(2, (size_t)i);
    CHECK_EQ(send_to(a, data, (size_t)largest, host, local_port(b)), largest);
    CHECK_EQ(recv(b, got, sizeof got, 0), largest);
    CHECK_EQ(memcmp(data, got, (size_t)largest), 0);
    CHECK_ERRNO(send_to(a, data, (size_t)largest + 1, host, local_port(b)), EMSGSIZE);
    CHECK_ERRNO(send_to(a, data, sizeof data, host, local_port(b)), EMSGSIZE);
    CHECK_EQ(connect_to(a, host, local_port(b)), 0);
    CHECK_ERRNO(write(a, data, sizeof data), EMSGSIZE);
    CHECK_EQ(socket_error(a), 0);
    CHECK_EQ(poll_ms(b, POLLIN, 5), 0);
    close(a), close(b);
}

/* A send larger than the send buffer can never go. */
static void small_buffer(void)
{
    int a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK);
    CHECK_EQ(connect_to(a, LOOPBACK, local_port(b)), 0);
    CHECK_EQ(set_option(a, SOL_SOCKET, SO_SNDBUF, 5000), 0);
    CHECK_EQ(send(a, data, 3000, 0), 3000);
    CHECK_EQ(recv(b, got, sizeof got, 0), 3000);
    close(a), close(b);
}

static void broadcast(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_BROADCAST), 0);
    CHECK_ERRNO(send_to(fd, "x", 1, "127.255.255.255", 9), EACCES);
    CHECK_ERRNO(connect_to(fd, "127.255.255.255", 9), EACCES);
    CHECK_EQ(set_option(fd, SOL_SOCKET, SO_BROADCAST, 1), 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_BROADCAST), 1);
    CHECK_EQ(send_to(fd, "x", 1, "127.255.255.255", 9), 1);
    close(fd);
}

static void not_for_udp(void)
{
    int fd = bound_udp(LOOPBACK), value;
    socklen_t n = sizeof value;
    CHECK_ERRNO(listen(fd, 1), EOPNOTSUPP);
    CHECK_ERRNO(accept(fd, 0, 0), EOPNOTSUPP);
    CHECK_ERRNO(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1), ENOPROTOOPT);
    CHECK_ERRNO(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &n), EOPNOTSUPP);
    CHECK_ERRNO(send_to(fd, "x", 1, "::1", 9), EAFNOSUPPORT);
    struct sockaddr_in a;
    n = sizeof a;
    CHECK_ERRNO(getpeername(fd, (struct sockaddr *)&a, &n), ENOTCONN);
    CHECK_ERRNO(bind_to(fd, LOOPBACK, 0), EINVAL);
    CHECK_ERRNO(recv(fd, &value, 1, MSG_OOB | MSG_DONTWAIT), EAGAIN);
    close(fd);
}

int main(void)
{
    sizes(LOOPBACK, LARGEST);
    sizes("::1", LARGEST6);
    small_buffer();
    broadcast();
    not_for_udp();
    return finish();
}
