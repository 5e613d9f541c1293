/* Control messages of IP: IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, and IPv6's. */
#include "net.h"

/* Receives one datagram; the data of the control message wanted, or 0. */
static void *control_of(int fd, int level, int type, size_t size)
{
    static char control[256];
    char byte;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof control};
    CHECK_EQ(recvmsg(fd, &m, 0), 1);
    CHECK_EQ(m.msg_flags, 0);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
        if (c->cmsg_level == level && c->cmsg_type == type) {
            CHECK_EQ(c->cmsg_len, CMSG_LEN(size));
            return CMSG_DATA(c);
        }
    return 0;
}

static void four(void)
{
    int a = bound_udp("0.0.0.0"), from = bound_udp(LOOPBACK), port = local_port(a);
    CHECK_EQ(send_to(from, "x", 1, "127.0.0.4", port), 1);
    CHECK(!control_of(a, IPPROTO_IP, IP_PKTINFO, 0));
    CHECK_EQ(set_option(a, IPPROTO_IP, IP_PKTINFO, 1), 0);
    CHECK_EQ(get_option(a, IPPROTO_IP, IP_PKTINFO), 1);
    CHECK_EQ(send_to(from, "x", 1, "127.0.0.4", port), 1);
    struct in_pktinfo *info = control_of(a, IPPROTO_IP, IP_PKTINFO, sizeof *info);
    CHECK(info != 0);
    if (info) {
        CHECK_EQ(info->ipi_ifindex, 1); /* lo */
        CHECK_EQ(ntohl(info->ipi_addr.s_addr), 0x7f000004);
        CHECK_EQ(ntohl(info->ipi_spec_dst.s_addr), 0x7f000004);
    }
    CHECK_EQ(set_option(a, IPPROTO_IP, IP_PKTINFO, 0), 0);
    CHECK_EQ(set_option(a, IPPROTO_IP, IP_RECVTTL, 1), 0);
    CHECK_EQ(send_to(from, "x", 1, LOOPBACK, port), 1);
    int *ttl = control_of(a, IPPROTO_IP, IP_TTL, sizeof *ttl);
    CHECK(ttl && *ttl == 64);
    CHECK_EQ(set_option(from, IPPROTO_IP, IP_TTL, 5), 0);
    CHECK_EQ(send_to(from, "x", 1, LOOPBACK, port), 1);
    ttl = control_of(a, IPPROTO_IP, IP_TTL, sizeof *ttl);
    CHECK(ttl && *ttl == 5);
    close(a), close(from);
}

/* An answer from the address that was asked: IP_PKTINFO on sending. */
static void chosen_source(void)
{
    int a = bound_udp("0.0.0.0"), b = bound_udp(LOOPBACK);
    char control[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0}, byte;
    struct sockaddr_in to = in4(LOOPBACK, local_port(b)), from = {0};
    struct iovec v = {"y", 1};
    struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &v, .msg_iovlen = 1,
                       .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    struct in_pktinfo info = {.ipi_spec_dst = in4("127.0.0.6", 0).sin_addr};
    c->cmsg_level = IPPROTO_IP, c->cmsg_type = IP_PKTINFO, c->cmsg_len = CMSG_LEN(sizeof info);
    memcpy(CMSG_DATA(c), &info, sizeof info);
    CHECK_EQ(sendmsg(a, &m, 0), 1);
    socklen_t n = sizeof from;
    CHECK_EQ(recvfrom(b, &byte, 1, 0, (struct sockaddr *)&from, &n), 1);
    CHECK_EQ(ntohl(from.sin_addr.s_addr), 0x7f000006);
    CHECK_EQ(ntohs(from.sin_port), local_port(a));
    c->cmsg_len = 4; /* shorter than its own head */
    CHECK_ERRNO(sendmsg(a, &m, 0), EINVAL);
    close(a), close(b);
}

static void six(void)
{
    int a = bound_udp("::"), from = bound_udp("::1"), port = local_port(a);
    CHECK_EQ(set_option(a, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1), 0);
    CHECK_EQ(send_to(from, "x", 1, "::1", port), 1);
    struct in6_pktinfo *info = control_of(a, IPPROTO_IPV6, IPV6_PKTINFO, sizeof *info);
    CHECK(info != 0);
    if (info) {
        CHECK_EQ(info->ipi6_ifindex, 1);
        CHECK(IN6_IS_ADDR_LOOPBACK(&info->ipi6_addr));
    }
    close(a), close(from);
}

/* No room for it: MSG_CTRUNC, and the data comes nevertheless. */
static void cut(void)
{
    int a = bound_udp(LOOPBACK), from = bound_udp(LOOPBACK);
    char control[8], byte;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof control};
    CHECK_EQ(set_option(a, IPPROTO_IP, IP_PKTINFO, 1), 0);
    CHECK_EQ(send_to(from, "x", 1, LOOPBACK, local_port(a)), 1);
    CHECK_EQ(recvmsg(a, &m, 0), 1);
    CHECK_EQ(m.msg_flags, MSG_CTRUNC);
    CHECK_EQ(m.msg_controllen, 0);
    close(a), close(from);
}

int main(void)
{
    four();
    chosen_source();
    six();
    cut();
    return finish();
}
