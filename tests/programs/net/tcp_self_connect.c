/* Connects that meet themselves: to the own port, and two that meet each other. */
#include "net.h"

/* A socket bound to a port that connects there is its own peer. */
static void alone(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind_to(fd, LOOPBACK, 0), 0);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(fd)), 0);
    CHECK_EQ(peer_port(fd), local_port(fd));
    check_linked(fd, fd);
    char text[8] = {0};
    CHECK_EQ(write(fd, "abc", 3), 3);
    CHECK_EQ(recv(fd, text, sizeof text, 0), 3);
    CHECK_TEXT(text, "abc");
    CHECK_ERRNO(recv(fd, text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(shutdown(fd, SHUT_WR), 0);
    check_end(fd);
    close(fd);
}

/* Non-blocking, too. */
static void alone_nonblocking(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_EQ(bind_to(fd, LOOPBACK, 0), 0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, local_port(fd)), EINPROGRESS);
    CHECK_EQ(wait_for(fd, POLLOUT), POLLOUT);
    CHECK_EQ(socket_error(fd), 0);
    set_nonblocking(fd, 0);
    check_linked(fd, fd);
    close(fd);
}

/* UDP is used to it. */
static void datagrams(void)
{
    int fd = bound_udp(LOOPBACK);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(fd)), 0);
    check_linked(fd, fd);
    close(fd);
}

/* A connect to a bound port of which nobody listens is refused, however it is bound. */
static void bound_only(void)
{
    int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind_to(a, LOOPBACK, 0), 0);
    CHECK_EQ(bind_to(b, LOOPBACK, 0), 0);
    CHECK_ERRNO(connect_to(a, LOOPBACK, local_port(b)), ECONNREFUSED);
    CHECK_ERRNO(connect_to(b, LOOPBACK, local_port(a)), ECONNREFUSED);
    CHECK(local_port(a) > 0); /* the names stay */
    close(a), close(b);
}

int main(void)
{
    alone();
    alone_nonblocking();
    datagrams();
    bound_only();
    return finish();
}
