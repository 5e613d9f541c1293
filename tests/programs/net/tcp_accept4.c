/* accept and accept4: the new descriptor's flags are those of the call, never the listener's. */
#include "net.h"

static int accepted(int listener, int flags)
{
    CHECK(dial(listener) >= 0); /* stays open */
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    int fd = flags < 0 ? accept(listener, 0, 0) : accept4(listener, 0, 0, flags);
    CHECK(fd >= 0);
    return fd;
}

static int nonblocking(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }
static int cloexec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

static void flags(int listener)
{
    int plain = accepted(listener, -1), zero = accepted(listener, 0);
    int nb = accepted(listener, SOCK_NONBLOCK), ce = accepted(listener, SOCK_CLOEXEC);
    int both = accepted(listener, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(!nonblocking(plain) && !cloexec(plain));
    CHECK(!nonblocking(zero) && !cloexec(zero));
    CHECK(nonblocking(nb) && !cloexec(nb));
    CHECK(!nonblocking(ce) && cloexec(ce));
    CHECK(nonblocking(both) && cloexec(both));
    CHECK_EQ(fcntl(plain, F_GETFL), O_RDWR);
    char byte;
    CHECK_ERRNO(read(nb, &byte, 1), EAGAIN);
    CHECK_ERRNO(accept4(listener, 0, 0, 1), EINVAL);
    CHECK_ERRNO(accept4(listener, 0, 0, SOCK_NONBLOCK | 0x1000), EINVAL);
}

static void from_nonblocking(void)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(nonblocking(listener) && cloexec(listener));
    CHECK_EQ(bind_to(listener, LOOPBACK, 0), 0);
    CHECK_EQ(listen(listener, 4), 0);
    CHECK_ERRNO(accept(listener, 0, 0), EAGAIN);
    int fd = accepted(listener, -1);
    CHECK(!nonblocking(fd) && !cloexec(fd));
    CHECK_ERRNO(accept(listener, 0, 0), EAGAIN);
    int other = accept4(listener, 0, 0, SOCK_NONBLOCK);
    CHECK_EQ(other, -1);
    close(fd), close(listener);
}

/* The lowest free number, after those of other kinds. */
static void numbers(int listener)
{
    int low = dup(0);
    int client = dial(listener); /* opens its own descriptor above */
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    close(low);
    CHECK_EQ(accept(listener, 0, 0), low);
    close(low), close(client);
}

/* accept(fd, address, 0): EFAULT comes after the connection was taken, which is then lost. */
static void faults(int listener)
{
    struct sockaddr_in a;
    int client = dial(listener);
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    CHECK_ERRNO(accept(listener, (struct sockaddr *)&a, (socklen_t *)16), EFAULT);
    wait_for(client, POLLIN);
    check_end(client);
    close(client);
    client = dial(listener);
    CHECK_EQ(wait_for(listener, POLLIN), POLLIN);
    socklen_t n = (socklen_t)-1;
    CHECK_ERRNO(accept(listener, (struct sockaddr *)&a, &n), EINVAL);
    wait_for(client, POLLIN);
    check_end(client);
    close(client);
    n = sizeof a; /* no address wanted: the length is not touched */
    client = dial(listener);
    int server = accept(listener, 0, &n);
    CHECK(server >= 0);
    CHECK_EQ(n, sizeof a);
    close(server), close(client);
}

int main(void)
{
    int listener = make_listener();
    flags(listener);
    from_nonblocking();
    numbers(listener);
    faults(listener);
    return finish();
}
