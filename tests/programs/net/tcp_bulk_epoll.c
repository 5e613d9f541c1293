/* Ten MB each way over one connection, both ends non-blocking in edge-triggered epolls, writes as far
 * as they go. */
#include "net.h"
#include <sys/epoll.h>

enum { TOTAL = 10 << 20, CHUNK = 50000 };

struct end {
    int fd, number;
    size_t sent, got;
    int partial; /* writes that did not take everything */
};

static void write_on(struct end *e)
{
    static unsigned char data[CHUNK];
    while (e->sent < TOTAL) {
        size_t size = TOTAL - e->sent < CHUNK ? TOTAL - e->sent : CHUNK;
        bulk_fill(data, (unsigned)e->number, e->sent, size);
        ssize_t n = write(e->fd, data, size);
        if (n < 0) {
            CHECK_EQ(errno, EAGAIN);
            e->partial++;
            return;
        }
        CHECK(n > 0);
        e->partial += n < (ssize_t)size;
        e->sent += (size_t)n;
        if (e->sent == TOTAL)
            CHECK_EQ(shutdown(e->fd, SHUT_WR), 0);
    }
}

/* 1 at the end of the other's data. */
static int read_on(struct end *e)
{
    static unsigned char data[CHUNK];
    for (;;) {
        ssize_t n = read(e->fd, data, sizeof data);
        if (n < 0) {
            CHECK_EQ(errno, EAGAIN);
            return 0;
        }
        if (n == 0)
            return 1;
        CHECK(bulk_same(data, (unsigned)!e->number, e->got, (size_t)n));
        e->got += (size_t)n;
    }
}

static int run_end(struct end e)
{
    int fd = e.fd;
    int ep = epoll_create1(0), ended = 0;
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.fd = fd}};
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event), 0);
    while ((!ended || e.sent < TOTAL) && !check_failures) {
        CHECK_EQ(epoll_wait(ep, &event, 1, PATIENCE_MS), 1);
        CHECK(!(event.events & EPOLLERR));
        if (event.events & EPOLLIN && !ended)
            ended = read_on(&e);
        if (event.events & EPOLLOUT)
            write_on(&e);
    }
    CHECK_EQ(e.sent, TOTAL);
    CHECK_EQ(e.got, TOTAL);
    close(ep), close(fd);
    return check_failures != 0;
}

int main(void)
{
    int fds[2], status;
    tcp_pair(fds);
    struct end ends[2] = {{.fd = fds[0], .number = 0}, {.fd = fds[1], .number = 1}};
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(set_option(fds[i], SOL_SOCKET, SO_SNDBUF, 100000), 0);
        CHECK_EQ(set_option(fds[i], SOL_SOCKET, SO_RCVBUF, 100000), 0);
        set_nonblocking(fds[i], 1);
        write_on(&ends[i]); /* nobody reads yet: it must stop */
        CHECK(ends[i].partial > 0);
        CHECK(ends[i].sent > 0 && ends[i].sent < TOTAL);
    }
    pid_t child = fork();
    if (!child) {
        close(fds[0]);
        _exit(run_end(ends[1]));
    }
    close(fds[1]);
    run_end(ends[0]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return finish();
}
