/* Descriptors closed under threads that sleep on them: pipes, eventfds, AF_UNIX, epolls, poll. The file
 * lives until the call returns. */
#include "../threads/threads.h"
#include "net.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int fd, ends[2];
static atomic_int inside, result, error;
static char big[200000];

static void *reader(void *arg)
{
    char data[8];
    (void)arg;
    inside = 1;
    result = (int)read(fd, data, sizeof data);
    error = errno;
    return 0;
}

static void *writer(void *arg)
{
    (void)arg;
    inside = 1;
    result = (int)write(fd, big, sizeof big);
    error = errno;
    return 0;
}

static void *poller(void *arg)
{
    struct pollfd p = {fd, POLLIN, 0};
    (void)arg;
    inside = 1;
    result = poll(&p, 1, 100);
    error = p.revents;
    return 0;
}

static void *epoller(void *arg)
{
    struct epoll_event e = {0};
    (void)arg;
    inside = 1;
    result = epoll_wait(fd, &e, 1, PATIENCE_MS);
    error = (int)e.data.u32;
    return 0;
}

static pthread_t begin(void *(*body)(void *))
{
    inside = error = 0;
    result = -77;
    pthread_t t = start(body, 0);
    WAIT_UNTIL(inside);
    sleep_ms(30); /* it sleeps in the call by then */
    return t;
}

static void closes(int how)
{
    int other[2];
    switch (how) {
    case 0:
        CHECK_EQ(close(fd), 0);
        break;
    case 1:
        CHECK_EQ(syscall(SYS_close_range, fd, fd, 0), 0);
        break;
    default:
        CHECK_EQ(pipe(other), 0);
        CHECK_EQ(dup2(other[0], fd), fd);
        close(fd), close(other[0]), close(other[1]);
        break;
    }
    CHECK_ERRNO(fcntl(fd, F_GETFD), EBADF);
    sleep_ms(10);
    CHECK_EQ(result, -77);
}

static void pipe_reader(int how)
{
    CHECK_EQ(pipe(ends), 0);
    fd = ends[0];
    pthread_t t = begin(reader);
    closes(how);
    CHECK_EQ(write(ends[1], "abc", 3), 3); /* somebody reads still */
    join(t);
    CHECK_EQ(result, 3);
    CHECK_ERRNO(write(ends[1], "x", 1), EPIPE);
    close(ends[1]);
}

static void pipe_writer(void)
{
    size_t got = 0;
    ssize_t n;
    CHECK_EQ(pipe(ends), 0);
    fd = ends[1];
    pthread_t t = begin(writer);
    closes(0);
    while ((n = read(ends[0], big, sizeof big)) > 0)
        got += (size_t)n;
    CHECK_EQ(got, sizeof big);
    join(t);
    CHECK_EQ(result, sizeof big);
    close(ends[0]);
}

static void counter(void)
{
    uint64_t one = 1;
    fd = eventfd(0, 0);
    int copy = dup(fd);
    pthread_t t = begin(reader);
    closes(0);
    CHECK_EQ(write(copy, &one, 8), 8);
    join(t);
    CHECK_EQ(result, 8);
    close(copy);
}

static void unix_pair(int type)
{
    CHECK_EQ(socketpair(AF_UNIX, type, 0, ends), 0);
    fd = ends[0];
    pthread_t t = begin(reader);
    closes(0);
    CHECK_EQ(write(ends[1], "pair", 4), 4);
    join(t);
    CHECK_EQ(result, 4);
    CHECK(write(ends[1], "x", 1) < 0);
    close(ends[1]);
}

static void epoll_itself(void)
{
    struct epoll_event e = {EPOLLIN, {.u32 = 5}};
    CHECK_EQ(pipe(ends), 0);
    fd = epoll_create1(0);
    CHECK_EQ(epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &e), 0);
    pthread_t t = begin(epoller);
    closes(0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    join(t);
    CHECK_EQ(result, 1);
    CHECK_EQ(error, 5);
    close(ends[0]), close(ends[1]);
}

/* poll holds what it waits for as well: the other end hears of the close when it returns. At the end of
 * its time it looks again, by the number. */
static void polled(void)
{
    tcp_pair(ends);
    fd = ends[0];
    pthread_t t = begin(poller);
    closes(0);
    CHECK_EQ(poll_ms(ends[1], POLLIN | POLLRDHUP, 20), 0);
    join(t);
    CHECK_EQ(result, 1);
    CHECK_EQ(error, POLLNVAL);
    wait_for(ends[1], POLLIN);
    check_end(ends[1]);
    close(ends[1]);
    CHECK_EQ(pipe(ends), 0);
    fd = ends[0];
    t = begin(poller);
    closes(0);
    CHECK_EQ(poll_ms(ends[1], POLLERR, 0), 0); /* it has a reader */
    join(t);
    CHECK_EQ(result, 1);
    CHECK_EQ(error, POLLNVAL);
    CHECK_EQ(poll_ms(ends[1], POLLERR, 0), POLLERR);
    close(ends[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    for (int how = 0; how < 3; how++)
        pipe_reader(how);
    pipe_writer();
    counter();
    unix_pair(SOCK_STREAM);
    unix_pair(SOCK_DGRAM);
    unix_pair(SOCK_SEQPACKET);
    epoll_itself();
    polled();
    return finish();
}
