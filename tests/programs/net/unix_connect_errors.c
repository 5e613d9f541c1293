/* connect over AF_UNIX that fails: nobody, nothing there, another kind, full, no permission. */
#include "net.h"

static int unix_fd(int type) { return socket(AF_UNIX, type, 0); }

static void nobody(void)
{
    int fd = unix_fd(SOCK_STREAM);
    CHECK_ERRNO(unix_connect(fd, "nothing.socket"), ENOENT);
    CHECK_ERRNO(unix_connect(fd, "@dstrun-nothing"), ECONNREFUSED);
    CHECK_ERRNO(unix_connect(fd, "no/where"), ENOENT);
    int file = open("plain.file", O_RDWR | O_CREAT, 0600);
    CHECK_ERRNO(unix_connect(fd, "plain.file"), ECONNREFUSED); /* no socket */
    CHECK_ERRNO(unix_connect(fd, "plain.file/x"), ENOTDIR);
    CHECK_ERRNO(unix_connect(fd, "."), ECONNREFUSED);
    close(file), unlink("plain.file");
    int bound = unix_bound(SOCK_STREAM, "bound.socket");
    CHECK_ERRNO(unix_connect(fd, "bound.socket"), ECONNREFUSED); /* does not listen */
    CHECK_EQ(listen(bound, 1), 0);
    CHECK_EQ(unix_connect(fd, "bound.socket"), 0);
    close(bound);
    CHECK_ERRNO(unix_connect(unix_fd(SOCK_STREAM), "bound.socket"), ECONNREFUSED);
    unlink("bound.socket");
    /* the connection that was never accepted has ended */
    char byte;
    CHECK_EQ(poll_now(fd), POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_ERRNO(read(fd, &byte, 1), ECONNRESET);
    close(fd);
}

static void another_kind(void)
{
    int stream = unix_listener(SOCK_STREAM, "s.socket", 1), dgram = unix_bound(SOCK_DGRAM, "d.socket");
    CHECK_ERRNO(unix_connect(unix_fd(SOCK_STREAM), "d.socket"), EPROTOTYPE);
    CHECK_ERRNO(unix_connect(unix_fd(SOCK_DGRAM), "s.socket"), EPROTOTYPE);
    CHECK_ERRNO(unix_connect(unix_fd(SOCK_SEQPACKET), "s.socket"), EPROTOTYPE);
    CHECK_ERRNO(unix_send_to(unix_fd(SOCK_DGRAM), "x", 1, "s.socket"), EPROTOTYPE);
    CHECK_ERRNO(listen(dgram, 1), EOPNOTSUPP);
    CHECK_ERRNO(accept(dgram, 0, 0), EOPNOTSUPP);
    CHECK_ERRNO(listen(unix_fd(SOCK_STREAM), 1), EINVAL); /* no name */
    CHECK_ERRNO(accept(unix_fd(SOCK_STREAM), 0, 0), EINVAL);
    CHECK_ERRNO(unix_connect(stream, "s.socket"), EINVAL); /* a listener */
    close(stream), close(dgram);
    unlink("s.socket"), unlink("d.socket");
}

/* A full backlog: EAGAIN at once for a non-blocking socket, a wait for another; never EINPROGRESS. */
static void full(void)
{
    int listener = unix_listener(SOCK_STREAM, "full.socket", 1), status;
    int a = unix_dial(SOCK_STREAM, "full.socket"), b = unix_dial(SOCK_STREAM, "full.socket");
    int c = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_ERRNO(unix_connect(c, "full.socket"), EAGAIN);
    CHECK_EQ(poll_now(c), POLLOUT | POLLHUP);
    int d = unix_fd(SOCK_STREAM);
    set_timeout(d, SO_SNDTIMEO, 50);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_ERRNO(unix_connect(d, "full.socket"), EAGAIN);
    CHECK(ms_since(before) >= 45);
    pid_t child = fork();
    if (!child) {
        int fd = unix_dial(SOCK_STREAM, "full.socket"); /* blocks */
        _exit(write(fd, "w", 1) != 1);
    }
    sleep_ms(30);
    close(accept(listener, 0, 0));
    close(accept(listener, 0, 0));
    int fd = accept(listener, 0, 0);
    char byte = 0;
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, 'w');
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(unix_connect(c, "full.socket"), 0); /* at once */
    int y = unix_dial(SOCK_STREAM, "full.socket"); /* full again */
    child = fork();
    if (!child) { /* asleep in connect when the listener goes */
        int x = unix_fd(SOCK_STREAM);
        close(listener);
        CHECK_ERRNO(unix_connect(x, "full.socket"), ECONNREFUSED);
        _exit(check_failures != 0);
    }
    sleep_ms(50);
    close(listener);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(a), close(b), close(c), close(d), close(y), close(fd);
    unlink("full.socket");
}

static void no_permission(void)
{
    int listener = unix_listener(SOCK_STREAM, "locked.socket", 1);
    CHECK_EQ(chmod("locked.socket", 0), 0);
    if (getuid() == 0)
        close(unix_dial(SOCK_STREAM, "locked.socket"));
    else
        CHECK_ERRNO(unix_connect(unix_fd(SOCK_STREAM), "locked.socket"), EACCES);
    close(listener), unlink("locked.socket");
}

int main(void)
{
    nobody();
    another_kind();
    full();
    no_permission();
    return finish();
}
