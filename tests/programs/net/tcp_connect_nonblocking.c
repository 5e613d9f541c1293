/* Non-blocking connect to a listener: EINPROGRESS, then writable; what further connects say. */
#include "net.h"

static void by_poll(void)
{
    int listener = make_listener();
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, local_port(listener)), EINPROGRESS);
    CHECK_EQ(wait_for(fd, POLLOUT | POLLIN), POLLOUT);
    CHECK_EQ(socket_error(fd), 0);
    CHECK_EQ(peer_port(fd), local_port(listener));
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(listener)), 0); /* the first call's end */
    CHECK_ERRNO(connect_to(fd, LOOPBACK, local_port(listener)), EISCONN);
    char byte;
    CHECK_ERRNO(read(fd, &byte, 1), EAGAIN);
    int server = accept(listener, 0, 0);
    CHECK_EQ(fcntl(server, F_GETFL) & O_NONBLOCK, 0);
    CHECK_EQ(write(fd, "a", 1), 1);
    CHECK_EQ(read(server, &byte, 1), 1);
    close(fd), close(server), close(listener);
}

/* The flag is put on after socket(), taken off after connect(): reads block then. */
static void flag_by_fcntl(void)
{
    int listener = make_listener(), fd = socket(AF_INET, SOCK_STREAM, 0);
    set_nonblocking(fd, 1);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, local_port(listener)), EINPROGRESS);
    CHECK_EQ(wait_for(fd, POLLOUT), POLLOUT);
    set_nonblocking(fd, 0);
    int server = accept(listener, 0, 0), status;
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(write(server, "b", 1) != 1);
    }
    char byte = 0;
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, 'b');
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fd), close(server), close(listener);
}

/* Many at once, all are writable in the end and all arrive. */
static void many(void)
{
    enum { COUNT = 20 };
    int listener = listen_on(LOOPBACK, 0, COUNT), fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK_ERRNO(connect_to(fds[i], LOOPBACK, local_port(listener)), EINPROGRESS);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(wait_for(fds[i], POLLOUT), POLLOUT);
        CHECK_EQ(socket_error(fds[i]), 0);
        char number = (char)i;
        CHECK_EQ(write(fds[i], &number, 1), 1);
    }
    unsigned seen = 0;
    for (int i = 0; i < COUNT; i++) {
        char number;
        int server = accept(listener, 0, 0);
        CHECK_EQ(read(server, &number, 1), 1);
        seen |= 1u << number;
        close(server);
    }
    CHECK_EQ(seen, (1u << COUNT) - 1);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    close(listener);
}

/* Data sent before accept waits in the accepted socket. */
static void data_before_accept(void)
{
    int listener = make_listener(), fd = dial(listener);
    char text[16] = {0};
    CHECK_EQ(write(fd, "early", 5), 5);
    CHECK_EQ(shutdown(fd, SHUT_WR), 0);
    int server = accept(listener, 0, 0);
    CHECK_EQ(read_all(server, text, sizeof text), 5);
    CHECK_TEXT(text, "early");
    close(fd), close(server);
    fd = dial(listener); /* even if the sender is gone by then */
    CHECK_EQ(write(fd, "gone", 4), 4);
    close(fd);
    server = accept(listener, 0, 0);
    CHECK(server >= 0);
    CHECK_EQ(read_all(server, text, sizeof text), 4);
    close(server), close(listener);
}

int main(void)
{
    by_poll();
    flag_by_fcntl();
    many();
    data_before_accept();
    return finish();
}
