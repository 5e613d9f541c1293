/* The IPv6 wildcard serves IPv4 too, as mapped addresses, unless IPV6_V6ONLY is on. */
#include "net.h"

static void serves_both(void)
{
    int listener = listen_on("::", 0, 4);
    int port = local_port(listener);
    CHECK_EQ(get_option(listener, IPPROTO_IPV6, IPV6_V6ONLY), 0);
    int four = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(four, LOOPBACK, port), 0);
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    int server = accept(listener, (struct sockaddr *)&peer, &size);
    CHECK_EQ(size, sizeof(struct sockaddr_in6));
    CHECK_EQ(peer.ss_family, AF_INET6);
    CHECK_TEXT(host_of(&peer), "::ffff:127.0.0.1");
    CHECK_EQ(port_of(&peer), local_port(four));
    CHECK_TEXT(local_host(server), "::ffff:127.0.0.1");
    CHECK_EQ(get_option(server, SOL_SOCKET, SO_DOMAIN), AF_INET6);
    CHECK_TEXT(peer_host(four), LOOPBACK);
    check_linked(four, server);
    close(server);
    close(four);
    four = socket(AF_INET, SOCK_STREAM, 0); /* another address of this host */
    CHECK_EQ(connect_to(four, "127.0.0.2", port), 0);
    server = accept(listener, 0, 0);
    CHECK_TEXT(local_host(server), "::ffff:127.0.0.2");
    CHECK_TEXT(peer_host(server), "::ffff:127.0.0.1");
    close(server);
    close(four);
    /* and neither family has the port left */
    int other = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERRNO(bind_to(other, "0.0.0.0", port), EADDRINUSE);
    CHECK_ERRNO(bind_to(other, LOOPBACK, port), EADDRINUSE);
    close(other);
    close(listener);
}

/* An IPv6 listener, and its port if that is free in IPv4, too: some old connection may have it. */
static int listen_six_only(int *port, int *four)
{
    for (int tries = 0; tries < 100; tries++) {
        int six = socket(AF_INET6, SOCK_STREAM, 0);
        CHECK_EQ(set_option(six, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
        CHECK_EQ(get_option(six, IPPROTO_IPV6, IPV6_V6ONLY), 1);
        CHECK_EQ(bind_to(six, "::", 0), 0);
        CHECK_EQ(listen(six, 4), 0);
        *port = local_port(six);
        *four = socket(AF_INET, SOCK_STREAM, 0);
        if (bind_to(*four, "0.0.0.0", *port) == 0)
            return six;
        CHECK_EQ(errno, EADDRINUSE);
        close(six), close(*four);
    }
    CHECK(!"a port is free in both families");
    return -1;
}

static void only_six(void)
{
    int port, other, listener = listen_six_only(&port, &other);
    CHECK_ERRNO(set_option(listener, IPPROTO_IPV6, IPV6_V6ONLY, 0), EINVAL); /* bound: too late */
    int four = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERRNO(connect_to(four, LOOPBACK, port), ECONNREFUSED);
    CHECK_EQ(listen(other, 4), 0); /* the other family's port is its own */
    CHECK_EQ(connect_to(four, LOOPBACK, port), 0);
    int server = accept(other, 0, 0);
    CHECK_TEXT(peer_host(server), LOOPBACK);
    CHECK_EQ(poll_now(listener), 0);
    int six = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(six, "::1", port), 0);
    int server6 = accept(listener, 0, 0);
    CHECK_TEXT(peer_host(server6), "::1");
    check_linked(four, server);
    check_linked(six, server6);
    CHECK_ERRNO(bind_to(socket(AF_INET, SOCK_STREAM, 0), "::1", 0), EAFNOSUPPORT);
    close(server), close(server6), close(four), close(six), close(other), close(listener);
}

/* A mapped address cannot be had with IPV6_V6ONLY; without it, it is the IPv4 address. */
static void mapped_bind(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK_EQ(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    CHECK_ERRNO(bind_to(fd, "::ffff:127.0.0.1", 0), EINVAL);
    CHECK_ERRNO(connect_to(fd, "::ffff:127.0.0.1", 9), ENETUNREACH);
    close(fd);
    int listener = listen_on("::ffff:127.0.0.1", 0, 4);
    int four = dial(listener);
    int server = accept(listener, 0, 0);
    CHECK_TEXT(peer_host(server), "::ffff:127.0.0.1");
    check_linked(four, server);
    int six = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK_ERRNO(connect_to(six, "::1", local_port(listener)), ECONNREFUSED);
    close(six), close(server), close(four), close(listener);
}

int main(void)
{
    serves_both();
    only_six();
    mapped_bind();
    return finish();
}
