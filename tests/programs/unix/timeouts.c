/* SO_RCVTIMEO and SO_SNDTIMEO, and what a signal does to a wait with and without them. */
#include "unix.h"

static char big[400000];

static void fill(int fd)
{
    while (send(fd, big, sizeof big, MSG_DONTWAIT) > 0)
        ;
}

static void run_out(void)
{
    int s[2];
    char byte;
    unix_pair(s, SOCK_STREAM);
    set_timeout(s[0], SO_RCVTIMEO, 30);
    set_timeout(s[0], SO_SNDTIMEO, 40);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(read(s[0], &byte, 1), EAGAIN);
    CHECK(ms_since(before) >= 29);
    before = now_s(CLOCK_MONOTONIC);
    CHECK(write(s[0], big, sizeof big) > 0); /* what fitted */
    CHECK(ms_since(before) >= 39);
    fill(s[0]);
    before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(write(s[0], big, sizeof big), EAGAIN);
    CHECK(ms_since(before) >= 39);
    struct timeval t;
    socklen_t n = sizeof t;
    CHECK_EQ(getsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &t, &n), 0);
    CHECK(t.tv_sec == 0 && t.tv_usec == 40000);
    t = (struct timeval){0, 1000000};
    CHECK_ERRNO(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t), EDOM);
    CHECK_ERRNO(setsockopt(s[0], SOL_SOCKET, SO_SNDTIMEO, &t, 4), EINVAL);
    set_timeout(s[0], SO_RCVTIMEO, 0); /* for ever again */
    pid_t pid;
    CHILD(pid, sleep_ms(60); CHECK_EQ(write(s[1], "x", 1), 1));
    CHECK_EQ(read(s[0], &byte, 1), 1);
    CHECK_EQ(reap(pid), 0);
    close(s[0]);
    close(s[1]);
}

/* With a timeout a signal ends the wait for good; without, it may be restarted. */
static void signals(void)
{
    int s[2];
    char byte;
    unix_pair(s, SOCK_STREAM);
    on_signal(SIGUSR1, SA_RESTART);
    set_timeout(s[0], SO_RCVTIMEO, 5000);
    pid_t pid = signal_asleep(SIGUSR1);
    CHECK_ERRNO(read(s[0], &byte, 1), EINTR);
    CHECK_EQ(reap(pid), 0);
    set_timeout(s[0], SO_RCVTIMEO, 0);
    pid_t signaller = signal_asleep(SIGUSR1);
    CHILD(pid, sleep_ms(40); CHECK_EQ(write(s[1], "x", 1), 1));
    CHECK_EQ(read(s[0], &byte, 1), 1); /* interrupted before that, or not at all */
    kill(signaller, SIGKILL);
    waitpid(signaller, 0, 0);
    CHECK_EQ(reap(pid), 0);
    fill(s[0]);
    set_timeout(s[0], SO_SNDTIMEO, 5000);
    pid = signal_asleep(SIGUSR1);
    CHECK_ERRNO(write(s[0], big, 100), EINTR);
    CHECK_EQ(reap(pid), 0);
    close(s[0]);
    close(s[1]);
}

static void accepts_and_connects(void)
{
    int listener = unix_listener(SOCK_STREAM, "timeouts.sock", 0), fds[4], n = 0;
    set_timeout(listener, SO_RCVTIMEO, 30);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(accept(listener, 0, 0), EAGAIN);
    CHECK(ms_since(before) >= 29);
    on_signal(SIGUSR1, SA_RESTART);
    set_timeout(listener, SO_RCVTIMEO, 5000);
    pid_t pid = signal_asleep(SIGUSR1);
    CHECK_ERRNO(accept(listener, 0, 0), EINTR);
    CHECK_EQ(reap(pid), 0);
    for (;;) { /* until its queue is full */
        fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (unix_connect(fds[n], "timeouts.sock"))
            break;
        n++;
    }
    CHECK_EQ(n, 1);
    CHECK_EQ(errno, EAGAIN);
    set_nonblocking(fds[n], 0);
    set_timeout(fds[n], SO_SNDTIMEO, 30);
    before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(unix_connect(fds[n], "timeouts.sock"), EAGAIN);
    CHECK(ms_since(before) >= 29);
    unlink("timeouts.sock");
}

static void datagrams(void)
{
    int r = socket(AF_UNIX, SOCK_DGRAM, 0), s = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(unix_bind(r, abstract("timeouts")), 0);
    set_timeout(r, SO_RCVTIMEO, 30);
    double before = now_s(CLOCK_MONOTONIC);
    char byte;
    CHECK_ERRNO(recv(r, &byte, 1, 0), EAGAIN);
    CHECK(ms_since(before) >= 29);
    while (unix_sendto(s, "x", 1, MSG_DONTWAIT, abstract("timeouts")) == 1)
        ;
    CHECK_EQ(errno, EAGAIN);
    set_timeout(s, SO_SNDTIMEO, 30);
    before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(unix_sendto(s, "x", 1, 0, abstract("timeouts")), EAGAIN);
    CHECK(ms_since(before) >= 29);
    close(r);
    close(s);
}

int main(void)
{
    run_out();
    signals();
    accepts_and_connects();
    datagrams();
    return finish();
}
