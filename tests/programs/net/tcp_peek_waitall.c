/* MSG_PEEK, MSG_WAITALL (whole, cut by the end, cut by a signal), MSG_DONTWAIT, MSG_TRUNC. */
#include "net.h"
#include <sys/time.h>

static int fds[2];
static char text[64];

static volatile int ticks;

static void on_alarm(int signo)
{
    (void)signo;
    ticks++;
}

static void send_later(const char *data, long ms)
{
    if (fork() == 0) {
        close(fds[1]);
        sleep_ms(ms);
        write(fds[0], data, strlen(data));
        _exit(0);
    }
}

static void arrive(const char *data)
{
    CHECK_EQ(write(fds[0], data, strlen(data)), strlen(data));
    for (int queued = 0, want = (int)strlen(data); queued < want;)
        CHECK_EQ(ioctl(fds[1], FIONREAD, &queued), 0);
}

static void peek(void)
{
    arrive("hello");
    CHECK_EQ(recv(fds[1], text, sizeof text, MSG_PEEK), 5);
    CHECK_EQ(recv(fds[1], text, 2, MSG_PEEK), 2);
    CHECK_EQ(poll_now(fds[1]), POLLIN | POLLOUT);
    memset(text, 0, sizeof text);
    CHECK_EQ(recv(fds[1], text, 3, 0), 3);
    CHECK_TEXT(text, "hel");
    CHECK_EQ(recv(fds[1], text, sizeof text, MSG_PEEK | MSG_DONTWAIT), 2);
    CHECK_EQ(memcmp(text, "lo", 2), 0);
    CHECK_EQ(recv(fds[1], text, sizeof text, 0), 2);
    CHECK_ERRNO(recv(fds[1], text, sizeof text, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
    send_later("p", 20);
    CHECK_EQ(recv(fds[1], text, sizeof text, MSG_PEEK), 1); /* a peek waits, too */
    CHECK_EQ(recv(fds[1], text, sizeof text, 0), 1);
    wait(0);
}

static void waitall(void)
{
    arrive("one");
    send_later("two", 20);
    CHECK_EQ(recv(fds[1], text, 6, MSG_WAITALL), 6);
    CHECK_EQ(memcmp(text, "onetwo", 6), 0);
    wait(0);
    arrive("abc"); /* a non-blocking call does not wait */
    CHECK_EQ(recv(fds[1], text, 6, MSG_WAITALL | MSG_DONTWAIT), 3);
    send_later("123456", 10);
    struct iovec v[3] = {{text, 1}, {text + 1, 2}, {text + 3, 3}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
    CHECK_EQ(recvmsg(fds[1], &m, MSG_WAITALL), 6);
    CHECK_EQ(memcmp(text, "123456", 6), 0);
    CHECK_EQ(m.msg_flags, 0);
    wait(0);
}

/* A handler cuts it short, with or without SA_RESTART, once something has been read. */
static void waitall_signal(int flags)
{
    struct sigaction a = {.sa_handler = on_alarm, .sa_flags = flags};
    CHECK_EQ(sigaction(SIGALRM, &a, 0), 0);
    ticks = 0;
    arrive("part");
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 40000}, {0, 40000}}, 0); /* one will find us in it */
    CHECK_EQ(recv(fds[1], text, sizeof text, MSG_WAITALL), 4);
    CHECK(ticks >= 1);
    if (flags & SA_RESTART) { /* with nothing read it goes on after the handler */
        send_later("whole", 120);
        CHECK_EQ(recv(fds[1], text, 5, MSG_WAITALL), 5);
        while (wait(0) < 0 && errno == EINTR)
            ;
    } else {
        CHECK_ERRNO(recv(fds[1], text, 5, MSG_WAITALL), EINTR);
    }
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, 0);
    CHECK(ticks >= 2);
}

/* MSG_TRUNC on a stream throws bytes away: the buffer is not touched, not even looked at. */
static void trunc_discards(void)
{
    arrive("discard!rest");
    memset(text, '-', sizeof text);
    CHECK_EQ(recv(fds[1], text, 8, MSG_TRUNC), 8);
    CHECK_EQ(text[0], '-');
    CHECK_EQ(recv(fds[1], 0, 1, MSG_TRUNC), 1);
    CHECK_EQ(recv(fds[1], text, sizeof text, 0), 3);
    CHECK_EQ(memcmp(text, "est", 3), 0);
}

static void no_bytes(void)
{
    CHECK_ERRNO(recv(fds[1], text, 0, MSG_DONTWAIT), EAGAIN); /* it would wait for data */
    CHECK_EQ(read(fds[1], text, 0), 0);
    CHECK_EQ(write(fds[1], text, 0), 0);
    CHECK_EQ(send(fds[1], text, 0, 0), 0);
    CHECK_EQ(poll_ms(fds[0], POLLIN, 10), 0);
}

static void waitall_end(void)
{
    arrive("end");
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(recv(fds[1], text, sizeof text, MSG_WAITALL), 3);
    CHECK_EQ(recv(fds[1], text, sizeof text, MSG_WAITALL), 0);
    CHECK_EQ(recv(fds[1], text, sizeof text, MSG_PEEK), 0);
}

int main(void)
{
    tcp_pair(fds);
    peek();
    waitall();
    waitall_signal(0);
    waitall_signal(SA_RESTART);
    trunc_discards();
    no_bytes();
    waitall_end();
    return finish();
}
