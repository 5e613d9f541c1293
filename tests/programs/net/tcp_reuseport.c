/* SO_REUSEPORT: several listeners on one address, each connection to one of them. */
#include "net.h"

enum { LISTENERS = 3, CLIENTS = 48 };

static int listen_shared(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1), 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
    CHECK_EQ(bind_to(fd, LOOPBACK, port), 0);
    CHECK_EQ(listen(fd, CLIENTS), 0);
    return fd;
}

static void all_must_have_it(void)
{
    int plain = make_listener(), fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_REUSEPORT), 0);
    CHECK_EQ(set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1), 0);
    CHECK_ERRNO(bind_to(fd, LOOPBACK, local_port(plain)), EADDRINUSE);
    CHECK_ERRNO(bind_to(fd, "0.0.0.0", local_port(plain)), EADDRINUSE);
    close(plain);
    int shared = listen_shared(0);
    plain = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERRNO(bind_to(plain, LOOPBACK, local_port(shared)), EADDRINUSE);
    CHECK_EQ(set_option(plain, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    CHECK_ERRNO(bind_to(plain, LOOPBACK, local_port(shared)), EADDRINUSE);
    close(plain), close(shared), close(fd);
}

static void each_once(void)
{
    int listeners[LISTENERS], clients[CLIENTS], ports[CLIENTS], accepted = 0;
    listeners[0] = listen_shared(0);
    int port = local_port(listeners[0]);
    for (int i = 1; i < LISTENERS; i++)
        listeners[i] = listen_shared(port);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = dial(listeners[0]);
        ports[i] = local_port(clients[i]);
    }
    for (int i = 0; i < LISTENERS; i++)
        set_nonblocking(listeners[i], 1);
    double before = now_s(CLOCK_MONOTONIC);
    while (accepted < CLIENTS && ms_since(before) < PATIENCE_MS)
        for (int i = 0; i < LISTENERS; i++) {
            int fd = accept(listeners[i], 0, 0);
            if (fd < 0) {
                CHECK_EQ(errno, EAGAIN);
                continue;
            }
            int at = 0, peer = peer_port(fd);
            while (at < CLIENTS && ports[at] != peer)
                at++;
            CHECK(at < CLIENTS);
            set_nonblocking(fd, 0);
            check_linked(clients[at], fd);
            ports[at] = 0; /* nobody else may have it */
            accepted++;
            close(fd);
        }
    CHECK_EQ(accepted, CLIENTS);
    for (int i = 0; i < LISTENERS; i++)
        CHECK_ERRNO(accept(listeners[i], 0, 0), EAGAIN);
    for (int i = 0; i < CLIENTS; i++)
        check_end(clients[i]), close(clients[i]);
    for (int i = 0; i < LISTENERS; i++)
        close(listeners[i]);
}

/* Who closes takes no more; the others go on. A wildcard listener stands back. */
static void one_goes(void)
{
    int one = listen_shared(0);
    int port = local_port(one), two = listen_shared(port);
    int all = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(set_option(all, SOL_SOCKET, SO_REUSEPORT, 1), 0);
    CHECK_EQ(bind_to(all, "0.0.0.0", port), 0);
    CHECK_EQ(listen(all, 8), 0);
    close(one);
    for (int i = 0; i < 10; i++) {
        int client = dial(two), server = accept(two, 0, 0);
        check_linked(client, server);
        close(client), close(server);
    }
    CHECK_EQ(poll_now(all), 0);
    close(two);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(client, LOOPBACK, port), 0);
    int server = accept(all, 0, 0);
    check_linked(client, server);
    close(client), close(server), close(all);
}

int main(void)
{
    all_must_have_it();
    each_once();
    one_goes();
    return finish();
}
