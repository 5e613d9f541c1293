/* Level-triggered epoll: ready as long as it is; MOD, DEL, several descriptors, the data given back. */
#include "epolls.h"

static void stays_ready(void)
{
    int ends[2], ep = epoll_create1(EPOLL_CLOEXEC);
    unsigned long data;
    char text[4];
    CHECK_EQ(fcntl(ep, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(pipe(ends), 0);
    watch(ep, ends[0], EPOLLIN, 0x123456789abcdef0);
    CHECK(nothing_for(ep, 0));
    CHECK(nothing_for(ep, 10));
    CHECK_EQ(write(ends[1], "ab", 2), 2);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(next_event(ep, &data, -1), EPOLLIN);
        CHECK_EQ(data, 0x123456789abcdef0);
    }
    CHECK_EQ(read(ends[0], text, 1), 1);
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(read(ends[0], text, 1), 1);
    CHECK_EQ(event_now(ep), 0);
    close(ep), close(ends[0]), close(ends[1]);
}

static void changed(void)
{
    int fds[2], ep = epoll_create1(0);
    unsigned long data;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    watch(ep, fds[0], EPOLLIN, 1);
    CHECK_EQ(event_now(ep), 0);
    rewatch(ep, fds[0], EPOLLIN | EPOLLOUT, 2); /* what is ready already counts */
    CHECK_EQ(next_event(ep, &data, 0), EPOLLOUT);
    CHECK_EQ(data, 2);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK_EQ(event_now(ep), EPOLLIN | EPOLLOUT);
    rewatch(ep, fds[0], 0, 3); /* nothing but errors and hangups */
    CHECK_EQ(event_now(ep), 0);
    unwatch(ep, fds[0]);
    watch(ep, fds[0], EPOLLIN, 4);
    CHECK_EQ(event_now(ep), EPOLLIN);
    unwatch(ep, fds[0]);
    CHECK_EQ(event_now(ep), 0);
    watch(ep, fds[0], EPOLLIN, 5);
    close(fds[0]); /* the last one: it is gone from the set */
    CHECK_EQ(event_now(ep), 0);
    close(ep), close(fds[1]);
}

static void many(void)
{
    enum { COUNT = 30 };
    int pipes[COUNT][2], ep = epoll_create1(0);
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(pipe(pipes[i]), 0);
        watch(ep, pipes[i][0], EPOLLIN, (unsigned long)i);
        watch(ep, pipes[i][1], EPOLLOUT, (unsigned long)(100 + i));
    }
    for (int i = 0; i < COUNT; i++)
        rewatch(ep, pipes[i][1], 0, 0);
    for (int i = 0; i < COUNT; i += 3)
        CHECK_EQ(write(pipes[i][1], "x", 1), 1);
    unsigned long data[COUNT * 2], sum = 0, wanted = 0;
    int n = ready_now(ep, data, COUNT * 2);
    CHECK_EQ(n, COUNT / 3);
    for (int i = 0; i < n; i++)
        sum += data[i];
    for (int i = 0; i < COUNT; i += 3)
        wanted += (unsigned long)i;
    CHECK_EQ(sum, wanted);
    for (int i = 0; i < COUNT; i++)
        close(pipes[i][0]), close(pipes[i][1]);
    CHECK_EQ(event_now(ep), 0);
    close(ep);
}

/* A sleeper in epoll_wait wakes by what another process does. */
static void sleeps(void)
{
    int ends[2], ep = epoll_create1(0), status;
    CHECK_EQ(pipe(ends), 0);
    watch(ep, ends[0], EPOLLIN, 0);
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(write(ends[1], "x", 1) != 1);
    }
    CHECK_EQ(wait_event(ep), EPOLLIN);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(ep), close(ends[0]), close(ends[1]);
}

/* A set can be changed while another thread or process sleeps in it. */
static void added_meanwhile(void)
{
    int ends[2], ep = epoll_create1(0), status;
    unsigned long data;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        watch(ep, ends[0], EPOLLIN, 9); /* ready when it comes in */
        _exit(check_failures != 0);
    }
    CHECK_EQ(next_event(ep, &data, PATIENCE_MS), EPOLLIN);
    CHECK_EQ(data, 9);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(ep), close(ends[0]), close(ends[1]);
}

int main(void)
{
    stays_ready();
    changed();
    many();
    sleeps();
    added_meanwhile();
    return finish();
}
