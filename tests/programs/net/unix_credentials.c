/* SO_PEERCRED, SO_PASSCRED with SCM_CREDENTIALS, SO_PEERPIDFD's older kin. */
#include "net.h"

static struct ucred peer(int fd)
{
    struct ucred c = {-1, 77, 77};
    socklen_t n = sizeof c;
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n), 0);
    CHECK_EQ(n, sizeof c);
    return c;
}

static void check_is(struct ucred c, pid_t pid)
{
    CHECK_EQ(c.pid, pid);
    CHECK_EQ(c.uid, getuid());
    CHECK_EQ(c.gid, getgid());
}

static void of_pairs_and_connections(void)
{
    int fds[2], listener = unix_listener(SOCK_STREAM, "creds.socket", 2), status;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    check_is(peer(fds[0]), getpid());
    int fresh = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(peer(fresh).pid, 0); /* nobody */
    CHECK_EQ((int)peer(fresh).uid, -1);
    pid_t child = fork();
    if (!child) { /* the pair was made by the parent; the connection is ours */
        check_is(peer(fds[0]), getppid());
        int fd = unix_dial(SOCK_STREAM, "creds.socket");
        check_is(peer(fd), getppid()); /* who called listen */
        CHECK_EQ(write(fd, "x", 1), 1);
        check_end(fd);
        _exit(check_failures != 0);
    }
    int fd = accept(listener, 0, 0);
    check_is(peer(fd), child);
    char byte;
    CHECK_EQ(read(fd, &byte, 1), 1);
    shutdown(fd, SHUT_WR);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    check_is(peer(fd), child); /* even when it is dead */
    close(fd), close(listener), close(fresh), close(fds[0]), close(fds[1]);
    unlink("creds.socket");
}

/* The credentials of a message, or of nobody. */
static struct ucred receive(int fd, int *found)
{
    char control[128], byte;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof control};
    struct ucred c = {0, 0, 0};
    *found = 0;
    CHECK_EQ(recvmsg(fd, &m, 0), 1);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_CREDENTIALS) {
            CHECK_EQ(h->cmsg_len, CMSG_LEN(sizeof c));
            memcpy(&c, CMSG_DATA(h), sizeof c);
            ++*found;
        }
    return c;
}

static ssize_t send_as(int fd, pid_t pid, uid_t uid, gid_t gid)
{
    char control[CMSG_SPACE(sizeof(struct ucred))] = {0};
    struct iovec v = {"c", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof control};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    struct ucred c = {pid, uid, gid};
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_CREDENTIALS, h->cmsg_len = CMSG_LEN(sizeof c);
    memcpy(CMSG_DATA(h), &c, sizeof c);
    return sendmsg(fd, &m, 0);
}

static void with_messages(int type)
{
    int fds[2], found, status;
    CHECK_EQ(socketpair(AF_UNIX, type, 0, fds), 0);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    receive(fds[1], &found);
    CHECK_EQ(found, 0); /* not asked for */
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_PASSCRED, 1), 0);
    CHECK_EQ(get_option(fds[1], SOL_SOCKET, SO_PASSCRED), 1);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    check_is(receive(fds[1], &found), getpid()); /* with every message, sent along or not */
    CHECK_EQ(found, 1);
    CHECK_EQ(send_as(fds[0], getpid(), getuid(), getgid()), 1);
    check_is(receive(fds[1], &found), getpid());
    pid_t child = fork();
    if (!child)
        _exit(write(fds[0], "x", 1) != 1);
    check_is(receive(fds[1], &found), child); /* who wrote, not who made the socket */
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_ERRNO(send_as(fds[0], 999999, getuid(), getgid()), ESRCH);
    close(fds[0]), close(fds[1]);
}

/* A reader that wants credentials does not join two writers' bytes. */
static void not_joined(void)
{
    int fds[2], status;
    char text[8];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_PASSCRED, 1), 0);
    CHECK_EQ(write(fds[0], "me", 2), 2);
    IN_CHILD(status, CHECK_EQ(write(fds[0], "child", 5), 5));
    CHECK_EQ(status, 0);
    CHECK_EQ(read(fds[1], text, sizeof text), 2);
    CHECK_EQ(read(fds[1], text, sizeof text), 5);
    close(fds[0]), close(fds[1]);
}

int main(void)
{
    of_pairs_and_connections();
    with_messages(SOCK_STREAM);
    with_messages(SOCK_DGRAM);
    with_messages(SOCK_SEQPACKET);
    not_joined();
    return finish();
}
