/* A full receiver: AF_UNIX datagrams block their sender where UDP would drop them. */
#include "net.h"
#include <sys/epoll.h>

static int a, b; /* a is connected to b */

static int fill(void)
{
    int count = 0;
    while (send(a, "f", 1, MSG_DONTWAIT) == 1)
        count++;
    CHECK_EQ(errno, EAGAIN);
    return count;
}

static int drain(void)
{
    char byte;
    int count = 0;
    while (recv(b, &byte, 1, MSG_DONTWAIT) == 1)
        count++;
    return count;
}

static void nonblocking(void)
{
    int count = fill();
    CHECK(count >= 2);
    CHECK_EQ(poll_now(a), 0); /* not writable: so says its peer's queue */
    CHECK_EQ(poll_now(b) & POLLIN, POLLIN);
    char byte;
    CHECK_EQ(read(b, &byte, 1), 1);
    CHECK_EQ(poll_now(a), POLLOUT);
    CHECK_EQ(send(a, "f", 1, MSG_DONTWAIT), 1);
    CHECK_ERRNO(send(a, "f", 1, MSG_DONTWAIT), EAGAIN);
    int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0); /* whoever sends there */
    CHECK_ERRNO(unix_send_to(other, "o", 1, "full.socket"), EAGAIN);
    CHECK_EQ(poll_now(other), POLLOUT); /* it is connected to nobody: poll cannot know */
    CHECK_EQ(drain(), count);
    CHECK_EQ(unix_send_to(other, "o", 1, "full.socket"), 1);
    CHECK_EQ(drain(), 1);
    close(other);
}

/* The blocked sender goes on when one is read; its wait has a limit; the receiver's end wakes it. */
static void blocking(void)
{
    int status, count = fill();
    pid_t child = fork();
    if (!child) {
        CHECK_EQ(send(a, "late", 4, 0), 4);
        _exit(check_failures != 0);
    }
    sleep_ms(30);
    CHECK_EQ(waitpid(child, &status, WNOHANG), 0);
    char text[8];
    for (int i = 0; i < count; i++)
        CHECK_EQ(recv(b, text, sizeof text, 0), 1);
    CHECK_EQ(recv(b, text, sizeof text, 0), 4);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    fill();
    set_timeout(a, SO_SNDTIMEO, 40);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(send(a, "x", 1, 0), EAGAIN);
    CHECK(ms_since(before) >= 35);
    set_timeout(a, SO_SNDTIMEO, 0);
    child = fork();
    if (!child) {
        close(b);
        CHECK_ERRNO(send(a, "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
        _exit(check_failures != 0);
    }
    sleep_ms(30);
    close(b);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* poll and epoll for POLLOUT wake by the peer's read. */
static void polled(void)
{
    int ep = epoll_create1(0), status;
    struct epoll_event event = {EPOLLOUT | EPOLLET, {.u32 = 5}};
    fill();
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, a, &event), 0);
    CHECK_EQ(epoll_wait(ep, &event, 1, 0), 0);
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(drain() == 0);
    }
    CHECK_EQ(epoll_wait(ep, &event, 1, PATIENCE_MS), 1);
    CHECK_EQ(event.events, EPOLLOUT);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(poll_now(a), POLLOUT);
    drain();
    close(ep);
}

int main(void)
{
    a = socket(AF_UNIX, SOCK_DGRAM, 0), b = unix_bound(SOCK_DGRAM, "full.socket");
    CHECK_EQ(unix_connect(a, "full.socket"), 0);
    nonblocking();
    polled();
    blocking();
    unlink("full.socket");
    return finish();
}
