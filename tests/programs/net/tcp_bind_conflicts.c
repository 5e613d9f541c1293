/* EADDRINUSE, and what SO_REUSEADDR allows. */
#include "net.h"

static int reusable(int on)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(set_option(fd, SOL_SOCKET, SO_REUSEADDR, on), 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_REUSEADDR), on);
    return fd;
}

static void without(void)
{
    int one = reusable(0), two = reusable(0);
    CHECK_EQ(bind_to(one, LOOPBACK, 0), 0);
    int port = local_port(one);
    CHECK_ERRNO(bind_to(two, LOOPBACK, port), EADDRINUSE); /* bound is enough */
    CHECK_ERRNO(bind_to(two, "0.0.0.0", port), EADDRINUSE);
    CHECK_EQ(local_port(two), 0);
    CHECK_EQ(bind_to(two, "127.0.0.2", port), 0);
    CHECK_ERRNO(bind_to(two, LOOPBACK, 0), EINVAL); /* no second name */
    close(one);
    one = reusable(0);
    CHECK_EQ(bind_to(one, LOOPBACK, port), 0);
    close(one), close(two);
    /* TCP and UDP are apart */
    one = reusable(0);
    CHECK_EQ(bind_to(one, LOOPBACK, 0), 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(bind_to(udp, LOOPBACK, local_port(one)), 0);
    close(one), close(udp);
}

/* Both must have it, and none may listen. */
static void with(void)
{
    int one = reusable(1), two = reusable(1), three = reusable(0);
    CHECK_EQ(bind_to(one, LOOPBACK, 0), 0);
    int port = local_port(one);
    CHECK_ERRNO(bind_to(three, LOOPBACK, port), EADDRINUSE);
    CHECK_EQ(bind_to(two, LOOPBACK, port), 0);
    CHECK_EQ(listen(one, 4), 0);
    CHECK_ERRNO(listen(two, 4), EADDRINUSE);
    int four = reusable(1);
    CHECK_ERRNO(bind_to(four, LOOPBACK, port), EADDRINUSE); /* one listens */
    CHECK_ERRNO(bind_to(four, "0.0.0.0", port), EADDRINUSE);
    CHECK_EQ(bind_to(four, "127.0.0.7", port), 0);
    CHECK_EQ(listen(four, 4), 0);
    close(one);
    CHECK_EQ(listen(two, 4), 0);
    close(two), close(three), close(four);
}

/* The server's side of a closed connection holds the port for who has no SO_REUSEADDR. */
static void after_connections(int keeps_open)
{
    int listener = reusable(1);
    CHECK_EQ(bind_to(listener, LOOPBACK, 0), 0);
    CHECK_EQ(listen(listener, 4), 0);
    int port = local_port(listener);
    int client = dial(listener), server = accept(listener, 0, 0);
    close(listener);
    if (!keeps_open) {
        close(server); /* it closes first: its end is in TIME_WAIT */
        check_end(client);
        close(client);
    }
    int plain = reusable(0), reuse = reusable(1);
    CHECK_ERRNO(bind_to(plain, LOOPBACK, port), EADDRINUSE);
    CHECK_EQ(bind_to(reuse, LOOPBACK, port), 0);
    CHECK_EQ(listen(reuse, 4), 0);
    int client2 = dial(reuse), server2 = accept(reuse, 0, 0);
    check_linked(client2, server2);
    if (keeps_open) {
        check_linked(client, server);
        close(client), close(server);
    }
    close(client2), close(server2), close(plain), close(reuse);
}

/* An ephemeral port in use by a client is no place for a listener, except by SO_REUSEADDR. */
static void client_ports(void)
{
    int fds[2];
    tcp_pair(fds);
    int port = local_port(fds[0]), plain = reusable(0);
    CHECK_ERRNO(bind_to(plain, LOOPBACK, port), EADDRINUSE);
    close(plain), close(fds[0]), close(fds[1]);
}

int main(void)
{
    without();
    with();
    after_connections(1);
    after_connections(0);
    client_ports();
    return finish();
}
