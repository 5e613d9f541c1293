/* Packets in sequence: bounds are kept, ends are seen. */
#include "unix.h"

static void bounds(void)
{
    int listener = unix_listener(SOCK_SEQPACKET, abstract("seq"), 4);
    int c = unix_dial(SOCK_SEQPACKET, abstract("seq")), s = accept(listener, 0, 0);
    char text[16];
    CHECK_EQ(send(c, "one", 3, 0), 3);
    CHECK_EQ(send(c, "", 0, 0), 0);
    CHECK_EQ(write(c, "three", 5), 5);
    CHECK_EQ(read(s, text, sizeof text), 3);
    CHECK_EQ(read(s, text, sizeof text), 0);
    struct iovec v = {text, 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    CHECK_EQ(recvmsg(s, &m, MSG_WAITALL), 2);
    CHECK_EQ(m.msg_flags & (MSG_TRUNC | MSG_EOR), MSG_TRUNC);
    CHECK_ERRNO(recv(s, text, 1, MSG_DONTWAIT), EAGAIN);
    pid_t pid;
    CHILD(pid, close(c); CHECK_EQ(recv(s, text, 16, 0), 4); CHECK_EQ(recv(s, text, 16, 0), 0));
    close(s);
    sleep_ms(10);
    CHECK_EQ(send(c, "last", 4, 0), 4);
    sleep_ms(10);
    close(c);
    CHECK_EQ(reap(pid), 0);
    close(listener);
}

static void blocking(void)
{
    static char packet[20000];
    int s[2];
    pid_t pid;
    unix_pair(s, SOCK_SEQPACKET);
    CHILD(pid, close(s[0]); for (int i = 0; i < 100; i++) {
        CHECK_EQ(recv(s[1], packet, sizeof packet, 0), 19000 + i);
        CHECK_EQ(packet[0], (char)i);
    });
    close(s[1]);
    for (int i = 0; i < 100; i++) {
        packet[0] = (char)i;
        CHECK_EQ(send(s[0], packet, (size_t)(19000 + i), 0), 19000 + i);
    }
    CHECK_EQ(reap(pid), 0);
    on_signal(SIGPIPE, 0);
    CHECK_ERRNO(send(s[0], "x", 1, 0), EPIPE);
    CHECK_EQ(signals_seen, 0);
    CHECK_EQ(read(s[0], packet, 1), 0);
    close(s[0]);
    /* nobody reads: a signal ends the wait */
    unix_pair(s, SOCK_SEQPACKET);
    on_signal(SIGUSR1, 0);
    while (send(s[0], packet, sizeof packet, MSG_DONTWAIT) > 0)
        ;
    pid = signal_asleep(SIGUSR1);
    CHECK_ERRNO(send(s[0], packet, sizeof packet, 0), EINTR);
    CHECK_EQ(reap(pid), 0);
    CHILD(pid, close(s[0]); until_asleep(getppid()));
    close(s[1]);
    CHECK_ERRNO(send(s[0], packet, sizeof packet, 0), ECONNRESET);
    CHECK_EQ(reap(pid), 0);
    close(s[0]);
}

static void errors(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), s[2];
    char text[4];
    CHECK_ERRNO(send(fd, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(recv(fd, text, 1, 0), ENOTCONN);
    close(fd);
    fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_ERRNO(listen(fd, 1), EOPNOTSUPP);
    CHECK_ERRNO(accept(fd, 0, 0), EOPNOTSUPP);
    close(fd);
    unix_pair(s, SOCK_SEQPACKET);
    CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
    CHECK_EQ(recv(s[1], text, 4, 0), 0);
    CHECK_EQ(recv(s[1], text, 4, MSG_DONTWAIT), 0);
    CHECK_EQ(poll_now(s[1]), POLLIN | POLLRDHUP | POLLOUT);
    CHECK_EQ(send(s[1], "back", 4, 0), 4);
    CHECK_EQ(recv(s[0], text, 4, 0), 4);
    close(s[0]);
    CHECK_EQ(poll_now(s[1]), POLLIN | POLLRDHUP | POLLHUP | POLLOUT);
    close(s[1]);
}

int main(void)
{
    bounds();
    blocking();
    errors();
    return finish();
}
