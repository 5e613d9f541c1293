/* EPOLLONESHOT: one event, then silence until MOD; with threads, each event goes to one of them. */
#include "../threads/threads.h"
#include "epolls.h"

static void silent_after_one(unsigned more)
{
    int ends[2], ep = epoll_create1(0);
    char byte;
    CHECK_EQ(pipe(ends), 0);
    watch(ep, ends[0], EPOLLIN | EPOLLONESHOT | more, 1);
    CHECK_EQ(write(ends[1], "a", 1), 1);
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(write(ends[1], "b", 1), 1);
    CHECK(nothing_for(ep, 5)); /* not even new data */
    CHECK_EQ(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN, 1), -1); /* it is still in the set */
    rewatch(ep, ends[0], EPOLLIN | EPOLLONESHOT | more, 2);
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    rewatch(ep, ends[0], EPOLLIN | EPOLLONESHOT | more, 3);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(write(ends[1], "c", 1), 1);
    CHECK_EQ(event_now(ep), EPOLLIN);
    close(ends[1]);
    CHECK(nothing_for(ep, 5)); /* a hangup neither */
    rewatch(ep, ends[0], EPOLLIN | EPOLLONESHOT, 3);
    CHECK_EQ(event_now(ep), EPOLLIN | EPOLLHUP);
    close(ep), close(ends[0]);
}

enum { WORKERS = 4, CONNECTIONS = 6, ROUNDS = 15 };

static int ep, ends[CONNECTIONS][2];
static atomic_int inside[CONNECTIONS], handled;

/* Nobody else may be on the same connection at the same time. */
static void *work(void *arg)
{
    (void)arg;
    for (;;) {
        struct epoll_event e;
        CHECK_EQ(epoll_wait(ep, &e, 1, -1), 1);
        int at = (int)e.data.u32;
        if (at == CONNECTIONS)
            return 0;
        CHECK_EQ(atomic_fetch_add(&inside[at], 1), 0);
        char byte;
        CHECK_EQ(read(ends[at][1], &byte, 1), 1);
        sched_yield();
        handled++;
        CHECK_EQ(atomic_fetch_sub(&inside[at], 1), 1);
        rewatch(ep, ends[at][1], EPOLLIN | EPOLLONESHOT, (unsigned long)at);
    }
}

static void workers(void)
{
    pthread_t threads[WORKERS];
    int stop[2];
    ep = epoll_create1(0);
    for (int i = 0; i < CONNECTIONS; i++) {
        tcp_pair(ends[i]);
        watch(ep, ends[i][1], EPOLLIN | EPOLLONESHOT, (unsigned long)i);
    }
    for (int i = 0; i < WORKERS; i++)
        threads[i] = start(work, 0);
    for (int r = 0; r < ROUNDS; r++)
        for (int i = 0; i < CONNECTIONS; i++)
            CHECK_EQ(write(ends[i][0], "w", 1), 1);
    for (int i = 0; i < PATIENCE_MS && handled < CONNECTIONS * ROUNDS; i++)
        sleep_ms(1);
    CHECK_EQ(handled, CONNECTIONS * ROUNDS);
    CHECK_EQ(pipe(stop), 0);
    CHECK_EQ(write(stop[1], "q", 1), 1);
    watch(ep, stop[0], EPOLLIN, CONNECTIONS); /* level-triggered: all see it */
    for (int i = 0; i < WORKERS; i++)
        join(threads[i]);
}

int main(void)
{
    silent_after_one(0);
    silent_after_one(EPOLLET);
    workers();
    return finish();
}
