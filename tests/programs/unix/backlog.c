/* A listener's queue: its length, its order, what comes before the accept, and its end. */
#include "unix.h"

#define NAME "backlog.sock"

/* What is sent before the accept is there after it, and the order is that of the connects. */
static void order(void)
{
    int listener = unix_listener(SOCK_STREAM, NAME, 8), c[5];
    CHECK_EQ(poll_now(listener), 0);
    for (int i = 0; i < 5; i++) {
        char text = (char)('a' + i);
        c[i] = unix_dial(SOCK_STREAM, NAME);
        CHECK_EQ(write(c[i], &text, 1), 1);
    }
    CHECK_EQ(poll_now(listener), POLLIN);
    close(c[2]); /* it is accepted nevertheless */
    for (int i = 0; i < 5; i++) {
        char text = 0;
        struct sockaddr_un a;
        socklen_t n = sizeof a;
        int s = accept(listener, (struct sockaddr *)&a, &n);
        CHECK(s >= 0);
        CHECK_EQ(n, 2);
        CHECK_EQ(a.sun_family, AF_UNIX);
        CHECK_EQ(read(s, &text, 1), 1);
        CHECK_EQ(text, 'a' + i);
        if (i == 2)
            check_end(s);
        else
            check_linked(s, c[i]);
        close(s);
        if (i != 2)
            close(c[i]);
    }
    set_nonblocking(listener, 1);
    CHECK_ERRNO(accept(listener, 0, 0), EAGAIN);
    close(listener);
}

/* The client waits for an answer before anybody has accepted. */
static void early_client(void)
{
    int listener = unix_listener(SOCK_STREAM, NAME, 8);
    char text[8];
    pid_t pid;
    CHILD(pid, int c = unix_dial(SOCK_STREAM, NAME); CHECK_EQ(write(c, "ping", 4), 4);
          CHECK_EQ(read(c, text, sizeof text), 4); CHECK(!memcmp(text, "pong", 4)));
    sleep_ms(20);
    int s = accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(fcntl(s, F_GETFL) & O_NONBLOCK);
    CHECK_EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(wait_for(s, POLLIN), POLLIN);
    CHECK_EQ(read(s, text, sizeof text), 4);
    CHECK_EQ(write(s, "pong", 4), 4);
    CHECK_EQ(reap(pid), 0);
    close(s);
    CHECK_ERRNO(accept4(listener, 0, 0, 1), EINVAL);
    close(listener);
}

/* Those who find the queue full wait, and come in one after another. */
static void full_queue(void)
{
    int listener = unix_listener(SOCK_STREAM, NAME, 1), own[4], n = 0;
    pid_t pids[6];
    while ((own[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), unix_connect(own[n], NAME) == 0))
        n++;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(n, 2); /* one more than the backlog */
    for (int i = 0; i < 6; i++)
        CHILD(pids[i], int c = unix_dial(SOCK_STREAM, NAME); char id = (char)i;
              CHECK_EQ(write(c, &id, 1), 1); CHECK_EQ(read(c, &id, 1), 1); CHECK_EQ(id, i));
    for (int i = 0; i < 6; i++)
        until_asleep(pids[i]);
    for (int i = 0; i < 2; i++) {
        int s = accept(listener, 0, 0);
        check_linked(s, own[i]);
        close(s);
        close(own[i]);
    }
    for (int i = 0; i < 6; i++) {
        char id;
        int s = accept(listener, 0, 0);
        CHECK_EQ(read(s, &id, 1), 1);
        CHECK_EQ(write(s, &id, 1), 1);
        close(s);
    }
    for (int i = 0; i < 6; i++)
        CHECK_EQ(reap(pids[i]), 0);
    close(own[2]);
    close(listener);
}

/* The listener goes: the waiting ones are refused, the queued ones reset. */
static void listener_goes(void)
{
    int listener = unix_listener(SOCK_STREAM, NAME, 0), queued = unix_dial(SOCK_STREAM, NAME);
    pid_t waiting, reading;
    char byte;
    CHILD(reading, close(listener); CHECK_ERRNO(read(queued, &byte, 1), ECONNRESET));
    CHILD(waiting, close(listener); int c = socket(AF_UNIX, SOCK_STREAM, 0);
          CHECK_ERRNO(unix_connect(c, NAME), ECONNREFUSED));
    until_asleep(reading);
    until_asleep(waiting);
    close(listener);
    CHECK_EQ(reap(reading), 0);
    CHECK_EQ(reap(waiting), 0);
    CHECK_ERRNO(send(queued, "x", 1, MSG_NOSIGNAL), EPIPE);
    close(queued);
    unlink(NAME);
}

/* One waits in accept and the listener is shut down. */
static void listener_shut(void)
{
    int listener = unix_listener(SOCK_STREAM, NAME, 4);
    pid_t pid;
    CHILD(pid, CHECK_ERRNO(accept(listener, 0, 0), EINVAL));
    sleep_ms(20);
    CHECK_EQ(shutdown(listener, SHUT_RDWR), 0);
    CHECK_EQ(reap(pid), 0);
    int c = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(unix_connect(c, NAME), ECONNREFUSED);
    close(c);
    close(listener);
}

/* A bad pointer costs the connection. */
static void bad_pointers(void)
{
    int listener = unix_listener(SOCK_STREAM, NAME, 4);
    int a = unix_dial(SOCK_STREAM, NAME), b = unix_dial(SOCK_STREAM, NAME);
    CHECK_ERRNO(syscall(SYS_accept, listener, 8, 8), EFAULT);
    CHECK_EQ(wait_for(a, POLLIN) & POLLHUP, POLLHUP);
    int s = accept(listener, 0, 0);
    check_linked(s, b);
    close(a);
    close(b);
    close(s);
    close(listener);
    unlink(NAME);
}

int main(void)
{
    order();
    early_client();
    full_queue();
    listener_goes();
    listener_shut();
    bad_pointers();
    return finish();
}
