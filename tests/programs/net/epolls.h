/* Short forms for the programs about epoll. */
#ifndef EPOLLS_H
#define EPOLLS_H
#include <sys/epoll.h>

#include "net.h"

UNUSED static int ctl(int ep, int op, int fd, unsigned events, unsigned long data)
{
    struct epoll_event e = {events, {.u64 = data}};
    return epoll_ctl(ep, op, fd, &e);
}

UNUSED static void watch(int ep, int fd, unsigned events, unsigned long data)
{
    CHECK_EQ(ctl(ep, EPOLL_CTL_ADD, fd, events, data), 0);
}

UNUSED static void rewatch(int ep, int fd, unsigned events, unsigned long data)
{
    CHECK_EQ(ctl(ep, EPOLL_CTL_MOD, fd, events, data), 0);
}

UNUSED static void unwatch(int ep, int fd) { CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, fd, 0), 0); }

/* The one event within `ms`: its bits, and its data in *data; 0: none. More than one is an error. */
UNUSED static unsigned next_event(int ep, unsigned long *data, int ms)
{
    struct epoll_event e[2] = {{0, {0}}, {0, {0}}};
    int n = epoll_wait(ep, e, 2, ms);
    CHECK(n == 0 || n == 1);
    if (data)
        *data = n > 0 ? e[0].data.u64 : 0;
    return n > 0 ? e[0].events : 0;
}

UNUSED static unsigned event_now(int ep) { return next_event(ep, 0, 0); }
UNUSED static unsigned wait_event(int ep) { return next_event(ep, 0, PATIENCE_MS); }
UNUSED static int nothing_for(int ep, int ms) { return next_event(ep, 0, ms) == 0; }

/* All that is ready now: the data of each, in order. */
UNUSED static int ready_now(int ep, unsigned long *data, int most)
{
    struct epoll_event e[64];
    int n = epoll_wait(ep, e, most, 0);
    for (int i = 0; i < n; i++)
        data[i] = e[i].data.u64;
    return n;
}
#endif
