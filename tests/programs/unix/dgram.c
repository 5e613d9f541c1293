/* Datagrams: by name and connected, full receivers, senders that wait, peers that die. */
#include "unix.h"
#include <sys/epoll.h>

static int receiver(const char *name)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(unix_bind(fd, name), 0);
    return fd;
}

static int sender(const char *to)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (to)
        CHECK_EQ(unix_connect(fd, to), 0);
    return fd;
}

static void by_name(void)
{
    int r = receiver(abstract("r")), s = sender(0);
    char text[16];
    struct sockaddr_un from;
    socklen_t n = sizeof from;
    CHECK_EQ(unix_sendto(s, "nobody", 6, 0, abstract("r")), 6);
    CHECK_EQ(recvfrom(r, text, sizeof text, 0, (struct sockaddr *)&from, &n), 6);
    CHECK_EQ(n, 0); /* the sender has no name */
    CHECK_EQ(unix_bind(s, abstract("s")), 0);
    CHECK_EQ(unix_sendto(s, "", 0, 0, abstract("r")), 0);
    CHECK_EQ(unix_sendto(s, "somebody", 8, 0, abstract("r")), 8);
    n = sizeof from;
    CHECK_EQ(recvfrom(r, text, sizeof text, 0, (struct sockaddr *)&from, &n), 0);
    CHECK_EQ(n, 2 + strlen(abstract("s")));
    CHECK_EQ(recv(r, text, 4, MSG_TRUNC), 8);
    CHECK(!memcmp(text, "some", 4));
    CHECK_EQ(sendto(r, "back", 4, 0, (struct sockaddr *)&from, n), 4);
    CHECK_EQ(recv(s, text, sizeof text, 0), 4);
    CHECK_ERRNO(send(s, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(unix_sendto(s, "x", 1, 0, abstract("none")), ECONNREFUSED);
    CHECK_ERRNO(unix_sendto(s, "x", 1, 0, "none.sock"), ENOENT);
    static char huge[300000];
    CHECK_ERRNO(unix_sendto(s, huge, sizeof huge, 0, abstract("r")), EMSGSIZE);
    close(r);
    close(s);
}

/* Waiting senders go on when the receiver reads, from whatever end they had found full. */
static void full(void)
{
    int r = receiver(abstract("r"));
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        CHILD(pids[i], close(r); int s = sender(i ? abstract("r") : 0); for (int k = 0; k < 20; k++) {
            char text[2] = {(char)i, (char)k};
            CHECK_EQ(i ? send(s, text, 2, 0) : unix_sendto(s, text, 2, 0, abstract("r")), 2);
        });
    sleep_ms(30);
    int next[3] = {0, 0, 0};
    for (int i = 0; i < 60; i++) {
        char text[4];
        CHECK_EQ(recv(r, text, 4, 0), 2);
        CHECK_EQ(text[1], next[(int)text[0]]++);
        if (i % 7 == 0)
            sleep_ms(1);
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(reap(pids[i]), 0);
    close(r);
}

/* Few but large ones: the sender's own buffer is what is full, and two receivers share it. */
static char large[30000];

static void large_sender(int report)
{
    int s = sender(0), n = 0;
    while (unix_sendto(s, large, sizeof large, MSG_DONTWAIT, n % 2 ? abstract("b") : abstract("a")) > 0)
        n++;
    CHECK(n > 3 && n < 10);
    CHECK_EQ(poll_now(s), 0);
    char byte = (char)n;
    CHECK_EQ(write(report, &byte, 1), 1);
    CHECK_EQ(unix_sendto(s, large, sizeof large, 0, abstract("a")), sizeof large); /* goes on by what b reads */
    CHECK_EQ(write(report, "x", 1), 1);
}

static void own_buffer(void)
{
    int a = receiver(abstract("a")), b = receiver(abstract("b")), ready[2];
    pid_t pid;
    char n, byte;
    CHECK_EQ(pipe(ready), 0);
    CHILD(pid, close(a); close(b); large_sender(ready[1]));
    CHECK_EQ(read(ready[0], &n, 1), 1);
    sleep_ms(20);
    for (int i = 0; i < n; i += 2)
        CHECK_EQ(recv(a, large, sizeof large, 0), sizeof large);
    for (int i = 1; i < n; i += 2) {
        if (i + 2 < n) /* not before a good part is free */
            CHECK_EQ(poll_ms(ready[0], POLLIN, 5), 0);
        CHECK_EQ(recv(b, large, sizeof large, 0), sizeof large);
    }
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    CHECK_EQ(recv(a, large, sizeof large, 0), sizeof large);
    CHECK_EQ(reap(pid), 0);
    close(a);
    close(b);
}

static void events(void)
{
    int r = receiver(abstract("r")), s = sender(abstract("r")), n = 0, ep = epoll_create1(0);
    char byte;
    pid_t pid;
    set_nonblocking(s, 1);
    struct epoll_event ev = {.events = EPOLLOUT | EPOLLET};
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, s, &ev), 0);
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 1);
    while (send(s, "x", 1, 0) == 1)
        n++;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(poll_now(s), 0);
    CHECK_EQ(epoll_wait(ep, &ev, 1, 0), 0);
    for (int how = 0; how < 2; how++) {
        CHILD(pid, sleep_ms(20); CHECK_EQ(recv(r, &byte, 1, 0), 1));
        if (how)
            CHECK_EQ(wait_for(s, POLLOUT), POLLOUT);
        else
            CHECK_EQ(epoll_wait(ep, &ev, 1, PATIENCE_MS), 1);
        CHECK_EQ(send(s, "x", 1, 0), 1);
        CHECK_ERRNO(send(s, "x", 1, 0), EAGAIN);
        CHECK_EQ(reap(pid), 0);
    }
    for (int i = 0; i < n; i++)
        CHECK_EQ(recv(r, &byte, 1, MSG_DONTWAIT), 1);
    CHECK_ERRNO(recv(r, &byte, 1, MSG_DONTWAIT), EAGAIN);
    close(r);
    close(s);
    close(ep);
}

/* The receiver dies: who waits is refused, and the connection is no more. */
static void death(void)
{
    int r = receiver(abstract("r"));
    pid_t pid;
    CHILD(pid, close(r); int s = sender(abstract("r")); set_nonblocking(s, 1); while (send(s, "x", 1, 0) == 1);
          set_nonblocking(s, 0); CHECK_ERRNO(send(s, "x", 1, 0), ECONNREFUSED);
          CHECK_ERRNO(send(s, "x", 1, 0), ENOTCONN));
    until_asleep(pid);
    close(r);
    CHECK_EQ(reap(pid), 0);
    r = receiver(abstract("r"));
    int s = sender(abstract("r"));
    close(r);
    r = receiver(abstract("r")); /* the name is another's now */
    CHECK_ERRNO(send(s, "x", 1, 0), ECONNREFUSED);
    CHECK_EQ(unix_connect(s, abstract("r")), 0);
    CHECK_EQ(send(s, "x", 1, 0), 1);
    close(r);
    close(s);
}

/* Who is connected takes messages from its peer only; connecting elsewhere drops what is there. */
static void reconnected(void)
{
    int a = receiver(abstract("a")), b = receiver(abstract("b")), c = receiver(abstract("c"));
    char text[4];
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK_EQ(unix_connect(a, abstract("b")), 0);
    CHECK_ERRNO(unix_sendto(c, "x", 1, 0, abstract("a")), EPERM);
    CHECK_ERRNO(unix_connect(c, abstract("a")), EPERM);
    CHECK_EQ(unix_connect(b, abstract("a")), 0);
    for (int i = 0; i < 40; i++) /* two that know each other: no limit but the buffer's */
        CHECK_EQ(send(b, "y", 1, MSG_DONTWAIT), 1);
    CHECK_EQ(unix_connect(a, abstract("c")), 0);
    CHECK_ERRNO(recv(a, text, 4, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(socket_error(b), ECONNRESET);
    CHECK_ERRNO(send(b, "y", 1, 0), EPERM);
    CHECK_EQ(connect(a, &none, sizeof none), 0);
    CHECK_ERRNO(send(a, "y", 1, 0), ENOTCONN);
    CHECK_EQ(unix_sendto(c, "z", 1, 0, abstract("a")), 1);
    CHECK_EQ(recv(a, text, 4, 0), 1);
    CHECK_EQ(unix_connect(a, abstract("a")), 0); /* to itself */
    CHECK_EQ(send(a, "self", 4, 0), 4);
    CHECK_EQ(recv(a, text, 4, 0), 4);
    close(a);
    close(b);
    close(c);
}

static void pairs(void)
{
    int s[2], n = 0;
    pid_t pid;
    unix_pair(s, SOCK_DGRAM);
    while (send(s[0], large, sizeof large, MSG_DONTWAIT) > 0)
        n++;
    CHECK(n > 2);
    CHILD(pid, sleep_ms(20); for (int i = 0; i <= n; i++) CHECK_EQ(recv(s[1], large, sizeof large, 0), sizeof large));
    CHECK_EQ(send(s[0], large, sizeof large, 0), sizeof large);
    CHECK_EQ(reap(pid), 0);
    on_signal(SIGPIPE, 0);
    CHECK_EQ(shutdown(s[1], SHUT_RD), 0);
    CHECK_EQ(recv(s[1], large, 1, 0), 0); /* an end, for who would wait */
    CHECK_ERRNO(recv(s[1], large, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERRNO(send(s[0], "x", 1, 0), EPIPE);
    CHECK_ERRNO(write(s[0], "x", 1), EPIPE);
    CHECK_EQ(signals_seen, 0); /* packets raise none */
    close(s[1]);
    CHECK_ERRNO(send(s[0], "x", 1, 0), ECONNREFUSED);
    CHECK_ERRNO(send(s[0], "x", 1, 0), ENOTCONN);
    close(s[0]);
}

int main(void)
{
    by_name();
    full();
    own_buffer();
    events();
    death();
    reconnected();
    pairs();
    return finish();
}
