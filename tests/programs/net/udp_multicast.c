/* Multicast on loopback: who has joined gets a copy, each of them; options and errors. */
#include "net.h"

#define GROUP "239.1.2.3"

static int membership(int fd, int what, const char *group)
{
    struct ip_mreq m = {in4(group, 0).sin_addr, in4(LOOPBACK, 0).sin_addr};
    return setsockopt(fd, IPPROTO_IP, what, &m, sizeof m);
}

static int member(int port)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    CHECK_EQ(bind_to(fd, "0.0.0.0", port), 0);
    CHECK_EQ(membership(fd, IP_ADD_MEMBERSHIP, GROUP), 0);
    return fd;
}

int main(void)
{
    int one = member(0), port = local_port(one), two = member(port);
    int from = socket(AF_INET, SOCK_DGRAM, 0);
    struct in_addr lo = in4(LOOPBACK, 0).sin_addr;
    char byte = 0;
    CHECK_EQ(setsockopt(from, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo), 0);
    CHECK_EQ(get_option(from, IPPROTO_IP, IP_MULTICAST_TTL), 1);
    CHECK_EQ(get_option(from, IPPROTO_IP, IP_MULTICAST_LOOP), 1);
    CHECK_EQ(send_to(from, "m", 1, GROUP, port), 1);
    CHECK_EQ(read(one, &byte, 1), 1); /* both get it */
    CHECK_EQ(byte, 'm');
    CHECK_EQ(read(two, &byte, 1), 1);
    CHECK_ERRNO(membership(two, IP_ADD_MEMBERSHIP, GROUP), EADDRINUSE);
    CHECK_EQ(membership(two, IP_DROP_MEMBERSHIP, GROUP), 0);
    CHECK_ERRNO(membership(two, IP_DROP_MEMBERSHIP, GROUP), EADDRNOTAVAIL);
    CHECK_ERRNO(membership(two, IP_ADD_MEMBERSHIP, LOOPBACK), EINVAL); /* no group */
    CHECK_EQ(set_option(two, IPPROTO_IP, IP_MULTICAST_ALL, 0), 0);
    CHECK_EQ(send_to(from, "n", 1, GROUP, port), 1);
    CHECK_EQ(read(one, &byte, 1), 1);
    CHECK_EQ(byte, 'n');
    CHECK_EQ(poll_ms(two, POLLIN, 10), 0);
    close(one), close(two), close(from);
    return finish();
}
