/* UDP over IPv6, the dual-stack wildcard, mapped goals. */
#include "net.h"

static void basics(void)
{
    int a = bound_udp("::1"), b = bound_udp("::1");
    struct sockaddr_in6 from = {0};
    socklen_t n = sizeof from;
    char text[8];
    CHECK_EQ(send_to(a, "six", 3, "::1", local_port(b)), 3);
    CHECK_EQ(recvfrom(b, text, sizeof text, 0, (struct sockaddr *)&from, &n), 3);
    CHECK_EQ(n, sizeof from);
    CHECK_EQ(from.sin6_family, AF_INET6);
    CHECK_EQ(ntohs(from.sin6_port), local_port(a));
    CHECK(IN6_IS_ADDR_LOOPBACK(&from.sin6_addr));
    CHECK_EQ(from.sin6_scope_id, 0);
    CHECK_EQ(connect_to(a, "::1", local_port(b)), 0);
    CHECK_EQ(connect_to(b, "::1", local_port(a)), 0);
    check_linked(a, b);
    close(b);
    CHECK_EQ(send(a, "x", 1, 0), 1);
    CHECK_EQ(wait_for(a, POLLIN), POLLERR);
    CHECK_ERRNO(read(a, text, 1), ECONNREFUSED);
    close(a);
}

static void dual_stack(void)
{
    int all = bound_udp("::"), four = bound_udp(LOOPBACK), port = local_port(all);
    struct sockaddr_storage from = {0};
    socklen_t n = sizeof from;
    char byte;
    CHECK_EQ(send_to(four, "4", 1, LOOPBACK, port), 1);
    CHECK_EQ(recvfrom(all, &byte, 1, 0, (struct sockaddr *)&from, &n), 1);
    CHECK_EQ(from.ss_family, AF_INET6);
    CHECK_TEXT(host_of(&from), "::ffff:127.0.0.1");
    CHECK_EQ(port_of(&from), local_port(four));
    CHECK_EQ(sendto(all, "a", 1, 0, (struct sockaddr *)&from, n), 1); /* the answer is IPv4 */
    n = sizeof from;
    CHECK_EQ(recvfrom(four, &byte, 1, 0, (struct sockaddr *)&from, &n), 1);
    CHECK_EQ(from.ss_family, AF_INET);
    CHECK_TEXT(host_of(&from), LOOPBACK);
    CHECK_EQ(port_of(&from), port);
    int other = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_ERRNO(bind_to(other, "0.0.0.0", port), EADDRINUSE);
    CHECK_ERRNO(bind_to(other, LOOPBACK, port), EADDRINUSE);
    close(other), close(all), close(four);
}

static void only_six(void)
{
    int six = socket(AF_INET6, SOCK_DGRAM, 0), four = socket(AF_INET, SOCK_DGRAM, 0);
    char byte;
    CHECK_EQ(set_option(six, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    CHECK_EQ(bind_to(six, "::", 0), 0);
    CHECK_EQ(bind_to(four, "0.0.0.0", local_port(six)), 0); /* side by side */
    int from4 = bound_udp(LOOPBACK), from6 = bound_udp("::1");
    CHECK_EQ(send_to(from4, "4", 1, LOOPBACK, local_port(six)), 1);
    CHECK_EQ(send_to(from6, "6", 1, "::1", local_port(six)), 1);
    CHECK_EQ(read(four, &byte, 1), 1);
    CHECK_EQ(byte, '4');
    CHECK_EQ(read(six, &byte, 1), 1);
    CHECK_EQ(byte, '6');
    CHECK_EQ(poll_ms(six, POLLIN, 5), 0);
    CHECK_ERRNO(send_to(six, "x", 1, "::ffff:127.0.0.1", local_port(six)), ENETUNREACH);
    close(six), close(four), close(from4), close(from6);
}

/* An IPv6 socket that connects to a mapped address talks IPv4; one that is bound to ::1 cannot. */
static void mapped(void)
{
    int peer = bound_udp(LOOPBACK), fd = socket(AF_INET6, SOCK_DGRAM, 0);
    char byte;
    CHECK_EQ(connect_to(fd, "::ffff:127.0.0.1", local_port(peer)), 0);
    CHECK_TEXT(local_host(fd), "::ffff:127.0.0.1");
    CHECK_EQ(send(fd, "m", 1, 0), 1);
    CHECK_EQ(read(peer, &byte, 1), 1);
    CHECK_EQ(send_to(peer, "n", 1, LOOPBACK, local_port(fd)), 1);
    CHECK_EQ(read(fd, &byte, 1), 1);
    close(fd);
    fd = bound_udp("::1");
    CHECK_ERRNO(connect_to(fd, "::ffff:127.0.0.1", local_port(peer)), ENETUNREACH);
    close(fd), close(peer);
}

int main(void)
{
    basics();
    dual_stack();
    only_six();
    mapped();
    return finish();
}
