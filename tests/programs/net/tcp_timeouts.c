/* SO_RCVTIMEO and SO_SNDTIMEO: EAGAIN after the time, whatever the call. */
#include "net.h"

static double before;

static void begin(void) { before = now_s(CLOCK_MONOTONIC); }

static void took(long ms)
{
    long passed = ms_since(before);
    CHECK(passed >= ms - 1);
    CHECK(passed < ms + 10000);
}

static void receiving(void)
{
    int fds[2];
    char text[8];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    tcp_pair(fds);
    set_timeout(fds[0], SO_RCVTIMEO, 60);
    begin();
    CHECK_ERRNO(read(fds[0], text, 1), EAGAIN);
    took(60);
    begin();
    CHECK_ERRNO(recv(fds[0], text, 1, 0), EAGAIN);
    took(60);
    begin();
    CHECK_ERRNO(recvmsg(fds[0], &m, 0), EAGAIN);
    took(60);
    begin();
    CHECK_ERRNO(recv(fds[0], text, 1, MSG_PEEK), EAGAIN);
    took(60);
    CHECK_EQ(write(fds[1], "abc", 3), 3); /* MSG_WAITALL: what there is, when the time is over */
    wait_for(fds[0], POLLIN);
    begin();
    CHECK_EQ(recv(fds[0], text, 8, MSG_WAITALL), 3);
    took(60);
    begin(); /* no time is lost if there is data */
    CHECK_EQ(write(fds[1], "d", 1), 1);
    CHECK_EQ(read(fds[0], text, 8), 1);
    set_timeout(fds[0], SO_RCVTIMEO, 20000);
    begin();
    CHECK_ERRNO(recv(fds[0], text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK(ms_since(before) < 10000);
    set_timeout(fds[0], SO_RCVTIMEO, 0); /* off again: it blocks */
    pid_t child = fork();
    if (!child) {
        sleep_ms(100);
        _exit(write(fds[1], "e", 1) != 1);
    }
    CHECK_EQ(read(fds[0], text, 1), 1);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(fds[0]), close(fds[1]);
}

static void accepting(void)
{
    int listener = make_listener();
    set_timeout(listener, SO_RCVTIMEO, 70);
    begin();
    CHECK_ERRNO(accept(listener, 0, 0), EAGAIN);
    took(70);
    int client = dial(listener), fd = accept(listener, 0, 0);
    CHECK(fd >= 0);
    close(client), close(fd), close(listener);
}

static void sending(void)
{
    int fds[2];
    static char much[1 << 16];
    tcp_pair(fds);
    CHECK_EQ(set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 40000), 0); /* both fixed */
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_RCVBUF, 40000), 0);
    set_timeout(fds[0], SO_SNDTIMEO, 80);
    ssize_t n;
    do { /* a call that could send a part waited for the rest */
        begin();
        n = send(fds[0], much, sizeof much, 0);
        if (n < (ssize_t)sizeof much)
            took(80);
    } while (n > 0);
    CHECK_EQ(n, -1);
    CHECK_EQ(errno, EAGAIN);
    set_timeout(fds[0], SO_SNDTIMEO, 20000);
    do { /* the receiver's memory may have given way a little */
        begin();
        n = send(fds[0], much, 4096, MSG_DONTWAIT);
        CHECK(ms_since(before) < 10000);
    } while (n > 0);
    CHECK_EQ(errno, EAGAIN);
    close(fds[0]), close(fds[1]);
}

static void other_kinds(void)
{
    int pair[2], udp = bound_udp(LOOPBACK);
    char byte;
    set_timeout(udp, SO_RCVTIMEO, 40);
    begin();
    CHECK_ERRNO(recv(udp, &byte, 1, 0), EAGAIN);
    took(40);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    set_timeout(pair[0], SO_RCVTIMEO, 40);
    set_timeout(pair[0], SO_SNDTIMEO, 40);
    begin();
    CHECK_ERRNO(read(pair[0], &byte, 1), EAGAIN);
    took(40);
    static char much[1 << 20];
    begin();
    ssize_t n = write(pair[0], much, sizeof much);
    CHECK(n > 0 && n < (ssize_t)sizeof much);
    took(40);
    begin();
    CHECK_ERRNO(write(pair[0], much, sizeof much), EAGAIN);
    took(40);
    close(udp), close(pair[0]), close(pair[1]);
}

int main(void)
{
    receiving();
    accepting();
    sending();
    other_kinds();
    return finish();
}
