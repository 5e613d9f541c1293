/* Several processes accept from one listener: each connection is served once, by one that is woken. */
#include "unix.h"
#include <sys/epoll.h>
#include <sys/resource.h>

#define NAME "prefork.sock"
#define WORKERS 4
#define CLIENTS 24

static void worker(int listener, int how)
{
    int ep = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN | (how == 2 ? EPOLLEXCLUSIVE : 0)};
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev), 0);
    for (;;) {
        char text[2];
        struct pollfd p = {listener, POLLIN, 0};
        if (how == 1)
            CHECK_EQ(poll(&p, 1, -1), 1);
        if (how == 2)
            CHECK_EQ(epoll_wait(ep, &ev, 1, -1), 1);
        int s = accept(listener, 0, 0);
        if (s < 0 && errno == EAGAIN)
            continue;
        CHECK(s >= 0);
        CHECK_EQ(read_all(s, text, 2), 2);
        CHECK_EQ(write(s, text, 2), 2);
        close(s);
        if (text[0] == 'q')
            return;
    }
}

static int call(char what, char value)
{
    char text[2] = {what, value};
    int c = unix_dial(SOCK_STREAM, NAME), ok;
    ok = write(c, text, 1) == 1 && write(c, text + 1, 1) == 1;
    text[0] = text[1] = 0;
    ok = ok && read_all(c, text, 2) == 2 && text[0] == what && text[1] == value;
    close(c);
    return ok;
}

static void serve(int how)
{
    int listener = unix_listener(SOCK_STREAM, NAME, 3);
    pid_t workers[WORKERS], clients[CLIENTS];
    set_nonblocking(listener, how != 0);
    for (int i = 0; i < WORKERS; i++)
        CHILD(workers[i], worker(listener, how));
    for (int i = 0; i < CLIENTS; i++)
        CHILD(clients[i], for (int k = 0; k < 5; k++) CHECK(call('c', (char)(i * 5 + k))));
    for (int i = 0; i < CLIENTS; i++)
        CHECK_EQ(reap(clients[i]), 0);
    for (int i = 0; i < WORKERS; i++)
        CHECK(call('q', (char)i));
    for (int i = 0; i < WORKERS; i++)
        CHECK_EQ(reap(workers[i]), 0);
    close(listener);
    unlink(NAME);
}

/* Without a descriptor to spare the connection stays in the queue. */
static void none_to_spare(void)
{
    int listener = unix_listener(SOCK_STREAM, NAME, 3), c = unix_dial(SOCK_STREAM, NAME);
    struct rlimit old, tight;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    tight = old;
    tight.rlim_cur = (rlim_t)c + 1;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
    CHECK_ERRNO(accept(listener, 0, 0), EMFILE);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    int s = accept(listener, 0, 0);
    check_linked(s, c);
    unlink(NAME);
}

int main(void)
{
    for (int how = 0; how < 3; how++)
        serve(how);
    none_to_spare();
    return finish();
}
