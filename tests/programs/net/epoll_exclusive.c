/* EPOLLEXCLUSIVE: several epolls on one listener; each connection wakes one at least, and is accepted
 * once. Which combinations are refused. */
#include "../threads/threads.h"
#include "epolls.h"

enum { WORKERS = 4, CLIENTS = 40 };

static int listener;
static atomic_int accepted;

static void *work(void *arg)
{
    int stop = *(int *)arg, ep = epoll_create1(0);
    watch(ep, listener, EPOLLIN | EPOLLEXCLUSIVE, 1);
    watch(ep, stop, EPOLLIN, 2);
    for (;;) {
        struct epoll_event e;
        CHECK_EQ(epoll_wait(ep, &e, 1, -1), 1);
        if (e.data.u64 == 2)
            break;
        int fd = accept4(listener, 0, 0, 0);
        if (fd < 0) {
            CHECK_EQ(errno, EAGAIN); /* another one was faster */
            continue;
        }
        accepted++;
        CHECK_EQ(write(fd, "k", 1), 1);
        close(fd);
    }
    close(ep);
    return 0;
}

static void spread(void)
{
    pthread_t threads[WORKERS];
    int stop[2];
    char byte;
    listener = make_listener();
    set_nonblocking(listener, 1);
    CHECK_EQ(pipe(stop), 0);
    for (int i = 0; i < WORKERS; i++)
        threads[i] = start(work, &stop[0]);
    for (int i = 0; i < CLIENTS; i++) {
        int fd = dial(listener);
        CHECK_EQ(read(fd, &byte, 1), 1);
        CHECK_EQ(byte, 'k');
        check_end(fd);
        close(fd);
    }
    CHECK_EQ(accepted, CLIENTS);
    CHECK_EQ(write(stop[1], "q", 1), 1);
    for (int i = 0; i < WORKERS; i++)
        join(threads[i]);
    close(listener), close(stop[0]), close(stop[1]);
}

static void rules(void)
{
    int ep = epoll_create1(0), other = epoll_create1(0), ends[2];
    CHECK_EQ(pipe(ends), 0);
    watch(ep, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLET, 0);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_MOD, ends[0], EPOLLIN, 0), EINVAL); /* no MOD of such a one */
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
    unwatch(ep, ends[0]);
    watch(ep, ends[0], EPOLLIN, 0);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
    unwatch(ep, ends[0]);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0), EINVAL);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLRDHUP, 0), EINVAL);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, other, EPOLLIN | EPOLLEXCLUSIVE, 0), EINVAL);
    watch(ep, ends[0], EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLEXCLUSIVE, 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(event_now(ep), EPOLLIN); /* level, as ever */
    close(ends[0]), close(ends[1]), close(ep), close(other);
}

int main(void)
{
    spread();
    rules();
    return finish();
}
