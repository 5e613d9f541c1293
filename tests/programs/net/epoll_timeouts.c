/* Times of epoll_wait, poll and select: 0, some, for ever; what comes before the end. */
#include "epolls.h"
#include <sys/select.h>

static double before;

static void begin(void) { before = now_s(CLOCK_MONOTONIC); }

static void took(long ms)
{
    double s = now_s(CLOCK_MONOTONIC) - before;
    CHECK(s * 1000 >= (double)ms);
    CHECK(s * 1000 < (double)ms + 10000);
}

int main(void)
{
    int ep = epoll_create1(0), ends[2], status;
    struct epoll_event e;
    CHECK_EQ(pipe(ends), 0);
    watch(ep, ends[0], EPOLLIN, 0);
    begin();
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    CHECK_EQ(poll(0, 0, 0), 0);
    took(0);
    const int times[] = {1, 15, 60};
    for (int i = 0; i < 3; i++) {
        begin();
        CHECK_EQ(epoll_wait(ep, &e, 1, times[i]), 0);
        took(times[i]);
        begin();
        CHECK_EQ(poll(0, 0, times[i]), 0); /* poll as a sleep */
        took(times[i]);
        struct pollfd p = {ends[0], POLLIN, 77};
        begin();
        CHECK_EQ(poll(&p, 1, times[i]), 0);
        took(times[i]);
        CHECK_EQ(p.revents, 0);
        struct timeval t = {0, times[i] * 1000};
        begin();
        CHECK_EQ(select(0, 0, 0, 0, &t), 0);
        took(times[i]);
        CHECK(t.tv_sec == 0 && t.tv_usec == 0); /* Linux writes what is left */
        struct timespec ts = {0, times[i] * 1000000L};
        begin();
        CHECK_EQ(ppoll(&p, 1, &ts, 0), 0);
        took(times[i]);
        CHECK_EQ(ts.tv_nsec, times[i] * 1000000L); /* the library's copy was written */
    }
    pid_t child = fork();
    if (!child) {
        for (int i = 0; i < 2; i++) {
            sleep_ms(30);
            CHECK_EQ(write(ends[1], "x", 1), 1);
        }
        _exit(check_failures != 0);
    }
    char byte;
    begin();
    CHECK_EQ(epoll_wait(ep, &e, 1, 60000), 1); /* long before its end */
    took(25);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    struct timeval t = {60, 0};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    CHECK_EQ(select(ends[0] + 1, &set, 0, 0, &t), 1);
    CHECK(t.tv_sec < 60 && t.tv_sec >= 30);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    t = (struct timeval){-1, 0};
    CHECK_ERRNO(select(0, 0, 0, 0, &t), EINVAL);
    t = (struct timeval){0, 2000000}; /* two seconds: taken as such */
    begin();
    CHECK_EQ(select(ends[0] + 1, &set, 0, 0, &t), 1);
    struct timespec bad = {0, 1000000000};
    CHECK_ERRNO(ppoll(0, 0, &bad, 0), EINVAL);
    CHECK_EQ(epoll_wait(ep, &e, 1, -77), 1); /* any negative time is for ever */
    return finish();
}
