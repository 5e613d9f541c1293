/* Names of AF_UNIX sockets: abstract ones with any bytes, autobind, the longest, bad ones, files. */
#include "net.h"

static void abstract(void)
{
    char name[] = "@dstrun-abstract-x";
    int one = unix_bound(SOCK_STREAM, name), two = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un a;
    socklen_t n = sizeof a, length = unix_address(&a, name);
    CHECK_ERRNO(unix_bind(two, name), EADDRINUSE);
    CHECK_ERRNO(unix_connect(two, name), ECONNREFUSED); /* does not listen */
    CHECK_EQ(listen(one, 2), 0);
    CHECK_EQ(unix_connect(two, name), 0);
    CHECK_EQ(getpeername(two, (struct sockaddr *)&a, &n), 0);
    CHECK_EQ(n, length);
    CHECK_EQ(a.sun_path[0], 0);
    CHECK_EQ(memcmp(a.sun_path + 1, name + 1, strlen(name) - 1), 0);
    close(one); /* the name goes with the last descriptor */
    int three = unix_bound(SOCK_STREAM, name);
    close(three), close(two);
    /* bytes after a NUL count */
    struct sockaddr_un x = {.sun_family = AF_UNIX, .sun_path = "\0dstrun\0a"}, y = x;
    y.sun_path[8] = 'b';
    one = socket(AF_UNIX, SOCK_DGRAM, 0), two = socket(AF_UNIX, SOCK_DGRAM, 0);
    three = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(bind(one, (struct sockaddr *)&x, 2 + 9), 0);
    CHECK_EQ(bind(two, (struct sockaddr *)&y, 2 + 9), 0);
    CHECK_EQ(bind(three, (struct sockaddr *)&y, 2 + 10), 0); /* the length, too */
    CHECK_EQ(sendto(one, "b", 1, 0, (struct sockaddr *)&y, 2 + 9), 1);
    CHECK_EQ(poll_now(three) & POLLIN, 0);
    CHECK_EQ(poll_now(two) & POLLIN, POLLIN);
    close(one), close(two), close(three);
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* bind with the family alone chooses an abstract name of five hexadecimal digits. */
static void autobind(void)
{
    enum { COUNT = 8 };
    char chosen[COUNT][8];
    int fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        socklen_t n = sizeof a;
        fds[i] = socket(AF_UNIX, SOCK_DGRAM, 0);
        CHECK_EQ(bind(fds[i], (struct sockaddr *)&a, sizeof a.sun_family), 0);
        CHECK_EQ(getsockname(fds[i], (struct sockaddr *)&a, &n), 0);
        CHECK_EQ(n, sizeof a.sun_family + 6);
        CHECK_EQ(a.sun_path[0], 0);
        memcpy(chosen[i], a.sun_path + 1, 5);
        chosen[i][5] = 0;
        CHECK_EQ(strspn(chosen[i], "0123456789abcdef"), 5);
    }
    qsort(chosen, COUNT, sizeof chosen[0], by_name);
    for (int i = 1; i < COUNT; i++)
        CHECK(strcmp(chosen[i - 1], chosen[i]) != 0);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0), to = unix_bound(SOCK_DGRAM, "@dstrun-auto");
    CHECK_EQ(set_option(fd, SOL_SOCKET, SO_PASSCRED, 1), 0); /* makes a sender bind itself */
    CHECK_EQ(unix_send_to(fd, "x", 1, "@dstrun-auto"), 1);
    struct sockaddr_un a;
    socklen_t n = sizeof a;
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    CHECK_EQ(n, sizeof a.sun_family + 6);
    close(fd), close(to);
}

static void lengths(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct sockaddr_storage room = {0};
    socklen_t n = sizeof room;
    memset(a.sun_path, 'p', sizeof a.sun_path); /* 108 bytes and no NUL: allowed */
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&room, &n), 0);
    CHECK_EQ(n, sizeof a + 1); /* with a NUL of the kernel's own */
    char path[109] = {0};
    memcpy(path, a.sun_path, 108);
    CHECK_EQ(unlink(path), 0);
    close(fd);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(bind(fd, (struct sockaddr *)&a, sizeof a + 1), EINVAL);
    CHECK_ERRNO(bind(fd, (struct sockaddr *)&a, 1), EINVAL);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&a, sizeof a.sun_family), EINVAL);
    a.sun_family = AF_INET;
    CHECK_ERRNO(bind(fd, (struct sockaddr *)&a, sizeof a), EINVAL);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&a, sizeof a), EINVAL);
    CHECK_ERRNO(bind(fd, nowhere, sizeof a), EFAULT);
    close(fd);
}

static void files(void)
{
    int fd = unix_bound(SOCK_STREAM, "name.socket"), other = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(unix_bind(other, "name.socket"), EADDRINUSE);
    CHECK_ERRNO(unix_bind(fd, "another.socket"), EINVAL);
    close(fd); /* the file stays, and stays in the way */
    CHECK_ERRNO(unix_bind(other, "name.socket"), EADDRINUSE);
    CHECK_ERRNO(open("name.socket", O_RDWR), ENXIO);
    CHECK_EQ(unlink("name.socket"), 0);
    CHECK_ERRNO(unix_bind(other, "no/such/dir"), ENOENT);
    CHECK_ERRNO(unix_bind(other, "."), EADDRINUSE);
    CHECK_EQ(unix_bind(other, "name.socket"), 0);
    CHECK_EQ(rename("name.socket", "moved.socket"), 0); /* known by its inode */
    CHECK_EQ(listen(other, 5), 0);
    close(unix_dial(SOCK_STREAM, "moved.socket"));
    CHECK_ERRNO(unix_connect(socket(AF_UNIX, SOCK_STREAM, 0), "name.socket"), ENOENT);
    CHECK_EQ(link("moved.socket", "linked.socket"), 0);
    close(unix_dial(SOCK_STREAM, "linked.socket"));
    CHECK_EQ(symlink("moved.socket", "symbolic.socket"), 0);
    close(unix_dial(SOCK_STREAM, "symbolic.socket"));
    unlink("moved.socket"), unlink("linked.socket"), unlink("symbolic.socket");
    close(other);
}

int main(void)
{
    abstract();
    autobind();
    lengths();
    files();
    return finish();
}
