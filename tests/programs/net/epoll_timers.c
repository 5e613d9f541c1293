/* timerfd in epoll and poll: level and edge, periods, setting anew, reading. */
#include "epolls.h"
#include <sys/timerfd.h>

static void set(int fd, long first_ms, long period_ms)
{
    struct itimerspec t = {{period_ms / 1000, period_ms % 1000 * 1000000},
                           {first_ms / 1000, first_ms % 1000 * 1000000}};
    CHECK_EQ(timerfd_settime(fd, 0, &t, 0), 0);
}

static uint64_t take(int fd)
{
    uint64_t ticks = 0;
    CHECK_EQ(read(fd, &ticks, 8), 8);
    return ticks;
}

static void level(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), ep = epoll_create1(0);
    uint64_t ticks;
    watch(ep, fd, EPOLLIN, 1);
    CHECK_EQ(poll_now(fd), 0);
    CHECK_ERRNO(read(fd, &ticks, 8), EAGAIN);
    set(fd, 20, 0);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(wait_event(ep), EPOLLIN);
    CHECK(ms_since(before) >= 19);
    CHECK_EQ(event_now(ep), EPOLLIN); /* until it is read */
    CHECK_EQ(poll_now(fd), POLLIN);
    CHECK_EQ(take(fd), 1);
    CHECK_EQ(event_now(ep), 0);
    CHECK_ERRNO(read(fd, &ticks, 8), EAGAIN);
    set(fd, 5, 0); /* set anew before it is read: what was due is forgotten */
    sleep_ms(15);
    set(fd, 10000, 0);
    CHECK_EQ(event_now(ep), 0);
    set(fd, 0, 0); /* off */
    CHECK(nothing_for(ep, 10));
    close(fd), close(ep);
}

static void periods(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, 0), ep = epoll_create1(0);
    watch(ep, fd, EPOLLIN | EPOLLET, 1);
    set(fd, 10, 10);
    CHECK_EQ(wait_event(ep), EPOLLIN);
    CHECK(nothing_for(ep, 30)); /* it goes off again only when it has been read */
    CHECK(take(fd) >= 3); /* but counts */
    CHECK_EQ(wait_event(ep), EPOLLIN);
    CHECK(take(fd) >= 1);
    sleep_ms(55);
    CHECK(take(fd) >= 5);
    uint64_t ticks = take(fd); /* blocks for the next */
    CHECK(ticks >= 1);
    set(fd, 0, 0);
    close(fd), close(ep);
}

/* The time of the set is not the only one in the wait. */
static void earliest_of(void)
{
    int a = timerfd_create(CLOCK_MONOTONIC, 0), b = timerfd_create(CLOCK_REALTIME, 0);
    int ep = epoll_create1(0);
    unsigned long data;
    watch(ep, a, EPOLLIN, 1);
    watch(ep, b, EPOLLIN, 2);
    set(a, 900, 0);
    set(b, 200, 0);
    CHECK_EQ(epoll_wait(ep, &(struct epoll_event){0}, 1, 5), 0);
    CHECK_EQ(next_event(ep, &data, PATIENCE_MS), EPOLLIN);
    CHECK_EQ(data, 2);
    CHECK_EQ(take(b), 1);
    CHECK_EQ(next_event(ep, &data, PATIENCE_MS), EPOLLIN);
    CHECK_EQ(data, 1);
    struct pollfd p[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    CHECK_EQ(poll(p, 2, -1), 1);
    CHECK_EQ(p[0].revents, POLLIN);
    close(a), close(b), close(ep);
}

/* A blocking read; absolute times; one set for the past is due at once. */
static void reads(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct timespec now;
    set(fd, 20, 0);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(take(fd), 1);
    CHECK(ms_since(before) >= 19);
    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    struct itimerspec t = {{0, 0}, {now.tv_sec, now.tv_nsec}};
    CHECK_EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &t, 0), 0);
    CHECK_EQ(take(fd), 1);
    set(fd, 60000, 0);
    CHECK_EQ(timerfd_gettime(fd, &t), 0);
    CHECK(t.it_value.tv_sec == 59 || (t.it_value.tv_sec == 60 && t.it_value.tv_nsec == 0));
    CHECK_ERRNO(timerfd_create(77, 0), EINVAL);
    CHECK_ERRNO(timerfd_create(CLOCK_MONOTONIC, 0x40000000), EINVAL);
    CHECK_ERRNO(read(fd, &now, 4), EINVAL);
    CHECK_ERRNO(write(fd, &now, 8), EINVAL);
    close(fd);
}

/* The same timer in a parent and its child: who reads takes the ticks. */
static void shared(void)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), status;
    set(fd, 10, 0);
    sleep_ms(20);
    IN_CHILD(status, CHECK_EQ(take(fd), 1));
    CHECK_EQ(status, 0);
    uint64_t ticks;
    CHECK_ERRNO(read(fd, &ticks, 8), EAGAIN);
    close(fd);
}

int main(void)
{
    level();
    periods();
    earliest_of();
    reads();
    shared();
    return finish();
}
