/* EPOLLHUP and EPOLLERR come unasked, EPOLLRDHUP only when asked; of pipes, TCP, AF_UNIX. */
#include "epolls.h"

static int ep;

/* What an epoll says of fd, first asked for nothing, then for all. */
static unsigned unasked(int fd)
{
    watch(ep, fd, 0, 0);
    unsigned got = event_now(ep);
    unwatch(ep, fd);
    return got;
}

static unsigned asked(int fd)
{
    watch(ep, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI, 0);
    unsigned got = event_now(ep);
    unwatch(ep, fd);
    return got;
}

static void pipes(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(unasked(ends[0]), 0);
    CHECK_EQ(asked(ends[1]), EPOLLOUT);
    close(ends[0]); /* no reader */
    CHECK_EQ(unasked(ends[1]), EPOLLERR);
    CHECK_EQ(asked(ends[1]), EPOLLERR | EPOLLOUT);
    close(ends[1]);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    close(ends[1]); /* no writer */
    CHECK_EQ(unasked(ends[0]), EPOLLHUP);
    CHECK_EQ(asked(ends[0]), EPOLLHUP | EPOLLIN);
    char byte;
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(asked(ends[0]), EPOLLHUP); /* at the end there is nothing to read */
    close(ends[0]);
}

static void tcp(void)
{
    int fds[2];
    tcp_pair(fds);
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ(wait_for(fds[0], POLLIN), POLLIN);
    CHECK_EQ(unasked(fds[0]), 0);
    CHECK_EQ(asked(fds[0]), EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    CHECK_EQ(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), 0);
    close(fds[1]); /* reset */
    wait_for(fds[0], 0);
    CHECK_EQ(unasked(fds[0]), EPOLLERR | EPOLLHUP);
    CHECK_EQ(asked(fds[0]), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLERR | EPOLLHUP);
    close(fds[0]);
    int fresh = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(unasked(fresh), EPOLLHUP);
    CHECK_EQ(asked(fresh), EPOLLHUP | EPOLLOUT);
    close(fresh);
}

static void unix_stream(void)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ(unasked(fds[0]), 0);
    CHECK_EQ(asked(fds[0]), EPOLLIN | EPOLLOUT | EPOLLRDHUP);
    close(fds[1]);
    CHECK_EQ(unasked(fds[0]), EPOLLHUP);
    CHECK_EQ(asked(fds[0]), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP);
    close(fds[0]);
}

/* Edge-triggered, told when it happens: once for the end, once more for the hangup. */
static void edges(void)
{
    int fds[2], ends[2];
    tcp_pair(fds);
    watch(ep, fds[0], EPOLLIN | EPOLLRDHUP | EPOLLET, 0);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ(wait_event(ep), EPOLLIN | EPOLLRDHUP);
    CHECK(nothing_for(ep, 5));
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    unsigned got = 0;
    while (!(got & EPOLLHUP) && (got = wait_event(ep)) != 0)
        ;
    CHECK_EQ(got, EPOLLIN | EPOLLRDHUP | EPOLLHUP);
    close(fds[0]), close(fds[1]);
    CHECK_EQ(pipe(ends), 0);
    watch(ep, ends[0], EPOLLIN | EPOLLET, 0);
    close(ends[1]);
    CHECK_EQ(wait_event(ep), EPOLLHUP);
    CHECK(nothing_for(ep, 5));
    close(ends[0]);
}

int main(void)
{
    ep = epoll_create1(0);
    pipes();
    tcp();
    unix_stream();
    edges();
    return finish();
}
