/* Characters as they come: VMIN and VTIME, O_NONBLOCK, bulk, poll and epoll, flow control, flushing. */
#include "pty.h"
#include <sys/epoll.h>

static void set_min(int min, int time)
{
    struct termios t;
    CHECK_EQ(tcgetattr(slave, &t), 0);
    t.c_cc[VMIN] = (cc_t)min;
    t.c_cc[VTIME] = (cc_t)time;
    CHECK_EQ(tcsetattr(slave, TCSANOW, &t), 0);
}

static pid_t typist(const char *text, long pause_ms)
{
    pid_t pid;
    CHILD(pid, for (; *text; text++) {
        sleep_ms(pause_ms);
        CHECK_EQ(write(master, text, 1), 1);
    });
    return pid;
}

static void how_many(void)
{
    char text[16];
    pty_new();
    pty_raw(slave);
    set_min(3, 0);
    pid_t pid = typist("abcd", 10);
    CHECK_EQ(read(slave, text, sizeof text), 3);
    CHECK_EQ(reap(pid), 0);
    until_typed(1);
    CHECK_EQ(poll_ms(slave, POLLIN, 0), 0); /* one is not enough */
    set_min(0, 0);
    CHECK_EQ(read(slave, text, sizeof text), 1);
    CHECK_EQ(read(slave, text, sizeof text), 0);
    set_min(0, 1); /* a tenth of a second for the first one */
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(read(slave, text, sizeof text), 0);
    CHECK(ms_since(before) >= 95);
    set_min(0, 100);
    pid = typist("x", 20);
    CHECK_EQ(read(slave, text, sizeof text), 1);
    CHECK_EQ(reap(pid), 0);
    set_min(5, 10); /* a second between two */
    pid = typist("xyz", 10);
    before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(read(slave, text, sizeof text), 3);
    CHECK(ms_since(before) >= 1000);
    CHECK_EQ(reap(pid), 0);
    set_min(1, 0);
    set_nonblocking(slave, 1);
    CHECK_ERRNO(read(slave, text, 1), EAGAIN);
    set_nonblocking(master, 1);
    CHECK_ERRNO(read(master, text, 1), EAGAIN);
    set_nonblocking(slave, 0);
    CHECK_EQ(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
    pid = signal_asleep(SIGUSR1);
    on_signal(SIGUSR1, 0);
    CHECK_ERRNO(read(slave, text, 1), EINTR);
    CHECK_EQ(reap(pid), 0);
    pty_end();
}

static void bulk(void)
{
    static unsigned char out[300000], in[300000];
    pid_t pid;
    pty_new();
    pty_raw(slave);
    bulk_fill(out, 1, 0, sizeof out);
    CHILD(pid, close(master); CHECK_EQ(read_all(slave, in, sizeof in), sizeof in); CHECK(bulk_same(in, 1, 0, sizeof in));
          bulk_fill(in, 2, 0, sizeof in); CHECK_EQ(write(slave, in, sizeof in), sizeof in));
    CHECK_EQ(write(master, out, sizeof out), sizeof out);
    CHECK_EQ(read_all(master, in, sizeof in), sizeof in);
    CHECK(bulk_same(in, 2, 0, sizeof in));
    CHECK_EQ(reap(pid), 0);
    set_nonblocking(master, 1);
    long total = 0;
    for (ssize_t n; (n = write(master, out, sizeof out)) > 0 || poll_ms(master, POLLOUT, 20);)
        total += n > 0 ? n : 0;
    CHECK(total > 8000 && total < 40000);
    until_typed(4095);
    CHECK_EQ(read_all(slave, in, (size_t)total), total);
    CHECK_EQ(wait_for(master, POLLOUT), POLLOUT);
    pty_end();
}

static void events(void)
{
    char text[8];
    pid_t pid;
    pty_new();
    pty_raw(slave);
    int ep = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.fd = master};
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, master, &ev), 0);
    ev.data.fd = slave;
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, slave, &ev), 0);
    CHECK_EQ(epoll_wait(ep, &ev, 1, 20), 0);
    CHILD(pid, sleep_ms(10); CHECK_EQ(write(slave, "x", 1), 1));
    CHECK_EQ(epoll_wait(ep, &ev, 1, PATIENCE_MS), 1);
    CHECK_EQ(ev.data.fd, master);
    CHECK_EQ(read(master, text, 8), 1);
    CHECK_EQ(reap(pid), 0);
    CHILD(pid, sleep_ms(10); CHECK_EQ(write(master, "yz", 2), 2));
    CHECK_EQ(epoll_wait(ep, &ev, 1, PATIENCE_MS), 1);
    CHECK_EQ(ev.data.fd, slave);
    CHECK_EQ(read(slave, text, 8), 2);
    CHECK_EQ(reap(pid), 0);
    close(ep);
    pty_end();
}

/* ^S and ^Q, and tcflow. */
static void flow(void)
{
    pty_new();
    pty_local(ECHO, 0);
    TYPE("\023");
    until_stopped();
    set_nonblocking(slave, 1);
    CHECK_ERRNO(write(slave, "x", 1), EAGAIN);
    set_nonblocking(slave, 0);
    pid_t pid;
    CHILD(pid, CHECK_EQ(write(slave, "held", 4), 4));
    CHECK_SCREEN("");
    TYPE("\021");
    CHECK_SCREEN("held");
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(tcflow(slave, TCOOFF), 0);
    TYPE("\021"); /* does not help */
    usleep(5000);
    set_nonblocking(slave, 1);
    CHECK_ERRNO(write(slave, "x", 1), EAGAIN);
    CHECK_EQ(tcflow(slave, TCOON), 0);
    CHECK_EQ(write(slave, "x", 1), 1);
    CHECK_SCREEN("x");
    CHECK_EQ(tcflow(slave, TCIOFF), 0);
    CHECK_SCREEN("\023");
    CHECK_EQ(tcdrain(slave), 0);
    CHECK_EQ(tcsendbreak(slave, 0), 0);
    CHECK_ERRNO(tcflow(slave, 9), EINVAL);
    pty_end();
}

static void flushes(void)
{
    char text[8];
    pty_new();
    pty_raw(slave);
    TYPE("typed");
    CHECK_EQ(wait_for(slave, POLLIN) & POLLIN, POLLIN);
    CHECK_EQ(tcflush(slave, TCIFLUSH), 0);
    set_nonblocking(slave, 1);
    CHECK_ERRNO(read(slave, text, 8), EAGAIN);
    CHECK_ERRNO(tcflush(slave, 7), EINVAL);
    CHECK_EQ(write(slave, "out", 3), 3);
    CHECK_EQ(wait_for(master, POLLIN) & POLLIN, POLLIN);
    CHECK_EQ(tcflush(master, TCIFLUSH), 0);
    CHECK_EQ(poll_ms(master, POLLIN, 10), 0);
    pty_end();
}

/* Lines become characters and characters lines. */
static void mode_changes(void)
{
    char text[16];
    pty_new();
    pty_local(ECHO, 0);
    TYPE("no end");
    CHECK_EQ(poll_ms(slave, POLLIN, 10), 0); /* it looks at what is on the way, too */
    pty_local(ICANON, 0);
    CHECK_EQ(read(slave, text, sizeof text), 6);
    TYPE("again");
    until_typed(5);
    pty_local(0, ICANON);
    CHECK_EQ(read(slave, text, sizeof text), 5); /* as if it were a line */
    TYPE("line\n");
    CHECK_LINE("line\n");
    pty_end();
}

int main(void)
{
    how_many();
    bulk();
    events();
    flow();
    flushes();
    mode_changes();
    return finish();
}
