/* Datagrams larger than the room, empty ones, MSG_TRUNC and MSG_PEEK, FIONREAD. */
#include "net.h"

static int a, b;

static void put(const char *data) { CHECK_EQ(write(a, data, strlen(data)), strlen(data)); }

static ssize_t receive(void *to, size_t size, int flags, int *out_flags)
{
    struct iovec v = {to, size};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    ssize_t n = recvmsg(b, &m, flags);
    *out_flags = m.msg_flags;
    return n;
}

static void cut(void)
{
    char text[16];
    int flags;
    put("0123456789");
    CHECK_EQ(recv(b, text, 4, 0), 4); /* the rest is gone */
    put("second");
    CHECK_EQ(receive(text, sizeof text, 0, &flags), 6);
    CHECK_EQ(flags, 0);
    put("0123456789");
    CHECK_EQ(receive(text, 4, 0, &flags), 4);
    CHECK_EQ(flags, MSG_TRUNC);
    put("0123456789");
    CHECK_EQ(recv(b, text, 4, MSG_TRUNC), 10); /* the true length */
    put("0123456789");
    CHECK_EQ(receive(text, 4, MSG_TRUNC | MSG_PEEK, &flags), 10);
    CHECK_EQ(flags, MSG_TRUNC);
    CHECK_EQ(recv(b, 0, 0, MSG_TRUNC | MSG_PEEK), 10); /* how sizes are asked for */
    CHECK_EQ(read(b, text, 3), 3);
    CHECK_EQ(memcmp(text, "012", 3), 0);
    put("scattered");
    char x, y[2], z[3];
    struct iovec v[3] = {{&x, 1}, {y, 2}, {z, 3}};
    CHECK_EQ(readv(b, v, 3), 6);
    CHECK_EQ(memcmp(z, "tte", 3), 0);
    CHECK_ERRNO(recv(b, text, 1, MSG_DONTWAIT), EAGAIN);
}

static void empty(void)
{
    char text[4];
    CHECK_EQ(send(a, "", 0, 0), 0);
    CHECK_EQ(wait_for(b, POLLIN), POLLIN);
    CHECK_EQ(recv(b, text, sizeof text, 0), 0);
    CHECK_ERRNO(recv(b, text, sizeof text, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(send(a, "", 0, 0), 0); /* between two others, in its place */
    put("x");
    CHECK_EQ(recv(b, text, sizeof text, 0), 0);
    CHECK_EQ(recv(b, text, sizeof text, 0), 1);
    CHECK_EQ(write(a, "", 0), 0); /* write of nothing: a datagram, too */
    CHECK_EQ(wait_for(b, POLLIN), POLLIN);
    CHECK_EQ(read(b, text, sizeof text), 0);
    put("gone");
    CHECK_EQ(recv(b, text, 0, 0), 0); /* no room at all: it is taken nevertheless */
    CHECK_ERRNO(recv(b, text, sizeof text, MSG_DONTWAIT), EAGAIN);
}

/* FIONREAD is the size of the first. */
static void sizes(void)
{
    char text[64];
    int n = -1;
    CHECK_EQ(ioctl(b, FIONREAD, &n), 0);
    CHECK_EQ(n, 0);
    put("twelve bytes");
    put("7 bytes");
    CHECK_EQ(wait_for(b, POLLIN), POLLIN);
    CHECK_EQ(ioctl(b, FIONREAD, &n), 0);
    CHECK_EQ(n, 12);
    CHECK_EQ(recv(b, text, sizeof text, MSG_PEEK), 12);
    CHECK_EQ(recv(b, text, sizeof text, 0), 12);
    CHECK_EQ(recv(b, text, 3, MSG_PEEK), 3);
    CHECK_EQ(ioctl(b, FIONREAD, &n), 0);
    CHECK_EQ(n, 7);
    CHECK_EQ(recv(b, text, sizeof text, MSG_WAITALL), 7); /* MSG_WAITALL waits for no second one */
}

/* A datagram whose buffer faults is lost. */
static void faults(void)
{
    char text[8];
    put("lost");
    put("next");
    CHECK_ERRNO(recv(b, nowhere, 4, 0), EFAULT);
    CHECK_EQ(recv(b, text, sizeof text, 0), 4);
    CHECK_EQ(memcmp(text, "next", 4), 0);
    CHECK_ERRNO(send(a, nowhere, 4, 0), EFAULT);
    CHECK_EQ(poll_ms(b, POLLIN, 5), 0);
}

int main(void)
{
    a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK);
    CHECK_EQ(connect_to(a, LOOPBACK, local_port(b)), 0);
    cut();
    empty();
    sizes();
    faults();
    return finish();
}
