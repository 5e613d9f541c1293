/* Which listener gets a connection: wildcard, 127.0.0.1 and 127.0.0.2 on one port. */
#include "net.h"

static void wildcard(void)
{
    int listener = listen_on("0.0.0.0", 0, 8);
    int port = local_port(listener);
    CHECK_TEXT(local_host(listener), "0.0.0.0");
    const char *hosts[] = {"127.0.0.1", "127.0.0.2", "127.255.255.254"};
    for (int i = 0; i < 3; i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(connect_to(client, hosts[i], port), 0);
        int server = accept(listener, 0, 0);
        CHECK_TEXT(local_host(server), hosts[i]);
        CHECK_TEXT(peer_host(client), hosts[i]);
        CHECK_TEXT(local_host(client), LOOPBACK); /* lo's own address is the source of all of 127/8 */
        check_linked(client, server);
        close(client), close(server);
    }
    int client = socket(AF_INET, SOCK_STREAM, 0); /* 0.0.0.0 as a goal is this host */
    CHECK_TEXT(local_host(client), "0.0.0.0");
    CHECK_EQ(connect_to(client, "0.0.0.0", port), 0);
    CHECK_TEXT(peer_host(client), LOOPBACK);
    int server = accept(listener, 0, 0);
    CHECK_TEXT(local_host(server), LOOPBACK);
    close(client), close(server), close(listener);
}

static void only_its_own(void)
{
    int one = make_listener();
    int port = local_port(one);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERRNO(connect_to(client, "127.0.0.2", port), ECONNREFUSED);
    int two = listen_on("127.0.0.2", port, 8); /* the same port at another address */
    CHECK_EQ(connect_to(client, "127.0.0.2", port), 0);
    CHECK_EQ(wait_for(two, POLLIN), POLLIN);
    CHECK_EQ(poll_now(one), 0);
    int server = accept(two, 0, 0);
    CHECK_TEXT(local_host(server), "127.0.0.2");
    int client1 = dial(one);
    int server1 = accept(one, 0, 0);
    check_linked(client, server);
    check_linked(client1, server1);
    /* a wildcard there would take from both */
    int all = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERRNO(bind_to(all, "0.0.0.0", port), EADDRINUSE);
    close(all), close(client), close(server), close(client1), close(server1), close(one), close(two);
}

/* A client may choose its source address and port. */
static void chosen_source(void)
{
    int listener = listen_on("0.0.0.0", 0, 8);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind_to(client, "127.0.0.3", 0), 0);
    int port = local_port(client);
    CHECK(port > 0);
    CHECK_EQ(connect_to(client, LOOPBACK, local_port(listener)), 0);
    CHECK_EQ(local_port(client), port);
    int server = accept(listener, 0, 0);
    CHECK_TEXT(peer_host(server), "127.0.0.3");
    CHECK_EQ(peer_port(server), port);
    CHECK_TEXT(local_host(client), "127.0.0.3");
    check_linked(client, server);
    close(client), close(server);
    client = socket(AF_INET, SOCK_STREAM, 0); /* bound to the wildcard: settled by connect */
    CHECK_EQ(bind_to(client, "0.0.0.0", 0), 0);
    CHECK_TEXT(local_host(client), "0.0.0.0");
    CHECK_EQ(connect_to(client, "127.0.0.9", local_port(listener)), 0);
    CHECK_TEXT(local_host(client), LOOPBACK);
    close(client), close(listener);
}

int main(void)
{
    wildcard();
    only_its_own();
    chosen_source();
    return finish();
}
