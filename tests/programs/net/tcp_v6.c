/* TCP over IPv6: the same calls, names of 28 bytes, no way from one family to the other's loopback. */
#include "net.h"

static void loopback6(void)
{
    int listener = listen_on("::1", 0, 4);
    int port = local_port(listener);
    int client = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(client, "::1", port), 0);
    struct sockaddr_in6 peer = {0};
    socklen_t size = sizeof peer;
    int server = accept(listener, (struct sockaddr *)&peer, &size);
    CHECK(server >= 0);
    CHECK_EQ(size, sizeof peer);
    CHECK_EQ(peer.sin6_family, AF_INET6);
    CHECK_EQ(ntohs(peer.sin6_port), local_port(client));
    CHECK_EQ(peer.sin6_flowinfo, 0);
    CHECK_EQ(peer.sin6_scope_id, 0);
    CHECK(IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr));
    CHECK_TEXT(local_host(client), "::1");
    CHECK_TEXT(peer_host(client), "::1");
    CHECK_TEXT(local_host(server), "::1");
    CHECK_TEXT(peer_host(server), "::1");
    CHECK_EQ(peer_port(client), port);
    CHECK_EQ(local_port(server), port);
    check_linked(client, server);
    close(server);
    check_end(client);
    close(client);
    close(listener);
}

/* [::1] takes no connection for 127.0.0.1, nor for ::ffff:127.0.0.1. */
static void not_the_other_family(void)
{
    int listener = listen_on("::1", 0, 4);
    int port = local_port(listener);
    int four = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK_ERRNO(connect_to(four, LOOPBACK, port), ECONNREFUSED);
    CHECK_ERRNO(connect_to(six, "::ffff:127.0.0.1", port), ECONNREFUSED);
    close(six);
    six = socket(AF_INET6, SOCK_STREAM, 0);
    int other = make_listener();
    CHECK_ERRNO(connect_to(six, "::1", local_port(other)), ECONNREFUSED);
    close(four);
    close(six);
    close(other);
    close(listener);
}

/* An IPv6 socket that connects to a mapped address speaks IPv4. */
static void mapped_client(void)
{
    int listener = make_listener();
    int client = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(client, "::ffff:127.0.0.1", local_port(listener)), 0);
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    int server = accept(listener, (struct sockaddr *)&peer, &size);
    CHECK_EQ(size, sizeof(struct sockaddr_in));
    CHECK_EQ(peer.ss_family, AF_INET);
    CHECK_TEXT(host_of(&peer), LOOPBACK);
    CHECK_TEXT(peer_host(client), "::ffff:127.0.0.1");
    CHECK_TEXT(local_host(client), "::ffff:127.0.0.1");
    CHECK_EQ(port_of(&peer), local_port(client));
    check_linked(client, server);
    close(client);
    close(server);
    close(listener);
}

/* Unbound, the address is the wildcard; a connect to the wildcard goes to loopback. */
static void wildcard(void)
{
    int listener = listen_on("::", 0, 4);
    int client = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK_TEXT(local_host(client), "::");
    CHECK_EQ(local_port(client), 0);
    CHECK_TEXT(local_host(listener), "::");
    CHECK_EQ(connect_to(client, "::", local_port(listener)), 0);
    CHECK_TEXT(peer_host(client), "::1");
    CHECK_TEXT(local_host(client), "::1");
    int server = accept(listener, 0, 0);
    CHECK_TEXT(local_host(server), "::1");
    check_linked(client, server);
    close(client);
    close(server);
    close(listener);
}

int main(void)
{
    loopback6();
    not_the_other_family();
    mapped_client();
    wildcard();
    return finish();
}
