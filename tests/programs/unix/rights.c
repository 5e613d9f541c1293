/* SCM_RIGHTS: what is received works as the sender's own, whatever it is. */
#include "unix.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int way[2]; /* way[0]: the parent's, way[1]: the child's */

/* A child that is given `fd`, of which the parent then has no descriptor, and does `body` with `got`. */
#define GIVEN(pid, fd, ...)             \
    do {                                \
        unix_pair(way, SOCK_STREAM);    \
        CHILD(pid, close(way[0]); close(fd); int got = receive_fd(way[1]); CHECK(got >= 0); __VA_ARGS__); \
        close(way[1]);                  \
        CHECK(send_fd(way[0], fd));     \
        close(fd);                      \
    } while (0)

#define DONE(pid)                  \
    do {                           \
        CHECK_EQ(reap(pid), 0);    \
        close(way[0]);             \
    } while (0)

static void pipes(void)
{
    int p[2];
    char text[8];
    pid_t pid;
    CHECK_EQ(pipe(p), 0);
    GIVEN(pid, p[0], close(p[1]); CHECK_EQ(read(got, text, 8), 5); CHECK_EQ(read(got, text, 8), 0)); /* it waits */
    sleep_ms(20);
    CHECK_EQ(write(p[1], "hello", 5), 5);
    sleep_ms(10);
    close(p[1]);
    DONE(pid);
    CHECK_EQ(pipe(p), 0);
    GIVEN(pid, p[1], close(p[0]); static char much[200000]; CHECK_EQ(write(got, much, sizeof much), sizeof much));
    long total = 0;
    static char chunk[5000];
    for (ssize_t n; (n = read(p[0], chunk, sizeof chunk)) > 0;)
        total += n;
    CHECK_EQ(total, 200000); /* and the end came when the child's was closed */
    close(p[0]);
    DONE(pid);
}

static void sockets(void)
{
    int t[2], u[2];
    char text[8];
    pid_t pid;
    tcp_pair(t);
    GIVEN(pid, t[1], close(t[0]); struct sockaddr_in a; socklen_t n = sizeof a;
          CHECK_EQ(getpeername(got, (struct sockaddr *)&a, &n), 0); CHECK_EQ(a.sin_family, AF_INET);
          CHECK_EQ(read_all(got, text, 4), 4); CHECK_EQ(write(got, "pong", 4), 4));
    CHECK_EQ(write(t[0], "ping", 4), 4);
    CHECK_EQ(read_all(t[0], text, 4), 4);
    check_end(t[0]);
    close(t[0]);
    DONE(pid);
    int listener = make_listener(), port = local_port(listener); /* as servers hand over */
    GIVEN(pid, listener, int s = accept(got, 0, 0); CHECK(s >= 0); CHECK_EQ(write(s, "new", 3), 3));
    int c = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(c, LOOPBACK, port), 0);
    CHECK_EQ(read_all(c, text, 3), 3);
    close(c);
    DONE(pid);
    unix_pair(u, SOCK_STREAM);
    GIVEN(pid, u[1], close(u[0]); CHECK_EQ(read_all(got, text, 4), 4); CHECK_EQ(write(got, text, 4), 4));
    sleep_ms(10);
    CHECK_EQ(write(u[0], "echo", 4), 4);
    CHECK_EQ(read_all(u[0], text, 4), 4);
    check_end(u[0]);
    close(u[0]);
    DONE(pid);
}

static void event_descriptors(void)
{
    uint64_t value = 3;
    pid_t pid;
    int p[2], fd = eventfd(0, 0), kept = dup(fd);
    GIVEN(pid, fd, CHECK_EQ(read(got, &value, 8), 8); CHECK_EQ(value, 3));
    sleep_ms(10);
    CHECK_EQ(write(kept, &value, 8), 8);
    close(kept);
    DONE(pid);
    fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct itimerspec t = {{0, 10000000}, {0, 30000000}};
    CHECK_EQ(timerfd_settime(fd, 0, &t, 0), 0);
    GIVEN(pid, fd, CHECK_EQ(wait_for(got, POLLIN), POLLIN); CHECK_EQ(read(got, &value, 8), 8); CHECK(value >= 1));
    DONE(pid);
    CHECK_EQ(pipe(p), 0);
    fd = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = 77};
    CHECK_EQ(epoll_ctl(fd, EPOLL_CTL_ADD, p[0], &ev), 0);
    GIVEN(pid, fd, CHECK_EQ(epoll_wait(got, &ev, 1, PATIENCE_MS), 1); CHECK_EQ(ev.data.u32, 77));
    sleep_ms(10);
    CHECK_EQ(write(p[1], "x", 1), 1);
    DONE(pid);
    close(p[0]);
    close(p[1]);
}

static void files(void)
{
    char text[8] = "";
    pid_t pid;
    int fd = open("rights.file", O_CREAT | O_RDWR | O_TRUNC, 0600), kept = dup(fd);
    CHECK_EQ(write(fd, "abcdef", 6), 6);
    CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
    GIVEN(pid, fd, CHECK_EQ(read(got, text, 2), 2); CHECK(!memcmp(text, "cd", 2)));
    DONE(pid);
    CHECK_EQ(lseek(kept, 0, SEEK_CUR), 4); /* one open file, one offset */
    close(kept);
    unlink("rights.file");
    fd = memfd_create("m", 0);
    CHECK_EQ(ftruncate(fd, 4096), 0);
    char *map = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    GIVEN(pid, fd, char *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, got, 0); strcpy(m, "shared"));
    DONE(pid);
    CHECK_TEXT(map, "shared");
}

/* O_NONBLOCK is the open file's: both sides see it. Close-on-exec is the descriptor's. */
static void flags(void)
{
    int p[2], s[2], got, flags_out;
    char byte;
    CHECK_EQ(pipe(p), 0);
    unix_pair(s, SOCK_SEQPACKET);
    CHECK(send_fd(s[0], p[0]));
    CHECK_EQ(receive_data_fds(s[1], &byte, 1, &got, 1, MSG_CMSG_CLOEXEC, &flags_out), 1);
    CHECK_EQ(flags_out & MSG_CTRUNC, 0);
    CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(got, F_GETFL) & O_NONBLOCK, 0);
    set_nonblocking(p[0], 1);
    CHECK(fcntl(got, F_GETFL) & O_NONBLOCK);
    CHECK_ERRNO(read(got, &byte, 1), EAGAIN);
    close(p[0]);
    CHECK_EQ(write(p[1], "x", 1), 1);
    CHECK_EQ(read(got, &byte, 1), 1);
    close(got);
    on_signal(SIGPIPE, 0);
    CHECK_ERRNO(write(p[1], "x", 1), EPIPE);
    close(p[1]);
}

/* As many as there is room for; the rest is closed. */
static void truncated(void)
{
    int p[2][2], s[2], got[8], flags_out;
    char byte;
    unix_pair(s, SOCK_DGRAM);
    CHECK_EQ(pipe(p[0]), 0);
    CHECK_EQ(pipe(p[1]), 0);
    int all[2] = {p[0][1], p[1][1]};
    CHECK_EQ(send_data_fds(s[0], "x", 1, all, 2), 1);
    close(p[0][1]);
    close(p[1][1]);
    CHECK_EQ(receive_data_fds(s[1], &byte, 1, got, 1, 0, &flags_out), 1);
    CHECK_EQ(flags_out & MSG_CTRUNC, MSG_CTRUNC);
    CHECK_EQ(write(got[0], "y", 1), 1);
    CHECK_EQ(read(p[0][0], &byte, 1), 1);
    CHECK_EQ(read(p[1][0], &byte, 1), 0); /* nobody has the other end */
    close(got[0]);
    CHECK_EQ(read(p[0][0], &byte, 1), 0);
    CHECK_ERRNO(send_data_fds(s[0], "x", 1, all, 2), EBADF);
}

static void peeked(void)
{
    int p[2], s[2], first = -1, second = -1, third = -1;
    char text[8];
    CHECK_EQ(pipe(p), 0);
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(write(s[0], "ab", 2), 2);
    CHECK(send_fd(s[0], p[1]));
    close(p[1]);
    CHECK_EQ(receive_data_fds(s[1], text, 8, &first, 1, MSG_PEEK, 0), 1);
    CHECK_EQ(receive_data_fds(s[1], text, 8, &second, 1, MSG_PEEK, 0), 1);
    CHECK_EQ(receive_data_fds(s[1], text, 8, &third, 1, 0, 0), 1);
    CHECK(!memcmp(text, "abf", 3));
    CHECK(first != second && second != third && first >= 0 && third >= 0);
    set_nonblocking(first, 1);
    CHECK(fcntl(third, F_GETFL) & O_NONBLOCK);
    close(first);
    close(second);
    CHECK_EQ(poll_now(p[0]), 0);
    close(third);
    CHECK_EQ(read(p[0], text, 1), 0);
}

int main(void)
{
    pipes();
    sockets();
    event_descriptors();
    files();
    flags();
    truncated();
    peeked();
    return finish();
}
