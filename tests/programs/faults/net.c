/* What fault rules do to connections and datagrams. */
#include "../check.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_in address(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int make(int type, int port)
{
    struct sockaddr_in a = address(port);
    int fd = socket(AF_INET, type, 0);
    if (port) {
        CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
        if (type == SOCK_STREAM)
            CHECK_EQ(listen(fd, 5), 0);
    }
    return fd;
}

static int join(int fd, int port)
{
    struct sockaddr_in a = address(port);
    return connect(fd, (struct sockaddr *)&a, sizeof a);
}

static int error_of(int fd)
{
    int error = 0;
    socklen_t n = sizeof error;
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n), 0);
    return error;
}

static void pair(int ends[2], int listener, int port)
{
    ends[0] = make(SOCK_STREAM, 0);
    CHECK_EQ(join(ends[0], port), 0);
    ends[1] = accept(listener, 0, 0);
    CHECK(ends[1] >= 0);
}

/* Ports 5001 refused, 5002 timed out, 5003 unreachable; 5000 is as ever. */
static void connects(void)
{
    double start = now_s(CLOCK_MONOTONIC);
    int listeners[4];
    for (int i = 0; i < 4; i++)
        listeners[i] = make(SOCK_STREAM, 5000 + i);
    CHECK_EQ(join(make(SOCK_STREAM, 0), 5000), 0);
    CHECK_ERRNO(join(make(SOCK_STREAM, 0), 5001), ECONNREFUSED);
    CHECK_ERRNO(join(make(SOCK_STREAM, 0), 5003), EHOSTUNREACH);
    CHECK(now_s(CLOCK_MONOTONIC) - start < 1);
    CHECK_ERRNO(join(make(SOCK_STREAM, 0), 5002), ETIMEDOUT);
    CHECK(now_s(CLOCK_MONOTONIC) - start > 29.9);
    int later = make(SOCK_STREAM, 0);
    CHECK_EQ(fcntl(later, F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(join(later, 5002), EINPROGRESS);
    struct pollfd p = {later, POLLOUT, 0};
    CHECK_EQ(poll(&p, 1, 10000), 0);
    CHECK_EQ(poll(&p, 1, 25000), 1);
    CHECK(p.revents & POLLERR && p.revents & POLLHUP);
    CHECK_EQ(error_of(later), ETIMEDOUT);
    p = (struct pollfd){listeners[2], POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 0), 0); /* nothing has reached it */
}

/* The second send on port 5000 is a reset, for both ends. */
static void reset(void)
{
    int ends[2], listener = make(SOCK_STREAM, 5000);
    char c;
    pair(ends, listener, 5000);
    CHECK_EQ(send(ends[0], "a", 1, MSG_NOSIGNAL), 1);
    CHECK_ERRNO(send(ends[0], "b", 1, MSG_NOSIGNAL), ECONNRESET);
    CHECK_ERRNO(send(ends[0], "c", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(recv(ends[0], &c, 1, 0), 0);
    CHECK_EQ(recv(ends[1], &c, 1, 0), 1);
    CHECK_ERRNO(recv(ends[1], &c, 1, 0), ECONNRESET);
    CHECK_EQ(recv(ends[1], &c, 1, 0), 0);
}

/* After the second send nothing comes through any more, and a close is not heard of. */
static void half_open(void)
{
    int ends[2], listener = make(SOCK_STREAM, 5000);
    char c, many[65536] = "";
    pair(ends, listener, 5000);
    CHECK_EQ(send(ends[0], "a", 1, 0), 1);
    CHECK_EQ(send(ends[0], "b", 1, 0), 1);
    CHECK_EQ(recv(ends[1], &c, 1, 0), 1);
    struct pollfd p = {ends[1], POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 10000), 0);
    CHECK_EQ(send(ends[1], "c", 1, 0), 1);
    p.fd = ends[0];
    CHECK_EQ(poll(&p, 1, 10000), 0);
    while (send(ends[0], many, sizeof many, MSG_DONTWAIT) > 0)
        ;
    CHECK_EQ(errno, EAGAIN); /* the buffer is full of what nobody acknowledges */
    double start = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(send(ends[0], many, 1, 0), ETIMEDOUT);
    CHECK(now_s(CLOCK_MONOTONIC) - start > 600);
    close(ends[0]);
    p.fd = ends[1];
    CHECK_EQ(recv(ends[1], &c, 1, MSG_DONTWAIT), -1);
}

/* The receive waits for 20 s, and then the connection is no more; the other end hears nothing. */
static void timed_out(void)
{
    int ends[2], listener = make(SOCK_STREAM, 5000);
    char c;
    pair(ends, listener, 5000);
    double start = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(recv(ends[0], &c, 1, 0), ETIMEDOUT);
    CHECK(now_s(CLOCK_MONOTONIC) - start > 19.9);
    CHECK_ERRNO(send(ends[0], "c", 1, MSG_NOSIGNAL), EPIPE);
    struct pollfd p = {ends[1], POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 1000), 0);
}

/* The first is lost, the second comes twice; a short one is cut. */
static void datagrams(void)
{
    int to = make(SOCK_DGRAM, 5000), from = make(SOCK_DGRAM, 0);
    char text[20];
    CHECK_EQ(join(from, 5000), 0);
    CHECK_EQ(send(from, "one", 3, 0), 3);
    CHECK_EQ(send(from, "two", 3, 0), 3);
    CHECK_EQ(send(from, "three", 5, 0), 2);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(recv(to, text, 20, MSG_DONTWAIT), 3);
        CHECK_EQ(memcmp(text, "two", 3), 0);
    }
    CHECK_EQ(recv(to, text, 20, MSG_DONTWAIT), 2);
    CHECK_ERRNO(recv(to, text, 20, MSG_DONTWAIT), EAGAIN);
}

static int join_from(int port, int own)
{
    struct sockaddr_in a = address(own);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(join(fd, port), 0);
    return fd;
}

/* By the client's port: 4001 is closed again, 4002 refused, 4003 reset, 4004 cut off; 4000 is as ever. */
static void accepts(void)
{
    int listener = make(SOCK_STREAM, 5000), to[5], from[5];
    char c;
    for (int i = 0; i < 5; i++)
        from[i] = join_from(5000, 4000 + i);
    to[0] = accept(listener, 0, 0);
    CHECK(to[0] >= 0);
    int free[2] = {dup(listener), dup(listener)};
    close(free[0]);
    close(free[1]);
    CHECK_ERRNO(accept(listener, 0, 0), EMFILE);
    CHECK_ERRNO(accept4(listener, 0, 0, SOCK_CLOEXEC), ECONNREFUSED);
    to[3] = accept(listener, 0, 0);
    to[4] = accept(listener, 0, 0);
    CHECK(to[3] == free[0] && to[4] == free[1]); /* the others' are free again */
    CHECK_EQ(send(from[0], "x", 1, 0), 1);
    CHECK_EQ(recv(to[0], &c, 1, 0), 1);
    CHECK_EQ(recv(from[1], &c, 1, 0), 0);
    CHECK_EQ(recv(from[2], &c, 1, 0), 0);
    CHECK_ERRNO(recv(from[3], &c, 1, 0), ECONNRESET);
    CHECK_EQ(send(from[4], "x", 1, 0), 1);
    struct pollfd p = {to[4], POLLIN, 0};
    CHECK_EQ(poll(&p, 1, 1000), 0);
    CHECK_EQ(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(accept(listener, 0, 0), EAGAIN);
}

/* By the name of the run's host, which is 127.0.1.1. */
static void by_name(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = address(5000), b = {.sin_family = AF_INET, .sin_port = htons(5000)};
    b.sin_addr.s_addr = htonl(0x7f000101);
    CHECK_EQ(bind(listener, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(5000)}, sizeof a), 0);
    CHECK_EQ(listen(listener, 5), 0);
    CHECK_EQ(connect(make(SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof a), 0);
    CHECK_ERRNO(connect(make(SOCK_STREAM, 0), (struct sockaddr *)&b, sizeof b), ENETUNREACH);
}

static int ready(int fd, int events, int wait_ms)
{
    struct pollfd p = {fd, events, 0};
    return poll(&p, 1, wait_ms) == 1 ? p.revents : 0;
}

/* After the second write nothing comes through any more, and a close is not heard of. */
static void unix_half_open(void)
{
    for (int type = SOCK_STREAM; type; type = type == SOCK_STREAM ? SOCK_SEQPACKET : 0) {
        int ends[2];
        char c, many[8192] = "";
        CHECK_EQ(socketpair(AF_UNIX, type, 0, ends), 0);
        CHECK_EQ(write(ends[0], "a", 1), 1);
        CHECK_EQ(write(ends[0], "b", 1), 1);
        CHECK_EQ(ready(ends[1], POLLIN, 0), POLLIN);
        CHECK_EQ(read(ends[1], &c, 1), 1); /* what came before */
        CHECK_EQ(c, 'a');
        CHECK_EQ(ready(ends[1], POLLIN, 10000), 0);
        CHECK_EQ(write(ends[1], "c", 1), 1);
        CHECK_EQ(ready(ends[0], POLLIN, 10000), 0);
        CHECK_ERRNO(recv(ends[0], &c, 1, MSG_DONTWAIT), EAGAIN);
        while (send(ends[0], many, sizeof many, MSG_DONTWAIT) > 0)
            ;
        CHECK_EQ(errno, EAGAIN); /* the buffer is full of what nobody reads */
        CHECK_EQ(ready(ends[0], POLLOUT, 1000), 0);
        close(ends[0]);
        int e = epoll_create1(0);
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP};
        CHECK_EQ(epoll_ctl(e, EPOLL_CTL_ADD, ends[1], &event), 0);
        CHECK_EQ(epoll_wait(e, &event, 1, 5000), 0);
        CHECK_ERRNO(recv(ends[1], &c, 1, MSG_DONTWAIT), EAGAIN);
        CHECK_EQ(shutdown(ends[1], SHUT_WR), 0);
        CHECK_ERRNO(send(ends[1], "x", 1, MSG_NOSIGNAL), EPIPE);
        close(ends[1]);
        close(e);
    }
}

/* The read waits for 20 s, and then the connection is no more; the other end hears nothing. The second
 * one does not wait: poll tells. */
static void unix_timed_out(void)
{
    int ends[2], error;
    char c;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    double start = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(read(ends[0], &c, 1), ETIMEDOUT);
    CHECK(now_s(CLOCK_MONOTONIC) - start > 19.9);
    CHECK_ERRNO(send(ends[0], "c", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(read(ends[0], &c, 1), 0);
    CHECK_EQ(ready(ends[1], POLLIN, 1000), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    CHECK_EQ(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(read(ends[0], &c, 1), EAGAIN);
    CHECK_EQ(ready(ends[0], POLLIN, 10000), 0);
    CHECK_EQ(ready(ends[0], POLLIN | POLLOUT, 0), POLLOUT);
    CHECK_EQ(ready(ends[0], POLLIN, 15000), POLLIN | POLLERR | POLLHUP);
    error = error_of(ends[0]);
    CHECK_EQ(error, ETIMEDOUT);
    CHECK_EQ(error_of(ends[0]), 0);
}

/* A listener that never has room; and one whose connections are cut from the start. */
static void unix_connects(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "one"}, b = {.sun_family = AF_UNIX, .sun_path = "two"};
    int listeners[2] = {socket(AF_UNIX, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_STREAM, 0)};
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    char c;
    CHECK_EQ(bind(listeners[0], (struct sockaddr *)&a, sizeof a) | listen(listeners[0], 5), 0);
    CHECK_EQ(bind(listeners[1], (struct sockaddr *)&b, sizeof b) | listen(listeners[1], 5), 0);
    double start = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(connect(client, (struct sockaddr *)&a, sizeof a), ETIMEDOUT);
    CHECK(now_s(CLOCK_MONOTONIC) - start > 29.9);
    CHECK_EQ(ready(listeners[0], POLLIN, 0), 0);
    CHECK_EQ(connect(client, (struct sockaddr *)&b, sizeof b), 0);
    int server = accept(listeners[1], 0, 0);
    CHECK(server >= 0);
    CHECK_EQ(write(client, "x", 1), 1);
    CHECK_EQ(ready(server, POLLIN, 1000), 0);
    CHECK_ERRNO(recv(server, &c, 1, MSG_DONTWAIT), EAGAIN);
    struct sockaddr_un n = {.sun_family = AF_UNIX, .sun_path = "\0three"};
    CHECK_ERRNO(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (struct sockaddr *)&n, 8), EADDRINUSE);
    CHECK_ERRNO(sendto(socket(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&n, 8), EPERM);
}

/* Messages are cut like anything else. */
static void messages(void)
{
    int ends[2], listener = make(SOCK_STREAM, 5000);
    char text[20] = "";
    struct iovec out[2] = {{"abc", 3}, {"defg", 4}}, in[2] = {{text, 2}, {text + 2, 18}};
    struct msghdr m = {.msg_iov = out, .msg_iovlen = 2};
    pair(ends, listener, 5000);
    CHECK_EQ(sendmsg(ends[0], &m, 0), 5);
    CHECK_EQ(m.msg_iovlen, 2);
    m = (struct msghdr){.msg_iov = in, .msg_iovlen = 2};
    CHECK_EQ(recvmsg(ends[1], &m, 0), 4);
    CHECK_EQ(memcmp(text, "abcd", 5), 0);
    CHECK_EQ(recvmsg(ends[1], &m, 0), 1);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    m = (struct msghdr){.msg_iov = out, .msg_iovlen = 2};
    CHECK_EQ(sendmsg(ends[0], &m, 0), 5);
    m = (struct msghdr){.msg_iov = in, .msg_iovlen = 2};
    CHECK_EQ(recvmsg(ends[1], &m, 0), 4);
    CHECK_EQ(memcmp(text, "abcd", 4), 0);
    CHECK_ERRNO(write(ends[1], "x", 1), ECONNRESET);
    CHECK_EQ(read(ends[0], text, 1), 0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {{"connects", connects}, {"reset", reset}, {"half_open", half_open},
                 {"timed_out", timed_out}, {"datagrams", datagrams}, {"messages", messages},
                 {"unix_half_open", unix_half_open}, {"unix_timed_out", unix_timed_out},
                 {"unix_connects", unix_connects}, {"accepts", accepts}, {"by_name", by_name}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc > 1 && !strcmp(argv[1], cases[i].name))
            cases[i].run();
    return finish();
}
