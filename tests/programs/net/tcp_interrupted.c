/* Signals during socket calls: EINTR, SA_RESTART, and the exceptions from it. */
#include "net.h"
#include <sys/epoll.h>
#include <sys/time.h>

static volatile int ticks;
static int wake_fd = -1; /* the handler may write here */

static void on_alarm(int signo)
{
    (void)signo;
    ticks++;
    if (wake_fd >= 0 && ticks == 2)
        write(wake_fd, "w", 1);
}

/* A tick each 30 ms: one of them will find us in the call, however slow we are. */
static void arm(int flags)
{
    struct sigaction a = {.sa_handler = on_alarm, .sa_flags = flags};
    sigaction(SIGALRM, &a, 0);
    ticks = 0;
    struct itimerval t = {{0, 30000}, {0, 30000}};
    CHECK_EQ(setitimer(ITIMER_REAL, &t, 0), 0);
}

static void disarm(void) { setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, 0); }

static void reads(void)
{
    int fds[2];
    char byte;
    tcp_pair(fds);
    arm(0);
    CHECK_ERRNO(read(fds[0], &byte, 1), EINTR);
    arm(0);
    CHECK_ERRNO(recv(fds[0], &byte, 1, 0), EINTR);
    disarm();
    CHECK(ticks >= 1);
    wake_fd = fds[1];
    arm(SA_RESTART);
    CHECK_EQ(read(fds[0], &byte, 1), 1); /* the second tick sends it */
    disarm();
    CHECK(ticks >= 2);
    arm(SA_RESTART);
    CHECK_EQ(recvfrom(fds[0], &byte, 1, 0, 0, 0), 1);
    disarm();
    wake_fd = -1;
    set_timeout(fds[0], SO_RCVTIMEO, 10000); /* with a time limit nothing is restarted */
    arm(SA_RESTART);
    CHECK_ERRNO(read(fds[0], &byte, 1), EINTR);
    disarm();
    CHECK(ticks >= 1);
    close(fds[0]), close(fds[1]);
}

static void accepts(void)
{
    int listener = make_listener(), fds[2];
    char byte;
    arm(0);
    CHECK_ERRNO(accept(listener, 0, 0), EINTR);
    disarm();
    tcp_pair(fds);
    wake_fd = fds[0];
    pid_t child = fork();
    if (!child) { /* on the second tick, dials */
        read(fds[1], &byte, 1);
        dial(listener);
        _exit(0);
    }
    arm(SA_RESTART);
    int fd = accept(listener, 0, 0);
    disarm();
    CHECK(fd >= 0);
    CHECK(ticks >= 2);
    wake_fd = -1;
    CHECK_EQ(waitpid(child, 0, 0), child);
    set_timeout(listener, SO_RCVTIMEO, 10000);
    arm(SA_RESTART);
    CHECK_ERRNO(accept(listener, 0, 0), EINTR);
    disarm();
    close(fd), close(listener), close(fds[0]), close(fds[1]);
}

/* What was sent already is the result; with nothing sent, EINTR. */
static void writes(void)
{
    int fds[2];
    static char much[8 << 20];
    tcp_pair(fds);
    CHECK_EQ(set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 50000), 0);
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_RCVBUF, 50000), 0);
    ssize_t n;
    arm(0);
    n = write(fds[0], much, sizeof much);
    CHECK(n > 0 && n < (ssize_t)sizeof much);
    for (int i = 0; i < 50 && n > 0; i++)
        n = write(fds[0], much, sizeof much);
    disarm();
    CHECK_EQ(n, -1);
    CHECK_EQ(errno, EINTR);
    close(fds[0]), close(fds[1]);
}

/* poll, select and epoll_wait are never restarted. */
static void waits(void)
{
    int fds[2], ep = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.u32 = 1}};
    struct pollfd p;
    tcp_pair(fds);
    p = (struct pollfd){fds[0], POLLIN, 0};
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &event), 0);
    arm(SA_RESTART);
    CHECK_ERRNO(poll(&p, 1, 10000), EINTR);
    arm(SA_RESTART);
    CHECK_ERRNO(poll(&p, 1, -1), EINTR);
    arm(SA_RESTART);
    CHECK_ERRNO(epoll_wait(ep, &event, 1, 10000), EINTR);
    arm(SA_RESTART);
    CHECK_ERRNO(epoll_wait(ep, &event, 1, -1), EINTR);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fds[0], &set);
    arm(SA_RESTART);
    CHECK_ERRNO(select(fds[0] + 1, &set, 0, 0, 0), EINTR);
    disarm();
    CHECK(ticks >= 1);
    close(ep), close(fds[0]), close(fds[1]);
}

/* An interrupted connect goes on by itself. */
static void connects(void)
{
    int listener = listen_on(LOOPBACK, 0, 1), a = dial(listener), b = dial(listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    wait_for(listener, POLLIN);
    sleep_ms(20); /* the queue is full */
    arm(0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, local_port(listener)), EINTR);
    disarm();
    set_nonblocking(fd, 1);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, local_port(listener)), EALREADY);
    close(accept(listener, 0, 0));
    CHECK_EQ(wait_for(fd, POLLOUT), POLLOUT);
    CHECK_EQ(socket_error(fd), 0);
    close(a), close(b), close(fd), close(listener);
}

int main(void)
{
    reads();
    accepts();
    writes();
    waits();
    connects();
    return finish();
}
