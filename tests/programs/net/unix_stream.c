/* AF_UNIX streams by path: names of both ends, data, end, pending data, bulk. */
#include "net.h"

#define PATH "stream.socket"

static void names(void)
{
    int listener = unix_listener(SOCK_STREAM, PATH, 5), fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un a;
    socklen_t n = sizeof a;
    struct stat st;
    CHECK_EQ(stat(PATH, &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&a, &n), 0);
    CHECK_EQ(n, offsetof(struct sockaddr_un, sun_path) + sizeof PATH);
    CHECK_TEXT(a.sun_path, PATH);
    n = sizeof a;
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    CHECK_EQ(n, sizeof a.sun_family); /* without a name there is only the family */
    CHECK_EQ(unix_connect(fd, PATH), 0);
    n = sizeof a;
    CHECK_EQ(getpeername(fd, (struct sockaddr *)&a, &n), 0);
    CHECK_TEXT(a.sun_path, PATH);
    n = sizeof a;
    memset(&a, 0xee, sizeof a);
    int server = accept(listener, (struct sockaddr *)&a, &n);
    CHECK_EQ(n, sizeof a.sun_family);
    CHECK_EQ(a.sun_family, AF_UNIX);
    n = sizeof a;
    CHECK_EQ(getsockname(server, (struct sockaddr *)&a, &n), 0); /* the listener's */
    CHECK_TEXT(a.sun_path, PATH);
    n = 6; /* cut */
    memset(&a, 0, sizeof a);
    CHECK_EQ(getsockname(server, (struct sockaddr *)&a, &n), 0);
    CHECK_EQ(n, offsetof(struct sockaddr_un, sun_path) + sizeof PATH);
    CHECK_TEXT(a.sun_path, "stre");
    check_linked(fd, server);
    CHECK_ERRNO(unix_connect(fd, PATH), EISCONN);
    close(fd);
    check_end(server);
    close(server), close(listener);
    CHECK_ERRNO(unix_connect(socket(AF_UNIX, SOCK_STREAM, 0), PATH), ECONNREFUSED);
    unlink(PATH);
}

/* A bound client has a name that the server sees. */
static void bound_client(void)
{
    int listener = unix_listener(SOCK_STREAM, PATH, 5), fd = unix_bound(SOCK_STREAM, "client.socket");
    struct sockaddr_un a = {0};
    socklen_t n = sizeof a;
    CHECK_EQ(unix_connect(fd, PATH), 0);
    int server = accept(listener, (struct sockaddr *)&a, &n);
    CHECK_TEXT(a.sun_path, "client.socket");
    close(fd), close(server), close(listener);
    unlink(PATH), unlink("client.socket");
}

static void bulk(void)
{
    enum { SIZE = 3000000 };
    static unsigned char data[SIZE], got[SIZE + 1];
    int listener = unix_listener(SOCK_STREAM, PATH, 1), status;
    bulk_fill(data, 8, 0, SIZE);
    pid_t child = fork();
    if (!child) {
        int fd = unix_dial(SOCK_STREAM, PATH);
        _exit(write(fd, data, SIZE) != SIZE); /* whole, by blocking */
    }
    int fd = accept(listener, 0, 0);
    CHECK_EQ(read_all(fd, got, sizeof got), SIZE);
    CHECK_EQ(memcmp(data, got, SIZE), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fd), close(listener);
    unlink(PATH);
}

/* close with unread data resets, as on TCP; without, it is an end. */
static void endings(void)
{
    int fds[2], type = SOCK_STREAM;
    char byte;
    CHECK_EQ(socketpair(AF_UNIX, type, 0, fds), 0);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    close(fds[1]);
    CHECK_EQ(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP);
    CHECK_ERRNO(read(fds[0], &byte, 1), ECONNRESET);
    check_end(fds[0]);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(fds[0]);
    CHECK_EQ(socketpair(AF_UNIX, type, 0, fds), 0);
    CHECK_EQ(write(fds[1], "last", 4), 4);
    close(fds[1]);
    CHECK_EQ(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    char text[8];
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE); /* at once, unlike TCP */
    CHECK_EQ(read(fds[0], text, sizeof text), 4);
    check_end(fds[0]);
    close(fds[0]);
}

/* Parts that come one by one: MSG_WAITALL waits for all, a plain read takes what there is. */
static void in_parts(void)
{
    int fds[2], status;
    char text[16];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid_t child = fork();
    if (!child) {
        close(fds[1]);
        for (int i = 0; i < 4; i++) {
            sleep_ms(5);
            CHECK_EQ(write(fds[0], "part", 4), 4);
        }
        _exit(check_failures != 0);
    }
    close(fds[0]);
    CHECK_EQ(recv(fds[1], text, 12, MSG_WAITALL), 12);
    CHECK_EQ(memcmp(text, "partpartpart", 12), 0);
    CHECK_EQ(recv(fds[1], text, 12, MSG_WAITALL), 4); /* cut by the end */
    check_end(fds[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fds[1]);
}

int main(void)
{
    in_parts();
    names();
    bound_client();
    bulk();
    endings();
    return finish();
}
