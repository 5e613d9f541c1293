/* An epoll in an epoll, in poll and in select: readable when it has something to tell. */
#include "epolls.h"
#include <sys/select.h>

static int inner, outer, ends[2];

static void begin(unsigned inner_flags, unsigned outer_flags)
{
    inner = epoll_create1(0), outer = epoll_create1(0);
    CHECK_EQ(pipe(ends), 0);
    watch(inner, ends[0], EPOLLIN | inner_flags, 1);
    watch(outer, inner, EPOLLIN | outer_flags, 2);
}

static void end(void) { close(inner), close(outer), close(ends[0]), close(ends[1]); }

static void level(void)
{
    unsigned long data;
    char byte;
    begin(0, 0);
    CHECK_EQ(event_now(outer), 0);
    CHECK_EQ(poll_now(inner), 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(next_event(outer, &data, 0), EPOLLIN);
    CHECK_EQ(data, 2);
    CHECK_EQ(poll_now(inner), POLLIN);
    CHECK_EQ(poll_now(outer), POLLIN);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(outer, &set);
    CHECK_EQ(select(outer + 1, &set, 0, 0, &(struct timeval){0, 0}), 1);
    CHECK_EQ(event_now(outer), EPOLLIN);
    CHECK_EQ(event_now(inner), EPOLLIN);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(event_now(outer), 0);
    CHECK_EQ(poll_now(outer), 0);
    end();
}

/* The inner one's edge is used up by who asks it. */
static void edge_inside(void)
{
    begin(EPOLLET, 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(event_now(outer), EPOLLIN);
    CHECK_EQ(event_now(outer), EPOLLIN); /* to look at the inner one takes nothing */
    CHECK_EQ(event_now(inner), EPOLLIN);
    CHECK_EQ(event_now(outer), 0);
    end();
}

static void edge_outside(void)
{
    begin(0, EPOLLET);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(event_now(outer), EPOLLIN);
    CHECK_EQ(event_now(outer), 0);
    CHECK_EQ(event_now(inner), EPOLLIN);
    CHECK_EQ(write(ends[1], "y", 1), 1);
    CHECK_EQ(event_now(outer), EPOLLIN);
    end();
}

/* A sleeper in the outer one is woken through both. */
static void wakes(void)
{
    int status, told[2];
    begin(0, 0);
    CHECK_EQ(pipe(told), 0);
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(write(ends[1], "x", 1) != 1);
    }
    CHECK_EQ(wait_event(outer), EPOLLIN);
    CHECK_EQ(waitpid(child, &status, 0), child);
    child = fork(); /* and one that is added to the inner meanwhile */
    if (!child) {
        char byte;
        int other[2];
        close(told[1]);
        CHECK_EQ(read(ends[0], &byte, 1), 1);
        CHECK_EQ(pipe(other), 0);
        CHECK_EQ(write(other[1], "o", 1), 1);
        sleep_ms(20);
        watch(inner, other[0], EPOLLIN, 7);
        CHECK_EQ(read(told[0], &byte, 1), 0); /* until the parent has been told */
        _exit(check_failures != 0);
    }
    sleep_ms(10);
    CHECK_EQ(wait_event(outer), EPOLLIN);
    close(told[0]), close(told[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    end();
}

static void refused(void)
{
    int chain[7];
    for (int i = 0; i < 7; i++)
        chain[i] = epoll_create1(0);
    CHECK_ERRNO(ctl(chain[0], EPOLL_CTL_ADD, chain[0], EPOLLIN, 0), EINVAL); /* itself */
    watch(chain[0], chain[1], EPOLLIN, 0);
    CHECK_ERRNO(ctl(chain[1], EPOLL_CTL_ADD, chain[0], EPOLLIN, 0), ELOOP); /* a circle */
    watch(chain[1], chain[2], EPOLLIN, 0);
    CHECK_ERRNO(ctl(chain[2], EPOLL_CTL_ADD, chain[0], EPOLLIN, 0), ELOOP);
    watch(chain[2], chain[3], EPOLLIN, 0);
    watch(chain[3], chain[4], EPOLLIN, 0);
    CHECK_ERRNO(ctl(chain[4], EPOLL_CTL_ADD, chain[5], EPOLLIN, 0), ELOOP); /* too deep */
    for (int i = 0; i < 7; i++)
        close(chain[i]);
}

int main(void)
{
    level();
    edge_inside();
    edge_outside();
    wakes();
    refused();
    return finish();
}
