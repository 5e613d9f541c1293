/* shutdown over AF_UNIX, of streams, sequenced packets and datagrams. */
#include "net.h"

static int fds[2];

static void renew(int type) { CHECK_EQ(socketpair(AF_UNIX, type, 0, fds), 0); }
static void done(void) { close(fds[0]), close(fds[1]); }

static void write_half(int type)
{
    char text[8];
    renew(type);
    CHECK_EQ(write(fds[0], "last", 4), 4);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(poll_now(fds[1]), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(read(fds[1], text, sizeof text), 4);
    check_end(fds[1]);
    check_flow(fds[1], fds[0]);
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_EQ(poll_now(fds[1]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    done();
}

/* Unlike TCP's, it is seen by the peer at once: writing there fails. */
static void read_half(int type)
{
    char byte;
    renew(type);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK_EQ(shutdown(fds[0], SHUT_RD), 0);
    CHECK_EQ(read(fds[0], &byte, 1), 1); /* what is there can be read */
    check_end(fds[0]);
    CHECK_ERRNO(send(fds[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    check_flow(fds[0], fds[1]);
    CHECK_EQ(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(poll_now(fds[1]), POLLOUT);
    done();
}

static void both(int type)
{
    renew(type);
    CHECK_EQ(shutdown(fds[0], SHUT_RDWR), 0);
    check_end(fds[0]);
    check_end(fds[1]);
    CHECK_ERRNO(send(fds[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_EQ(poll_now(fds[1]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_EQ(shutdown(fds[0], SHUT_RDWR), 0);
    done();
}

static void wakes(int type)
{
    int status;
    renew(type);
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(shutdown(fds[0], SHUT_WR) != 0);
    }
    check_end(fds[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    static char much[1 << 20];
    child = fork();
    if (!child) { /* a writer that is blocked */
        ssize_t n = 1;
        while (n > 0)
            n = send(fds[1], much, type == SOCK_STREAM ? sizeof much : 1000, MSG_NOSIGNAL);
        _exit(errno != EPIPE);
    }
    sleep_ms(30);
    CHECK_EQ(shutdown(fds[0], SHUT_RD), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    done();
}

static void datagrams(void)
{
    char byte;
    renew(SOCK_DGRAM);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERRNO(recv(fds[1], &byte, 1, MSG_DONTWAIT), EAGAIN); /* the peer is not told */
    CHECK_EQ(shutdown(fds[1], SHUT_RD), 0);
    check_end(fds[1]);
    CHECK_EQ(recv(fds[1], &byte, 1, 0), 0);
    check_flow(fds[1], fds[0]);
    done();
}

static void errors(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(shutdown(fd, 3), EINVAL);
    CHECK_EQ(shutdown(fd, SHUT_WR), 0); /* connected or not */
    close(fd);
    int listener = unix_listener(SOCK_STREAM, "@dstrun-shutdown", 2), status;
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(shutdown(listener, SHUT_RD) != 0);
    }
    CHECK_ERRNO(accept(listener, 0, 0), EINVAL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_ERRNO(unix_connect(socket(AF_UNIX, SOCK_STREAM, 0), "@dstrun-shutdown"), ECONNREFUSED);
    close(listener);
}

int main(void)
{
    const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    for (int i = 0; i < 2; i++) {
        write_half(types[i]);
        read_half(types[i]);
        both(types[i]);
        wakes(types[i]);
    }
    datagrams();
    errors();
    return finish();
}
