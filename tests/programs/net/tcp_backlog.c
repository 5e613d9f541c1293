/* A full backlog: backlog + 1 connections stand before any accept; one more waits until there is room.
 * (Several more would be no test: of SYNs sent again at one time Linux may answer more than it can
 * queue, and then drop the ACKs.) */
#include "net.h"

static int begin(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), EINPROGRESS);
    return fd;
}

static int connect_many(int *fds, int count, int listener)
{
    for (int i = 0; i < count; i++)
        fds[i] = dial(listener);
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    sleep_ms(20); /* the last one is in the queue by then */
    return count;
}

static void check_waits(int fd, int port)
{
    char byte;
    CHECK_EQ(poll_ms(fd, ALL_EVENTS, 30), 0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), EALREADY);
    CHECK_EQ(socket_error(fd), 0);
    CHECK_ERRNO(read(fd, &byte, 1), EAGAIN);
    CHECK_ERRNO(send(fd, "x", 1, MSG_NOSIGNAL), EAGAIN);
    socklen_t n = sizeof(struct sockaddr_in);
    CHECK_ERRNO(getpeername(fd, (struct sockaddr *)&(struct sockaddr_in){0}, &n), ENOTCONN);
    CHECK(local_port(fd) > 0);
}

static void full(int backlog)
{
    int listener = listen_on(LOOPBACK, 0, backlog), port = local_port(listener), fds[16];
    int last = connect_many(fds, backlog + 1, listener);
    fds[last] = begin(port);
    check_waits(fds[last], port);
    for (int i = 0; i <= last; i++) { /* in order of arrival */
        int server = accept(listener, 0, 0);
        CHECK_EQ(peer_port(server), local_port(fds[i]));
        CHECK_EQ(wait_for(fds[i], POLLOUT), POLLOUT);
        CHECK_EQ(socket_error(fds[i]), 0);
        set_nonblocking(fds[i], 0);
        check_linked(fds[i], server);
        close(server), close(fds[i]);
    }
    close(listener);
}

/* A blocked connect goes on when the queue is emptied. */
static void blocking(void)
{
    int listener = listen_on(LOOPBACK, 0, 1), fds[2], servers[3], status;
    connect_many(fds, 2, listener);
    pid_t child = fork();
    if (!child) {
        char byte = 0;
        int fd = dial(listener);
        CHECK_EQ(write(fd, "q", 1), 1);
        CHECK_EQ(read(fd, &byte, 1), 1);
        _exit(check_failures != 0 || byte != 'q');
    }
    sleep_ms(50);
    for (int i = 0; i < 3; i++)
        servers[i] = accept(listener, 0, 0);
    CHECK_EQ(peer_port(servers[0]), local_port(fds[0]));
    CHECK_EQ(peer_port(servers[1]), local_port(fds[1]));
    char byte;
    CHECK_EQ(read(servers[2], &byte, 1), 1);
    CHECK_EQ(write(servers[2], &byte, 1), 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    for (int i = 0; i < 3; i++)
        close(servers[i]);
    close(fds[0]), close(fds[1]), close(listener);
}

/* A limit for a blocked connect: EINPROGRESS, and the attempt goes on. */
static void timeout(void)
{
    int listener = listen_on(LOOPBACK, 0, 1), fds[2];
    connect_many(fds, 2, listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    set_timeout(fd, SO_SNDTIMEO, 100);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, local_port(listener)), EINPROGRESS);
    CHECK(ms_since(before) >= 95);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, local_port(listener)), EALREADY);
    CHECK(ms_since(before) >= 190);
    close(accept(listener, 0, 0));
    CHECK_EQ(wait_for(fd, POLLOUT), POLLOUT);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(listener)), 0);
    close(fd), close(fds[0]), close(fds[1]), close(listener);
}

/* Pending connections are reset when the listener closes. */
static void listener_closes(void)
{
    int listener = listen_on(LOOPBACK, 0, 4), fds[2];
    connect_many(fds, 2, listener);
    close(listener);
    char byte;
    int all = POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP;
    CHECK_EQ(comes_to(fds[0], all), all);
    CHECK_ERRNO(read(fds[0], &byte, 1), ECONNRESET);
    CHECK_EQ(read(fds[0], &byte, 1), 0);
    wait_for(fds[1], POLLIN);
    CHECK_EQ(socket_error(fds[1]), ECONNRESET);
    CHECK_ERRNO(send(fds[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(fds[0]), close(fds[1]);
}

int main(void)
{
    full(1);
    full(3);
    blocking();
    timeout();
    listener_closes();
    return finish();
}
