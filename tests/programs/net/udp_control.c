/* More of UDP's control messages: TOS, hop limits, original destinations, time stamps, segments; what
 * sendmsg refuses; room for a part. */
#include "net.h"
#include <linux/errqueue.h>
#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static char control[512];
static struct msghdr got;

static ssize_t take(int fd, size_t room)
{
    static char data[70000];
    static struct iovec v = {data, sizeof data};
    got = (struct msghdr){.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    return recvmsg(fd, &got, 0);
}

static struct cmsghdr *find(int level, int type, size_t size)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&got); c; c = CMSG_NXTHDR(&got, c))
        if (c->cmsg_level == level && c->cmsg_type == type) {
            CHECK_EQ(c->cmsg_len, CMSG_LEN(size));
            return c;
        }
    return 0;
}

static int number(int level, int type, size_t size)
{
    struct cmsghdr *c = find(level, type, size);
    int value = 0;
    if (!c)
        return -1;
    memcpy(&value, CMSG_DATA(c), size);
    return value;
}

/* One send with one control message of `size` bytes. */
static ssize_t send_with(int fd, const char *host, int port, int level, int type, const void *value, size_t size,
                         size_t bytes)
{
    static char data[70000];
    union {
        char space[128];
        struct cmsghdr align;
    } u;
    struct sockaddr_storage to;
    socklen_t n = address(&to, host, port);
    struct iovec v = {data, bytes};
    struct msghdr m = {.msg_name = &to, .msg_namelen = n, .msg_iov = &v, .msg_iovlen = 1,
                       .msg_control = &u, .msg_controllen = CMSG_SPACE(size)};
    memset(&u, 0, sizeof u);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = level, c->cmsg_type = type, c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), value, size);
    return sendmsg(fd, &m, 0);
}

static void four(void)
{
    int a = bound_udp("0.0.0.0"), b = bound_udp(LOOPBACK), port = local_port(a), value;
    CHECK_EQ(set_option(a, IPPROTO_IP, IP_RECVTOS, 1), 0);
    CHECK_EQ(set_option(a, IPPROTO_IP, IP_RECVTTL, 1), 0);
    CHECK_EQ(set_option(a, IPPROTO_IP, IP_RECVORIGDSTADDR, 1), 0);
    CHECK_EQ(send_to(b, "x", 1, "127.0.0.8", port), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK_EQ(got.msg_controllen, CMSG_SPACE(4) + CMSG_SPACE(1) + CMSG_SPACE(16));
    CHECK_EQ(number(IPPROTO_IP, IP_TTL, 4), 64);
    CHECK_EQ(number(IPPROTO_IP, IP_TOS, 1), 0);
    struct cmsghdr *c = find(IPPROTO_IP, IP_ORIGDSTADDR, sizeof(struct sockaddr_in));
    CHECK(c != 0);
    if (c) {
        struct sockaddr_in *to = (struct sockaddr_in *)CMSG_DATA(c);
        CHECK_EQ(to->sin_family, AF_INET);
        CHECK_EQ(ntohs(to->sin_port), port);
        CHECK_EQ(ntohl(to->sin_addr.s_addr), 0x7f000008);
    }
    CHECK_EQ(set_option(b, IPPROTO_IP, IP_TOS, 0x20), 0);
    CHECK_EQ(send_to(b, "x", 1, LOOPBACK, port), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK_EQ(number(IPPROTO_IP, IP_TOS, 1), 0x20);
    value = 9;
    CHECK_EQ(send_with(b, LOOPBACK, port, IPPROTO_IP, IP_TTL, &value, 4, 1), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK_EQ(number(IPPROTO_IP, IP_TTL, 4), 9);
    value = 0x48;
    CHECK_EQ(send_with(b, LOOPBACK, port, IPPROTO_IP, IP_TOS, &value, 4, 1), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK_EQ(number(IPPROTO_IP, IP_TOS, 1), 0x48);
    CHECK_EQ(send_with(b, LOOPBACK, port, IPPROTO_IP, IP_TOS, &value, 1, 1), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    /* half of the second one fits */
    CHECK_EQ(send_to(b, "x", 1, LOOPBACK, port), 1);
    CHECK_EQ(take(a, CMSG_SPACE(4) + sizeof(struct cmsghdr)), 1);
    CHECK_EQ(got.msg_flags, MSG_CTRUNC);
    CHECK_EQ(got.msg_controllen, CMSG_SPACE(4) + sizeof(struct cmsghdr));
    CHECK_EQ(number(IPPROTO_IP, IP_TTL, 4), 64);
    close(a), close(b);
}

static void refused(void)
{
    int a = bound_udp(LOOPBACK), port = local_port(a), value = 0;
    struct in_pktinfo info = {.ipi_spec_dst = in4("198.51.100.1", 0).sin_addr};
    CHECK_ERRNO(send_with(a, LOOPBACK, port, IPPROTO_IP, IP_TTL, &value, 4, 1), EINVAL); /* 0 */
    value = 256;
    CHECK_ERRNO(send_with(a, LOOPBACK, port, IPPROTO_IP, IP_TTL, &value, 4, 1), EINVAL);
    value = 5;
    CHECK_ERRNO(send_with(a, LOOPBACK, port, IPPROTO_IP, IP_TTL, &value, 2, 1), EINVAL);
    CHECK_ERRNO(send_with(a, LOOPBACK, port, IPPROTO_IP, IP_RECVTTL, &value, 4, 1), EINVAL); /* none to send */
    CHECK_ERRNO(send_with(a, LOOPBACK, port, SOL_SOCKET, 99, &value, 4, 1), EINVAL);
    CHECK_ERRNO(send_with(a, LOOPBACK, port, IPPROTO_IP, IP_PKTINFO, &info, sizeof info, 1), ENETUNREACH); /* not ours */
    CHECK_EQ(send_with(a, LOOPBACK, port, IPPROTO_TCP, 1, &value, 4, 1), 1); /* of another level: passed over */
    CHECK_EQ(send_with(a, LOOPBACK, port, SOL_SOCKET, SCM_RIGHTS, &value, 4, 1), 1);
    close(a);
}

static void six(void)
{
    int a = bound_udp("::"), b = bound_udp("::1"), four = bound_udp(LOOPBACK), port = local_port(a), value = 7;
    CHECK_EQ(set_option(a, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1), 0);
    CHECK_EQ(set_option(a, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1), 0);
    CHECK_EQ(set_option(a, IPPROTO_IPV6, IPV6_RECVTCLASS, 1), 0);
    CHECK_EQ(send_to(b, "x", 1, "::1", port), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK_EQ(number(IPPROTO_IPV6, IPV6_HOPLIMIT, 4), 64);
    CHECK_EQ(number(IPPROTO_IPV6, IPV6_TCLASS, 4), 0);
    CHECK_EQ(send_with(b, "::1", port, IPPROTO_IPV6, IPV6_HOPLIMIT, &value, 4, 1), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK_EQ(number(IPPROTO_IPV6, IPV6_HOPLIMIT, 4), 7);
    CHECK_EQ(send_with(b, "::1", port, IPPROTO_IPV6, IPV6_TCLASS, &value, 4, 1), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK_EQ(number(IPPROTO_IPV6, IPV6_TCLASS, 4), 7);
    CHECK_EQ(set_option(b, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 33), 0);
    CHECK_EQ(send_to(b, "x", 1, "::1", port), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK_EQ(number(IPPROTO_IPV6, IPV6_HOPLIMIT, 4), 33);
    CHECK_EQ(send_to(four, "x", 1, "127.0.0.5", port), 1); /* IPv4 comes mapped */
    CHECK_EQ(take(a, sizeof control), 1);
    struct cmsghdr *c = find(IPPROTO_IPV6, IPV6_PKTINFO, sizeof(struct in6_pktinfo));
    CHECK(c != 0);
    if (c) {
        struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(c);
        CHECK(IN6_IS_ADDR_V4MAPPED(&info->ipi6_addr));
        CHECK_EQ(info->ipi6_addr.s6_addr[15], 5);
        CHECK_EQ(info->ipi6_ifindex, 1);
    }
    CHECK(!find(IPPROTO_IPV6, IPV6_HOPLIMIT, 4));
    struct in6_pktinfo from = {.ipi6_addr = in6("::1", 0).sin6_addr};
    CHECK_EQ(send_with(a, "::1", local_port(b), IPPROTO_IPV6, IPV6_PKTINFO, &from, sizeof from, 1), 1);
    from.ipi6_addr = in6("2001:db8::1", 0).sin6_addr;
    CHECK_ERRNO(send_with(a, "::1", local_port(b), IPPROTO_IPV6, IPV6_PKTINFO, &from, sizeof from, 1), EINVAL);
    close(a), close(b), close(four);
}

static void stamps(void)
{
    int a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK);
    CHECK_EQ(set_option(a, SOL_SOCKET, SO_TIMESTAMP, 1), 0);
    double before = now_s(CLOCK_REALTIME);
    CHECK_EQ(send_to(b, "x", 1, LOOPBACK, local_port(a)), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    struct cmsghdr *c = find(SOL_SOCKET, SO_TIMESTAMP, sizeof(struct timeval));
    CHECK(c != 0);
    if (c) {
        struct timeval *t = (struct timeval *)CMSG_DATA(c);
        double at = (double)t->tv_sec + (double)t->tv_usec / 1e6;
        CHECK(at >= before - 0.01 && at <= now_s(CLOCK_REALTIME) + 0.01);
    }
    CHECK_EQ(set_option(a, SOL_SOCKET, SO_TIMESTAMPNS, 1), 0); /* instead of the other */
    CHECK_EQ(send_to(b, "x", 1, LOOPBACK, local_port(a)), 1);
    CHECK_EQ(take(a, sizeof control), 1);
    CHECK(!find(SOL_SOCKET, SO_TIMESTAMP, sizeof(struct timeval)));
    CHECK(find(SOL_SOCKET, SO_TIMESTAMPNS, sizeof(struct timespec)) != 0);
    close(a), close(b);
}

/* UDP_SEGMENT: one send, several datagrams. */
static void segments(void)
{
    int a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK), port = local_port(a);
    uint16_t size = 1000;
    CHECK_EQ(send_with(b, LOOPBACK, port, IPPROTO_UDP, UDP_SEGMENT, &size, 2, 2500), 2500);
    CHECK_EQ(take(a, sizeof control), 1000);
    CHECK_EQ(take(a, sizeof control), 1000);
    CHECK_EQ(take(a, sizeof control), 500);
    CHECK_EQ(set_option(b, IPPROTO_UDP, UDP_SEGMENT, 100), 0);
    char data[150];
    memset(data, 's', sizeof data);
    CHECK_EQ(send_to(b, data, sizeof data, LOOPBACK, port), 150);
    CHECK_EQ(take(a, sizeof control), 100);
    CHECK_EQ(take(a, sizeof control), 50);
    CHECK_EQ(send_to(b, data, 50, LOOPBACK, port), 50);
    CHECK_EQ(take(a, sizeof control), 50);
    size = 10;
    CHECK_ERRNO(send_with(b, LOOPBACK, port, IPPROTO_UDP, UDP_SEGMENT, &size, 2, 5000), EINVAL); /* too many */
    close(a), close(b);
}

int main(void)
{
    four();
    refused();
    six();
    stamps();
    segments();
    return finish();
}
