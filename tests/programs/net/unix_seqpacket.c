/* SOCK_SEQPACKET: connections with boundaries. */
#include "net.h"

static void pair(void)
{
    int fds[2];
    char text[16] = {0};
    int flags;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    CHECK_EQ(write(fds[0], "one", 3), 3);
    CHECK_EQ(write(fds[0], "second", 6), 6);
    CHECK_EQ(read(fds[1], text, sizeof text), 3);
    CHECK_EQ(read(fds[1], text, 3), 3); /* the rest of the record is gone */
    CHECK_ERRNO(recv(fds[1], text, 3, MSG_DONTWAIT), EAGAIN);
    struct iovec v = {text, 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    CHECK_EQ(write(fds[0], "third", 5), 5);
    CHECK_EQ(recvmsg(fds[1], &m, 0), 2);
    flags = m.msg_flags;
    CHECK_EQ(flags & MSG_TRUNC, MSG_TRUNC);
    CHECK_EQ(write(fds[0], "fourth", 6), 6);
    CHECK_EQ(recv(fds[1], text, 2, MSG_TRUNC | MSG_PEEK), 6);
    CHECK_EQ(recv(fds[1], text, sizeof text, MSG_WAITALL), 6);
    CHECK_EQ(send(fds[0], "", 0, 0), 0); /* an empty record, not the end */
    CHECK_EQ(poll_now(fds[1]), POLLIN | POLLOUT);
    CHECK_EQ(read(fds[1], text, 1), 0);
    CHECK_EQ(poll_now(fds[1]), POLLOUT);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(poll_now(fds[1]), POLLIN | POLLOUT | POLLRDHUP);
    check_end(fds[1]);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    check_flow(fds[1], fds[0]);
    close(fds[1]);
    check_end(fds[0]);
    close(fds[0]);
}

static void by_path(void)
{
    int listener = unix_listener(SOCK_SEQPACKET, "packets.socket", 3), status;
    pid_t child = fork();
    if (!child) {
        int fd = unix_dial(SOCK_SEQPACKET, "packets.socket");
        char text[8];
        CHECK_EQ(send(fd, "ab", 2, 0), 2);
        CHECK_EQ(send(fd, "cde", 3, 0), 3);
        CHECK_EQ(recv(fd, text, sizeof text, 0), 2);
        CHECK_EQ(recv(fd, text, sizeof text, 0), 3);
        _exit(check_failures != 0);
    }
    char text[8];
    int fd = accept(listener, 0, 0);
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_TYPE), SOCK_SEQPACKET);
    for (int i = 2; i <= 3; i++) {
        ssize_t n = recv(fd, text, sizeof text, 0);
        CHECK_EQ(n, i);
        CHECK_EQ(send(fd, text, (size_t)n, 0), i);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    check_end(fd);
    close(fd), close(listener);
    unlink("packets.socket");
}

/* A record is written whole or not at all; a writer blocks until it fits. */
static void whole(void)
{
    int fds[2], status;
    static char record[50000];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    int sent = 0;
    while (send(fds[0], record, sizeof record, MSG_DONTWAIT) == (ssize_t)sizeof record)
        sent++;
    CHECK_EQ(errno, EAGAIN);
    CHECK(sent >= 2 && sent < 100);
    CHECK_EQ(poll_now(fds[0]), 0);
    pid_t child = fork();
    if (!child) {
        close(fds[1]);
        _exit(send(fds[0], record, sizeof record, 0) != (ssize_t)sizeof record);
    }
    sleep_ms(20);
    for (int i = 0; i <= sent; i++)
        CHECK_EQ(recv(fds[1], record, sizeof record, 0), sizeof record);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_ERRNO(recv(fds[1], record, 1, MSG_DONTWAIT), EAGAIN);
    static char huge[1000000];
    CHECK_ERRNO(send(fds[0], huge, sizeof huge, 0), EMSGSIZE);
    close(fds[0]), close(fds[1]);
}

static void unconnected(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), stream = unix_listener(SOCK_STREAM, "stream.socket", 1);
    char byte;
    CHECK_ERRNO(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
    CHECK_ERRNO(recv(fd, &byte, 1, 0), ENOTCONN);
    CHECK_ERRNO(unix_connect(fd, "stream.socket"), EPROTOTYPE);
    close(fd), close(stream);
    unlink("stream.socket");
}

int main(void)
{
    pair();
    by_path();
    whole();
    unconnected();
    return finish();
}
