/* Names in the file system and the abstract ones: whom a connect means, and every error. */
#include "unix.h"

static int listener(const char *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(unix_bind(fd, name), 0);
    CHECK_EQ(listen(fd, 4), 0);
    return fd;
}

/* A byte sent by who connects to `name` must be read by who accepts from `fd`. */
static void check_means(const char *name, int fd)
{
    int a = unix_dial(SOCK_STREAM, name), b = accept(fd, 0, 0);
    check_linked(a, b);
    close(a);
    close(b);
}

static void check_refused(const char *name, int error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(unix_connect(fd, name), error);
    close(fd);
}

static void files(void)
{
    struct stat st;
    int a = listener("n1.sock");
    CHECK_EQ(lstat("n1.sock", &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    check_means("n1.sock", a);
    check_means("./n1.sock", a);
    CHECK_EQ(symlink("n1.sock", "n1.link"), 0);
    check_means("n1.link", a);
    CHECK_EQ(rename("n1.sock", "n2.sock"), 0);
    check_refused("n1.sock", ENOENT);
    check_refused("n1.link", ENOENT);
    check_means("n2.sock", a);
    CHECK_EQ(link("n2.sock", "n3.sock"), 0);
    CHECK_EQ(unlink("n2.sock"), 0);
    check_means("n3.sock", a);
    int b = listener("n2.sock"); /* another one with the old name */
    check_means("n2.sock", b);
    check_means("n3.sock", a);
    CHECK_EQ(unlink("n3.sock"), 0);
    close(a);
    check_means("n2.sock", b);
    close(b);
    check_refused("n2.sock", ECONNREFUSED); /* the file is still there */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(unix_bind(fd, "n2.sock"), EADDRINUSE);
    CHECK_EQ(unlink("n2.sock"), 0);
    CHECK_EQ(unix_bind(fd, "n2.sock"), 0);
    CHECK_ERRNO(unix_bind(fd, "n4.sock"), EINVAL);
    check_refused("n2.sock", ECONNREFUSED); /* it does not listen */
    close(fd);
    unlink("n2.sock");
    unlink("n1.link");
    close(open("n5.sock", O_CREAT | O_WRONLY, 0600));
    check_refused("n5.sock", ECONNREFUSED); /* no socket at all */
    unlink("n5.sock");
    check_refused("no/such/directory", ENOENT);
}

static void abstract_names(void)
{
    int a = listener(abstract("one")), b = listener(abstract("one-more"));
    check_means(abstract("one"), a);
    check_means(abstract("one-more"), b);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(unix_bind(fd, abstract("one")), EADDRINUSE);
    close(a);
    check_refused(abstract("one"), ECONNREFUSED);
    CHECK_EQ(unix_bind(fd, abstract("one")), 0);
    close(fd);
    close(b);
    struct sockaddr_un x = {.sun_family = AF_UNIX, .sun_path = "\0a\0b\0"}; /* NUL bytes count */
    socklen_t n = offsetof(struct sockaddr_un, sun_path) + 5;
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&x, n), 0);
    CHECK_EQ(listen(fd, 1), 0);
    int c = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(connect(c, (struct sockaddr *)&x, n - 1), ECONNREFUSED);
    CHECK_EQ(connect(c, (struct sockaddr *)&x, n), 0);
    struct sockaddr_un y;
    socklen_t m = sizeof y;
    CHECK_EQ(getpeername(c, (struct sockaddr *)&y, &m), 0);
    CHECK(m == n && !memcmp(&x, &y, n));
    m = 4; /* cut to the room, and the whole length told */
    CHECK_EQ(getpeername(c, (struct sockaddr *)&y, &m), 0);
    CHECK_EQ(m, n);
    m = sizeof y;
    CHECK_EQ(getsockname(c, (struct sockaddr *)&y, &m), 0);
    CHECK_EQ(m, 2);
    close(c);
    close(fd);
}

static void types(void)
{
    int s = listener("t.sock"), d = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_ERRNO(unix_connect(d, "t.sock"), EPROTOTYPE);
    CHECK_ERRNO(unix_sendto(d, "x", 1, 0, "t.sock"), EPROTOTYPE);
    CHECK_EQ(unix_bind(d, abstract("type")), 0);
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(unix_bind(other, abstract("type")), 0); /* names of each type are apart */
    check_refused(abstract("type"), ECONNREFUSED);
    int q = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK_ERRNO(unix_connect(q, "t.sock"), EPROTOTYPE);
    close(q);
    close(other);
    close(d);
    close(s);
    unlink("t.sock");
}

static void bad_addresses(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "x"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&a, 2), EINVAL);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&a, 1), EINVAL);
    CHECK_ERRNO(bind(fd, (struct sockaddr *)&a, 111), EINVAL);
    CHECK_ERRNO(syscall(SYS_connect, fd, 8, 20), EFAULT);
    CHECK_ERRNO(syscall(SYS_bind, fd, 8, 20), EFAULT);
    a.sun_family = AF_INET;
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&a, 20), EINVAL);
    CHECK_ERRNO(bind(fd, (struct sockaddr *)&a, 20), EINVAL);
    CHECK_ERRNO(listen(fd, 1), EINVAL);
    CHECK_ERRNO(accept(fd, 0, 0), EINVAL);
    CHECK_EQ(shutdown(fd, SHUT_RD), 0);
    CHECK_ERRNO(shutdown(fd, 5), EINVAL);
    CHECK_ERRNO(send(fd, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(recv(fd, &a, 1, 0), EINVAL);
    socklen_t n = sizeof a;
    CHECK_ERRNO(getpeername(fd, (struct sockaddr *)&a, &n), ENOTCONN);
    close(fd);
    CHECK_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT);
}

static void longest(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memset(a.sun_path, 'p', sizeof a.sun_path); /* all 108 bytes, without a NUL */
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(listen(fd, 1), 0);
    CHECK_EQ(connect(c, (struct sockaddr *)&a, sizeof a), 0);
    int b = accept(fd, 0, 0);
    check_linked(b, c);
    char name[120] = "";
    memcpy(name, a.sun_path, sizeof a.sun_path);
    CHECK_EQ(unlink(name), 0);
    close(fd);
    close(b);
    close(c);
}

int main(void)
{
    files();
    abstract_names();
    types();
    bad_addresses();
    longest();
    return finish();
}
