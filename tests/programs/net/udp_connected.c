/* Connected UDP: only the peer is heard, its refusal comes back, sendto may still go elsewhere. */
#include "net.h"

static void hears_only_the_peer(void)
{
    int fd = bound_udp(LOOPBACK), peer = bound_udp(LOOPBACK), other = bound_udp(LOOPBACK);
    char byte = 0;
    CHECK_EQ(send_to(other, "1", 1, LOOPBACK, local_port(fd)), 1); /* queued before: it stays */
    CHECK_EQ(wait_for(fd, POLLIN), POLLIN);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(peer)), 0);
    CHECK_EQ(peer_port(fd), local_port(peer));
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, '1');
    CHECK_EQ(send_to(other, "2", 1, LOOPBACK, local_port(fd)), 1);
    CHECK_EQ(send_to(peer, "3", 1, LOOPBACK, local_port(fd)), 1);
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, '3');
    CHECK_EQ(poll_ms(fd, POLLIN, 10), 0);
    check_flow(fd, peer);
    CHECK_EQ(send_to(fd, "4", 1, LOOPBACK, local_port(other)), 1); /* for once to another */
    CHECK_EQ(read(other, &byte, 1), 1);
    CHECK_EQ(byte, '4');
    check_flow(fd, peer);
    close(fd), close(peer), close(other);
}

/* A port that was bound a moment ago. */
static int dead_port(void)
{
    int fd = bound_udp(LOOPBACK), port = local_port(fd);
    close(fd);
    return port;
}

static void refused(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char byte;
    CHECK_EQ(connect_to(fd, LOOPBACK, dead_port()), 0); /* a connect sends nothing */
    CHECK_EQ(poll_now(fd), POLLOUT);
    CHECK_EQ(send(fd, "x", 1, 0), 1);
    CHECK_EQ(wait_for(fd, POLLIN), POLLERR);
    CHECK_ERRNO(send(fd, "x", 1, 0), ECONNREFUSED); /* the next call is told, and nothing is sent */
    CHECK_EQ(poll_now(fd), POLLOUT);
    CHECK_EQ(send(fd, "x", 1, 0), 1);
    CHECK(wait_for(fd, POLLIN) & POLLERR);
    CHECK_ERRNO(recv(fd, &byte, 1, 0), ECONNREFUSED);
    CHECK_ERRNO(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(send(fd, "x", 1, 0), 1);
    CHECK(wait_for(fd, POLLIN) & POLLERR);
    CHECK_EQ(socket_error(fd), ECONNREFUSED);
    CHECK_EQ(socket_error(fd), 0);
    CHECK_EQ(send(fd, "x", 1, 0), 1); /* a sleeper in recv is woken by it, too */
    CHECK_ERRNO(recv(fd, &byte, 1, 0), ECONNREFUSED);
    close(fd);
}

static void shutdowns(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), peer = bound_udp(LOOPBACK);
    char byte;
    CHECK_ERRNO(shutdown(fd, SHUT_RD), ENOTCONN);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(peer)), 0);
    CHECK_EQ(shutdown(fd, SHUT_WR), 0);
    CHECK_ERRNO(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(shutdown(fd, SHUT_RD), 0);
    check_end(fd);
    CHECK_EQ(poll_now(fd) & (POLLIN | POLLRDHUP | POLLHUP), POLLIN | POLLRDHUP | POLLHUP);
    CHECK_ERRNO(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN); /* other than a read that may wait */
    close(fd), close(peer);
}

/* The peer's socket is gone and another one has its port: all the same to UDP. */
static void new_peer(void)
{
    int fd = bound_udp(LOOPBACK), peer = bound_udp(LOOPBACK), port = local_port(peer);
    char byte;
    CHECK_EQ(connect_to(fd, LOOPBACK, port), 0);
    check_flow(fd, peer);
    close(peer);
    peer = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(bind_to(peer, LOOPBACK, port), 0);
    check_flow(fd, peer);
    CHECK_EQ(send_to(peer, "r", 1, LOOPBACK, local_port(fd)), 1);
    CHECK_EQ(read(fd, &byte, 1), 1);
    close(fd), close(peer);
}

int main(void)
{
    hears_only_the_peer();
    refused();
    shutdowns();
    new_peer();
    return finish();
}
