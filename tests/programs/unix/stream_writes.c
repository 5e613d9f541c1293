/* Blocking writes of any size go on until all is written; what interrupts or ends them. */
#include "unix.h"

#define MUCH 1000000u
static unsigned char much[MUCH], got[MUCH];

static void check_reader(int fd, unsigned key, size_t size)
{
    size_t at = 0;
    while (at < size) {
        ssize_t n = read(fd, got + at, size - at < 7001 ? size - at : 7001);
        CHECK(n > 0);
        if (n <= 0)
            return;
        at += (size_t)n;
    }
    CHECK(bulk_same(got, key, 0, size));
}

static ssize_t in_pieces(int fd, int how)
{
    struct iovec v[90];
    size_t each = MUCH / 90;
    for (int i = 0; i < 90; i++)
        v[i] = (struct iovec){much + (size_t)i * each, i < 89 ? each : MUCH - 89 * each};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 90};
    return how ? sendmsg(fd, &m, 0) : writev(fd, v, 90);
}

static void whole(void)
{
    for (int how = 0; how < 4; how++) {
        int s[2];
        pid_t pid;
        unix_pair(s, SOCK_STREAM);
        bulk_fill(much, (unsigned)how, 0, MUCH);
        CHILD(pid, close(s[0]); check_reader(s[1], (unsigned)how, MUCH); check_end(s[1]));
        close(s[1]);
        ssize_t n = how == 0   ? write(s[0], much, MUCH)
                    : how == 1 ? send(s[0], much, MUCH, 0)
                               : in_pieces(s[0], how - 2);
        CHECK_EQ(n, MUCH);
        close(s[0]);
        CHECK_EQ(reap(pid), 0);
    }
}

/* Both ends write more than fits and read in between: neither starves. */
static void both_ways(void)
{
    int s[2];
    pid_t pid;
    unix_pair(s, SOCK_STREAM);
    CHILD(pid, close(s[0]); for (int i = 0; i < 20; i++) {
        CHECK_EQ(read_all(s[1], got, 300000), 300000);
        CHECK_EQ(write_all(s[1], got, 300000), 300000);
    });
    close(s[1]);
    for (int i = 0; i < 20; i++) {
        bulk_fill(much, (unsigned)i, 0, 300000);
        CHECK_EQ(write(s[0], much, 300000), 300000);
        check_reader(s[0], (unsigned)i, 300000);
    }
    close(s[0]);
    CHECK_EQ(reap(pid), 0);
}

static void interrupted(void)
{
    int s[2];
    char byte;
    unix_pair(s, SOCK_STREAM);
    on_signal(SIGUSR1, 0);
    pid_t pid = signal_asleep(SIGUSR1);
    ssize_t n = write(s[0], much, MUCH); /* nobody reads: what fitted */
    CHECK(n > 100000 && n < (ssize_t)MUCH);
    CHECK_EQ(reap(pid), 0);
    pid = signal_asleep(SIGUSR1);
    CHECK_ERRNO(write(s[0], much, MUCH), EINTR); /* nothing fitted */
    CHECK_EQ(reap(pid), 0);
    on_signal(SIGUSR1, SA_RESTART);
    pid_t signaller = signal_asleep(SIGUSR1);
    CHILD(pid, sleep_ms(40); CHECK(read_all(s[1], got, (size_t)n) == n); CHECK(read_all(s[1], got, 5) == 5));
    CHECK_EQ(write(s[0], "hello", 5), 5); /* restarted */
    kill(signaller, SIGKILL);
    waitpid(signaller, 0, 0);
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(recv(s[1], &byte, 1, MSG_DONTWAIT), -1);
    close(s[0]);
    close(s[1]);
}

static void reader_goes(void)
{
    int s[2];
    unix_pair(s, SOCK_STREAM);
    on_signal(SIGPIPE, 0);
    pid_t pid;
    CHILD(pid, close(s[0]); until_asleep(getppid())); /* it dies while we wait */
    close(s[1]);
    signals_seen = 0;
    ssize_t n = write(s[0], much, MUCH);
    CHECK(n > 100000 && n < (ssize_t)MUCH); /* something was written: no signal yet */
    CHECK_EQ(signals_seen, 0);
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(socket_error(s[0]), 0); /* the write has taken it */
    CHECK_ERRNO(write(s[0], "x", 1), EPIPE);
    CHECK_EQ(signals_seen, 1);
    CHECK_ERRNO(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(signals_seen, 1);
    close(s[0]);
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(shutdown(s[1], SHUT_RD), 0);
    CHECK_ERRNO(send(s[0], "x", 1, 0), EPIPE);
    CHECK_EQ(signals_seen, 2);
    close(s[0]);
    close(s[1]);
}

/* Nothing fits, and while we wait the other end goes: no signal. */
static void reader_goes_from_full(int how)
{
    int s[2];
    pid_t pid;
    unix_pair(s, SOCK_STREAM);
    while (send(s[0], much, MUCH, MSG_DONTWAIT) > 0)
        ;
    CHILD(pid, close(s[0]); until_asleep(getppid()); if (how) shutdown(s[1], SHUT_RD); sleep_ms(20));
    if (!how)
        close(s[1]);
    signals_seen = 0;
    CHECK_ERRNO(write(s[0], much, 100), how ? EPIPE : ECONNRESET);
    CHECK_EQ(signals_seen, 0);
    CHECK_EQ(socket_error(s[0]), 0);
    CHECK_ERRNO(write(s[0], much, 100), EPIPE);
    CHECK_EQ(signals_seen, 1);
    CHECK_EQ(reap(pid), 0);
    close(s[0]);
    if (how)
        close(s[1]);
}

static void not_waiting(void)
{
    int s[2];
    unix_pair(s, SOCK_STREAM | SOCK_NONBLOCK);
    ssize_t n = write(s[0], much, MUCH);
    CHECK(n > 100000 && n < (ssize_t)MUCH);
    CHECK_ERRNO(write(s[0], much, MUCH), EAGAIN);
    CHECK_EQ(poll_now(s[0]), 0);
    set_nonblocking(s[0], 0);
    CHECK_ERRNO(send(s[0], much, MUCH, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(read_all(s[1], got, (size_t)n), n);
    CHECK_EQ(poll_now(s[0]), POLLOUT);
    CHECK_EQ(send(s[0], "", 0, 0), 0);
    CHECK_ERRNO(recv(s[1], got, 1, 0), EAGAIN);
    close(s[0]);
    close(s[1]);
}

int main(void)
{
    whole();
    both_ways();
    interrupted();
    reader_goes();
    reader_goes_from_full(0);
    reader_goes_from_full(1);
    not_waiting();
    return finish();
}
