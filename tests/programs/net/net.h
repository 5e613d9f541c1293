/* What the programs about descriptors and sockets share. Each must pass natively and under dstrun
 * alike; it prints "ok" and nothing else.
 *
 * Nothing here may hang on how fast loopback is: under load the kernel delivers from ksoftirqd, some
 * time after send() returned. Who looks for an effect on the other end waits for it with wait_for(). */
#ifndef NET_H
#define NET_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "../check.h"

#define LOOPBACK "127.0.0.1"
#define PATIENCE_MS 20000 /* for what must come */
#define ALL_EVENTS (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)

UNUSED static void *volatile nowhere = (void *)16; /* a bad address that the compiler does not know */

UNUSED static struct sockaddr_in in4(const char *host, int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    CHECK_EQ(inet_pton(AF_INET, host, &a.sin_addr), 1);
    return a;
}

UNUSED static struct sockaddr_in6 in6(const char *host, int port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    CHECK_EQ(inet_pton(AF_INET6, host, &a.sin6_addr), 1);
    return a;
}

/* bind, connect and sendto by text and port; a host with a colon is IPv6. */
UNUSED static socklen_t address(struct sockaddr_storage *out, const char *host, int port)
{
    memset(out, 0, sizeof *out);
    if (strchr(host, ':')) {
        struct sockaddr_in6 a = in6(host, port);
        memcpy(out, &a, sizeof a);
        return sizeof a;
    }
    struct sockaddr_in a = in4(host, port);
    memcpy(out, &a, sizeof a);
    return sizeof a;
}

UNUSED static int bind_to(int fd, const char *host, int port)
{
    struct sockaddr_storage a;
    socklen_t n = address(&a, host, port);
    return bind(fd, (struct sockaddr *)&a, n);
}

UNUSED static int connect_to(int fd, const char *host, int port)
{
    struct sockaddr_storage a;
    socklen_t n = address(&a, host, port);
    return connect(fd, (struct sockaddr *)&a, n);
}

UNUSED static ssize_t send_to(int fd, const void *data, size_t size, const char *host, int port)
{
    struct sockaddr_storage a;
    socklen_t n = address(&a, host, port);
    return sendto(fd, data, size, 0, (struct sockaddr *)&a, n);
}

/* The text of an address; four of them live at a time. */
UNUSED static const char *host_of(const struct sockaddr_storage *a)
{
    static char texts[4][INET6_ADDRSTRLEN];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    const void *raw = a->ss_family == AF_INET ? (const void *)&((const struct sockaddr_in *)a)->sin_addr
                                              : &((const struct sockaddr_in6 *)a)->sin6_addr;
    return inet_ntop(a->ss_family, raw, text, INET6_ADDRSTRLEN) ? text : "?";
}

UNUSED static int port_of(const struct sockaddr_storage *a)
{
    return ntohs(((const struct sockaddr_in *)a)->sin_port); /* at the same place in both families */
}

typedef int name_call(int, struct sockaddr *, socklen_t *);

UNUSED static struct sockaddr_storage name_of(int fd, name_call *call)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    CHECK_EQ(call(fd, (struct sockaddr *)&a, &n), 0);
    return a;
}

UNUSED static int local_port(int fd)
{
    struct sockaddr_storage a = name_of(fd, getsockname);
    return port_of(&a);
}

UNUSED static int peer_port(int fd)
{
    struct sockaddr_storage a = name_of(fd, getpeername);
    return port_of(&a);
}

UNUSED static const char *local_host(int fd)
{
    struct sockaddr_storage a = name_of(fd, getsockname);
    return host_of(&a);
}

UNUSED static const char *peer_host(int fd)
{
    struct sockaddr_storage a = name_of(fd, getpeername);
    return host_of(&a);
}

#define CHECK_TEXT(value, wanted) CHECK(strcmp(value, wanted) == 0)

UNUSED static int family_of(const char *host) { return strchr(host, ':') ? AF_INET6 : AF_INET; }

/* A listener on an address; port 0 takes a free one. */
UNUSED static int listen_on(const char *host, int port, int backlog)
{
    int fd = socket(family_of(host), SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind_to(fd, host, port), 0);
    CHECK_EQ(listen(fd, backlog), 0);
    return fd;
}

UNUSED static int make_listener(void) { return listen_on(LOOPBACK, 0, 16); }

/* A connection to a listener of this program. */
UNUSED static int dial(int listener)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(fd, LOOPBACK, local_port(listener)), 0);
    return fd;
}

/* fds[0] is the end that connected, fds[1] the accepted one. */
UNUSED static void tcp_pair(int fds[2])
{
    int listener = make_listener();
    fds[0] = dial(listener);
    fds[1] = accept(listener, 0, 0);
    CHECK(fds[1] >= 0);
    close(listener);
}

UNUSED static int bound_udp(const char *host)
{
    int fd = socket(family_of(host), SOCK_DGRAM, 0);
    CHECK_EQ(bind_to(fd, host, 0), 0);
    return fd;
}

/* What poll says within `ms`; 0: nothing. */
UNUSED static int poll_ms(int fd, int events, int ms)
{
    struct pollfd p = {fd, (short)events, 0};
    int n = poll(&p, 1, ms);
    CHECK(n >= 0 && n == (p.revents != 0));
    return p.revents;
}

UNUSED static int poll_now(int fd) { return poll_ms(fd, ALL_EVENTS, 0); }

UNUSED static int wait_for(int fd, int events)
{
    int got = poll_ms(fd, events, PATIENCE_MS);
    CHECK(got != 0);
    return got;
}

/* Waits until poll says exactly this of all events: a state that is reached in steps. */
UNUSED static int comes_to(int fd, int wanted)
{
    int got = 0;
    for (int ms = 0; ms < PATIENCE_MS && (got = poll_now(fd)) != wanted; ms++)
        sleep_ms(1);
    return got;
}

UNUSED static int get_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t n = sizeof value;
    CHECK_EQ(getsockopt(fd, level, name, &value, &n), 0);
    CHECK_EQ(n, sizeof value);
    return value;
}

UNUSED static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

UNUSED static int socket_error(int fd) { return get_option(fd, SOL_SOCKET, SO_ERROR); }

UNUSED static void set_nonblocking(int fd, int on)
{
    int flags = fcntl(fd, F_GETFL);
    CHECK_EQ(fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK), 0);
}

UNUSED static void set_timeout(int fd, int name, long ms)
{
    struct timeval t = {ms / 1000, ms % 1000 * 1000};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, name, &t, sizeof t), 0);
}

/* Reads so many bytes, or up to the end of file. */
UNUSED static ssize_t read_all(int fd, void *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, (char *)to + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return n;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

UNUSED static ssize_t write_all(int fd, const void *from, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = write(fd, (const char *)from + done, size - done);
        if (n < 0 && errno != EINTR)
            return n;
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)size;
}

/* One byte from one end must come out of the other. */
UNUSED static void check_flow(int from, int to)
{
    char byte = 0;
    CHECK_EQ(write(from, "x", 1), 1);
    CHECK_EQ(read(to, &byte, 1), 1);
    CHECK_EQ(byte, 'x');
}

UNUSED static void check_linked(int a, int b)
{
    check_flow(a, b);
    check_flow(b, a);
}

/* The end of what the other side sends. */
UNUSED static void check_end(int fd)
{
    char byte;
    CHECK_EQ(read(fd, &byte, 1), 0);
}

/* Data for bulk transfers: byte i of stream `key`. */
UNUSED static unsigned char bulk_byte(unsigned key, size_t i)
{
    return (unsigned char)((i * 2654435761u >> 7) ^ (i >> 13) ^ key);
}

UNUSED static void bulk_fill(unsigned char *to, unsigned key, size_t at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = bulk_byte(key, at + i);
}

UNUSED static int bulk_same(const unsigned char *data, unsigned key, size_t at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != bulk_byte(key, at + i))
            return 0;
    return 1;
}

UNUSED static long ms_since(double before)
{
    return (long)((now_s(CLOCK_MONOTONIC) - before) * 1000);
}

/* Sends descriptors over an AF_UNIX socket with one byte of data. */
UNUSED static ssize_t send_fds(int over, const int *fds, int count)
{
    char control[CMSG_SPACE(16 * sizeof(int))] = {0};
    struct iovec v = {"f", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
    return sendmsg(over, &m, MSG_NOSIGNAL);
}

/* Takes them, room for `most`; how many came. */
UNUSED static int receive_fds(int over, int *fds, int most, int flags)
{
    char control[CMSG_SPACE(16 * sizeof(int))], byte;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = CMSG_LEN((size_t)most * sizeof(int))};
    if (recvmsg(over, &m, flags) != 1)
        return -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return 0;
    int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
    return count;
}

/* An AF_UNIX address; a leading '@' makes an abstract one. Its length, the path's NUL included. */
UNUSED static socklen_t unix_address(struct sockaddr_un *a, const char *name)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    memcpy(a->sun_path, name, strlen(name));
    if (name[0] != '@')
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);
    a->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

UNUSED static int unix_bind(int fd, const char *name)
{
    struct sockaddr_un a;
    socklen_t n = unix_address(&a, name);
    return bind(fd, (struct sockaddr *)&a, n);
}

UNUSED static int unix_connect(int fd, const char *name)
{
    struct sockaddr_un a;
    socklen_t n = unix_address(&a, name);
    return connect(fd, (struct sockaddr *)&a, n);
}

UNUSED static ssize_t unix_send_to(int fd, const void *data, size_t size, const char *name)
{
    struct sockaddr_un a;
    socklen_t n = unix_address(&a, name);
    return sendto(fd, data, size, 0, (struct sockaddr *)&a, n);
}

/* A bound socket; the path's file is removed first. */
UNUSED static int unix_bound(int type, const char *name)
{
    int fd = socket(AF_UNIX, type, 0);
    unlink(name);
    CHECK_EQ(unix_bind(fd, name), 0);
    return fd;
}

UNUSED static int unix_listener(int type, const char *name, int backlog)
{
    int fd = unix_bound(type, name);
    CHECK_EQ(listen(fd, backlog), 0);
    return fd;
}

UNUSED static int unix_dial(int type, const char *name)
{
    int fd = socket(AF_UNIX, type, 0);
    CHECK_EQ(unix_connect(fd, name), 0);
    return fd;
}
#endif
