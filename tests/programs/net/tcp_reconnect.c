/* connect to AF_UNSPEC dissolves a connection; a socket can then go elsewhere. */
#include "net.h"

static int dissolve(int fd)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    return connect(fd, &none, sizeof none);
}

static int no_peer(int fd)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    return getpeername(fd, (struct sockaddr *)&a, &n);
}

static void stream(void)
{
    int one = make_listener(), two = make_listener(), fd = dial(one), server = accept(one, 0, 0);
    char byte;
    check_linked(fd, server);
    CHECK_EQ(dissolve(fd), 0);
    CHECK_ERRNO(no_peer(fd), ENOTCONN);
    CHECK_ERRNO(read(fd, &byte, 1), ECONNRESET); /* so tcp_disconnect leaves it */
    CHECK_ERRNO(read(fd, &byte, 1), ENOTCONN);
    wait_for(server, POLLIN);
    CHECK_ERRNO(read(server, &byte, 1), ECONNRESET); /* it is told by a reset */
    close(server);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(two)), 0);
    server = accept(two, 0, 0);
    check_linked(fd, server);
    close(fd), close(server), close(one), close(two);
}

/* A bound address is kept, a chosen one is not. */
static void names(void)
{
    int listener = make_listener(), fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(listener)), 0);
    CHECK_EQ(dissolve(fd), 0);
    CHECK_TEXT(local_host(fd), "0.0.0.0"); /* whether the port stays hangs on the kernel's version */
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind_to(fd, LOOPBACK, 0), 0);
    int port = local_port(fd);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(listener)), 0);
    CHECK_EQ(dissolve(fd), 0);
    CHECK_EQ(local_port(fd), port);
    CHECK_TEXT(local_host(fd), LOOPBACK);
    close(fd), close(listener);
}

/* Of a listener it makes a plain socket. */
static void listener_ends(void)
{
    int listener = make_listener(), port = local_port(listener), fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(dissolve(listener), 0);
    CHECK_EQ(get_option(listener, SOL_SOCKET, SO_ACCEPTCONN), 0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), ECONNREFUSED);
    CHECK_ERRNO(accept(listener, 0, 0), EINVAL);
    close(fd), close(listener);
}

static void datagram(void)
{
    int a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK), fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(dissolve(fd), 0); /* nothing to dissolve */
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(a)), 0);
    check_flow(fd, a);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(b)), 0); /* straight to another */
    check_flow(fd, b);
    CHECK_EQ(peer_port(fd), local_port(b));
    CHECK_EQ(dissolve(fd), 0);
    CHECK_ERRNO(no_peer(fd), ENOTCONN);
    CHECK_ERRNO(send(fd, "x", 1, 0), EDESTADDRREQ);
    CHECK_TEXT(local_host(fd), "0.0.0.0");
    close(a), close(b), close(fd);
}

int main(void)
{
    stream();
    names();
    listener_ends();
    datagram();
    return finish();
}
