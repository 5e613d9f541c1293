/* What poll says of a TCP socket in each state of its life, and which bits must be asked for. */
#include "net.h"

static void before_connecting(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(poll_now(fd), POLLOUT | POLLHUP); /* a new socket */
    CHECK_EQ(poll_ms(fd, 0, 0), POLLHUP);
    CHECK_EQ(poll_ms(fd, POLLIN, 0), POLLHUP);
    CHECK_EQ(bind_to(fd, LOOPBACK, 0), 0);
    CHECK_EQ(poll_now(fd), POLLOUT | POLLHUP);
    CHECK_EQ(listen(fd, 4), 0);
    CHECK_EQ(poll_now(fd), 0);
    close(fd);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(poll_now(fd), POLLOUT);
    close(fd);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(poll_now(fd), POLLOUT | POLLHUP);
    close(fd);
    fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(poll_now(fd), POLLOUT);
    close(fd);
}

static void open_connection(void)
{
    int fds[2];
    tcp_pair(fds);
    CHECK_EQ(poll_now(fds[0]), POLLOUT);
    CHECK_EQ(poll_ms(fds[0], POLLIN | POLLPRI | POLLRDHUP, 5), 0);
    CHECK_EQ(poll_ms(fds[0], POLLOUT | POLLWRNORM, 0), POLLOUT | POLLWRNORM);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    CHECK_EQ(wait_for(fds[1], POLLIN), POLLIN);
    CHECK_EQ(poll_ms(fds[1], POLLIN | POLLRDNORM | POLLRDBAND, 0), POLLIN | POLLRDNORM);
    CHECK_EQ(poll_now(fds[1]), POLLIN | POLLOUT);
    close(fds[0]), close(fds[1]);
}

/* POLLRDHUP only for who asks; POLLHUP and POLLERR for all. */
static void endings(void)
{
    int fds[2];
    char byte;
    tcp_pair(fds);
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ(wait_for(fds[0], POLLIN), POLLIN);
    CHECK_EQ(poll_ms(fds[0], POLLRDHUP, 0), POLLRDHUP);
    CHECK_EQ(poll_ms(fds[0], 0, 5), 0);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    for (int i = 0; i < PATIENCE_MS && !poll_ms(fds[0], 0, 0); i++)
        sleep_ms(1);
    CHECK_EQ(poll_ms(fds[0], 0, 0), POLLHUP);
    check_end(fds[0]);
    CHECK_EQ(read(fds[1], &byte, 1), 0);
    close(fds[0]), close(fds[1]);
}

/* A listener becomes readable with the connection, and is no more when it is taken. */
static void listening(void)
{
    int listener = make_listener(), a = dial(listener), b = dial(listener);
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    CHECK_EQ(poll_ms(listener, POLLIN | POLLOUT | POLLRDNORM, 0), POLLIN | POLLRDNORM);
    close(accept(listener, 0, 0));
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    close(accept(listener, 0, 0));
    CHECK_EQ(poll_now(listener), 0);
    close(a), close(b);
    a = dial(listener); /* dialled, and hung up before accept: it is still to be taken */
    close(a);
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    a = accept(listener, 0, 0);
    CHECK(a >= 0);
    check_end(a);
    close(a), close(listener);
}

/* A sleeper in poll wakes for each kind of news. */
static void wakes_for(int what)
{
    int fds[2], status;
    tcp_pair(fds);
    pid_t child = fork();
    if (!child) {
        close(fds[0]);
        sleep_ms(20);
        if (what == POLLIN)
            write(fds[1], "x", 1);
        else if (what == POLLRDHUP)
            shutdown(fds[1], SHUT_WR);
        else if (what == POLLERR)
            setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        _exit(0);
    }
    close(fds[1]);
    CHECK(wait_for(fds[0], what & ~POLLERR) & what);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fds[0]);
}

/* POLLOUT comes back when about a third of the buffer is free. */
static void writable_again(void)
{
    static char much[4096];
    int fds[2];
    tcp_pair(fds);
    CHECK_EQ(set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 50000), 0);
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_RCVBUF, 50000), 0);
    pid_t child = fork();
    if (!child) {
        close(fds[0]);
        sleep_ms(60);
        while (read(fds[1], much, sizeof much) > 0)
            ;
        _exit(0);
    }
    close(fds[1]);
    set_nonblocking(fds[0], 1);
    for (int round = 0; round < 20; round++) {
        while (write(fds[0], much, sizeof much) > 0)
            ;
        CHECK_EQ(errno, EAGAIN);
        CHECK_EQ(wait_for(fds[0], POLLOUT), POLLOUT);
        CHECK(write(fds[0], much, 1) == 1);
    }
    close(fds[0]);
    CHECK_EQ(waitpid(child, 0, 0), child);
}

int main(void)
{
    before_connecting();
    open_connection();
    endings();
    listening();
    wakes_for(POLLIN);
    wakes_for(POLLRDHUP);
    wakes_for(POLLERR);
    writable_again();
    return finish();
}
