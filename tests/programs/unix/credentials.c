/* Who is at the other end: SO_PEERCRED, SCM_CREDENTIALS, pidfds of peers; names given by the kernel. */
#include "unix.h"
#include <sys/syscall.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

static struct ucred peer_of(int fd)
{
    struct ucred c = {0};
    socklen_t n = sizeof c;
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n), 0);
    return c;
}

static void peers(void)
{
    int listener = unix_listener(SOCK_STREAM, abstract("peer"), 4), s[2];
    pid_t pid, server = getpid();
    CHILD(pid, int c = unix_dial(SOCK_STREAM, abstract("peer")); CHECK_EQ(peer_of(c).pid, server);
          check_flow(c, c)); /* there and back */
    int a = accept(listener, 0, 0);
    struct ucred c = peer_of(a);
    CHECK_EQ(c.pid, pid);
    CHECK_EQ(c.uid, getuid());
    CHECK_EQ(c.gid, getgid());
    char byte;
    CHECK_EQ(read(a, &byte, 1), 1);
    CHECK_EQ(write(a, &byte, 1), 1);
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(peer_of(a).pid, pid); /* also of who is dead */
    close(a);
    close(listener);
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(peer_of(s[0]).pid, getpid());
    close(s[0]);
    close(s[1]);
    int none = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(peer_of(none).pid, 0);
    CHECK_EQ(peer_of(none).uid, (uid_t)-1);
    close(none);
}

/* A message with its control data: the sender's credentials, and a pidfd when there is one. */
static int receive(int fd, struct ucred *creds, int *pidfd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char text[16];
    struct iovec v = {text, sizeof text};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int n = (int)recvmsg(fd, &m, 0);
    *pidfd = -1;
    memset(creds, 0, sizeof *creds);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_type == SCM_CREDENTIALS)
            memcpy(creds, CMSG_DATA(c), sizeof *creds);
        if (c->cmsg_type == SCM_PIDFD)
            memcpy(pidfd, CMSG_DATA(c), sizeof *pidfd);
    }
    CHECK_EQ(m.msg_flags & MSG_CTRUNC, 0);
    return n;
}

static void messages(void)
{
    int s[2], pidfd;
    pid_t pid;
    struct ucred c;
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(set_option(s[0], SOL_SOCKET, SO_PASSCRED, 1), 0);
    CHECK_EQ(get_option(s[0], SOL_SOCKET, SO_PASSCRED), 1);
    CHILD(pid, CHECK_EQ(write(s[1], "child", 5), 5); sleep_ms(10); CHECK_EQ(write(s[1], "again", 5), 5);
          sleep_ms(10));
    CHECK_EQ(receive(s[0], &c, &pidfd), 5);
    CHECK_EQ(c.pid, pid);
    CHECK_EQ(c.uid, getuid());
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(write(s[1], "me", 2), 2);
    CHECK_EQ(receive(s[0], &c, &pidfd), 5); /* not glued to another's */
    CHECK_EQ(receive(s[0], &c, &pidfd), 2);
    CHECK_EQ(c.pid, getpid());
    close(s[0]);
    close(s[1]);
}

static void pidfds(void)
{
    int s[2], pidfd;
    pid_t pid;
    struct ucred c;
    unix_pair(s, SOCK_STREAM);
    if (set_option(s[0], SOL_SOCKET, SO_PASSPIDFD, 1))
        return; /* an older kernel */
    CHILD(pid, CHECK_EQ(write(s[1], "child", 5), 5); char go; CHECK_EQ(read(s[1], &go, 1), 1); sleep_ms(10));
    CHECK_EQ(receive(s[0], &c, &pidfd), 5);
    CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(poll_now(pidfd), 0);
    CHECK_EQ(write(s[0], "g", 1), 1);
    CHECK_EQ(wait_for(pidfd, POLLIN), POLLIN); /* its end wakes who waits */
    CHECK_EQ(reap(pid), 0);
    close(pidfd);
    close(s[0]);
    close(s[1]);
    int listener = unix_listener(SOCK_STREAM, abstract("peer"), 4);
    socklen_t n = sizeof pidfd;
    CHILD(pid, int d = unix_dial(SOCK_STREAM, abstract("peer")); char go; CHECK_EQ(read(d, &go, 1), 1); sleep_ms(10));
    int a = accept(listener, 0, 0);
    CHECK_EQ(getsockopt(a, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &n), 0);
    CHECK_EQ(poll_now(pidfd), 0);
    CHECK_EQ(write(a, "g", 1), 1);
    CHECK_EQ(wait_for(pidfd, POLLIN), POLLIN);
    CHECK_EQ(reap(pid), 0);
    close(listener);
    close(a);
}

/* A name of the kernel's choice: a NUL and five digits. */
static void check_given(int fd, char text[6])
{
    struct sockaddr_un a;
    socklen_t n = sizeof a;
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    CHECK_EQ(n, 2 + 6);
    CHECK_EQ(a.sun_path[0], 0);
    CHECK_EQ(strspn(a.sun_path + 1, "0123456789abcdef"), 5);
    memcpy(text, a.sun_path, 6);
}

static void given_names(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX}, from;
    char one[6], two[6], byte;
    socklen_t n = sizeof from;
    int r = socket(AF_UNIX, SOCK_DGRAM, 0), s = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(bind(r, (struct sockaddr *)&a, 2), 0);
    check_given(r, one);
    CHECK_EQ(bind(r, (struct sockaddr *)&a, 2), 0); /* it has one */
    check_given(r, two);
    CHECK(!memcmp(one, two, 6));
    memcpy(a.sun_path, one, 6);
    CHECK_EQ(set_option(s, SOL_SOCKET, SO_PASSCRED, 1), 0);
    CHECK_EQ(sendto(s, "x", 1, 0, (struct sockaddr *)&a, 8), 1); /* and so has who wants credentials */
    check_given(s, two);
    CHECK(memcmp(one, two, 6));
    CHECK_EQ(recvfrom(r, &byte, 1, 0, (struct sockaddr *)&from, &n), 1);
    CHECK(n == 8 && !memcmp(from.sun_path, two, 6));
    CHECK_EQ(sendto(r, "y", 1, 0, (struct sockaddr *)&from, n), 1);
    CHECK_EQ(recv(s, &byte, 1, 0), 1);
    close(r);
    close(s);
    int listener = unix_listener(SOCK_STREAM, abstract("given"), 4), c = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(set_option(c, SOL_SOCKET, SO_PASSCRED, 1), 0);
    CHECK_EQ(unix_connect(c, abstract("given")), 0);
    check_given(c, two);
    n = sizeof from;
    int d = accept(listener, (struct sockaddr *)&from, &n);
    CHECK(n == 8 && !memcmp(from.sun_path, two, 6));
    close(c);
    close(d);
    close(listener);
}

int main(void)
{
    peers();
    messages();
    pidfds();
    given_names();
    return finish();
}
