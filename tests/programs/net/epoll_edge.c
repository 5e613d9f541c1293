/* Edge-triggered epoll: one event for each news, whatever is left unread. */
#include "epolls.h"

static void reads(int a, int b)
{
    int ep = epoll_create1(0);
    char text[16];
    watch(ep, b, EPOLLIN | EPOLLET, 0);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(write(a, "abc", 3), 3);
    CHECK_EQ(wait_event(ep), EPOLLIN);
    CHECK(nothing_for(ep, 5)); /* told once */
    CHECK_EQ(read(b, text, 1), 1);
    CHECK(nothing_for(ep, 5)); /* reading is no news */
    CHECK_EQ(write(a, "d", 1), 1);
    CHECK_EQ(wait_event(ep), EPOLLIN); /* new data is, though there was some left */
    CHECK_EQ(event_now(ep), 0);
    rewatch(ep, b, EPOLLIN | EPOLLET, 0); /* MOD looks again */
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(event_now(ep), 0);
    unwatch(ep, b);
    watch(ep, b, EPOLLIN | EPOLLET, 0); /* and so does ADD */
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(read(b, text, sizeof text), 3);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(write(a, "e", 1), 1); /* written and read before anybody asked */
    CHECK_EQ(read(b, text, 1), 1);
    CHECK(nothing_for(ep, 5));
    close(ep);
}

/* Two writes between two looks are one event. */
static void joined(int a, int b)
{
    int ep = epoll_create1(0);
    char text[16];
    watch(ep, b, EPOLLIN | EPOLLET, 0);
    CHECK_EQ(write(a, "a", 1), 1);
    CHECK_EQ(write(a, "b", 1), 1);
    sleep_ms(10);
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(recv(b, text, 2, MSG_WAITALL), 2);
    close(ep);
}

/* EPOLLOUT once at first, then after it was full. */
static void writes(int a, int b)
{
    static char much[65536];
    int ep = epoll_create1(0);
    watch(ep, a, EPOLLOUT | EPOLLET, 0);
    CHECK_EQ(event_now(ep), EPOLLOUT);
    CHECK_EQ(event_now(ep), 0);
    set_nonblocking(a, 1);
    set_nonblocking(b, 1);
    size_t sent = 0, got = 0;
    ssize_t n;
    while ((n = write(a, much, sizeof much)) > 0)
        sent += (size_t)n;
    CHECK_EQ(event_now(ep), 0);
    double before = now_s(CLOCK_MONOTONIC);
    while (got < sent && ms_since(before) < PATIENCE_MS)
        if ((n = read(b, much, sizeof much)) > 0)
            got += (size_t)n;
    CHECK_EQ(got, sent);
    CHECK_EQ(wait_event(ep) & EPOLLOUT, EPOLLOUT);
    close(ep);
}

/* Both directions are told together; an event of one kind shows the other's state, too. */
static void both_kinds(int a, int b)
{
    int ep = epoll_create1(0);
    char byte;
    watch(ep, b, EPOLLIN | EPOLLOUT | EPOLLET, 0);
    CHECK_EQ(event_now(ep), EPOLLOUT);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(write(a, "x", 1), 1);
    CHECK_EQ(wait_event(ep), EPOLLIN | EPOLLOUT);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(read(b, &byte, 1), 1);
    close(a);
    CHECK_EQ(wait_event(ep) & (EPOLLIN | EPOLLOUT), EPOLLIN | EPOLLOUT);
    close(ep);
}

/* A listener: a new connection is news though an old one still waits. */
static void listeners(void)
{
    int listener = make_listener(), ep = epoll_create1(0);
    watch(ep, listener, EPOLLIN | EPOLLET, 0);
    int a = dial(listener);
    CHECK_EQ(wait_event(ep), EPOLLIN);
    CHECK(nothing_for(ep, 5));
    int b = dial(listener);
    CHECK_EQ(wait_event(ep), EPOLLIN);
    close(accept(listener, 0, 0));
    CHECK(nothing_for(ep, 5));
    close(a), close(b), close(listener), close(ep);
}

int main(void)
{
    int fds[2];
    tcp_pair(fds);
    reads(fds[0], fds[1]);
    joined(fds[0], fds[1]);
    both_kinds(fds[0], fds[1]);
    tcp_pair(fds);
    writes(fds[0], fds[1]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    reads(fds[0], fds[1]);
    joined(fds[0], fds[1]);
    both_kinds(fds[0], fds[1]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    writes(fds[0], fds[1]);
    CHECK_EQ(pipe(fds), 0);
    reads(fds[1], fds[0]);
    CHECK_EQ(pipe(fds), 0);
    writes(fds[1], fds[0]);
    listeners();
    return finish();
}
