/* readv, writev, sendmsg, recvmsg over TCP: many parts, empty ones, bad ones. */
#include "net.h"

enum { PARTS = 300, LARGEST = 97 };

static int fds[2];
static char data[PARTS * LARGEST], got[PARTS * LARGEST];

static size_t cut(struct iovec *v, char *base, int count)
{
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        v[i] = (struct iovec){base + at, (size_t)(i * 37 % LARGEST)}; /* some are empty */
        at += v[i].iov_len;
    }
    return at;
}

static void many(void)
{
    struct iovec out[PARTS], in[PARTS];
    size_t size = cut(out, data, PARTS);
    CHECK_EQ(cut(in, got, PARTS), size);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)bulk_byte(1, i);
    CHECK_EQ(writev(fds[0], out, PARTS), size);
    CHECK_EQ(recv(fds[1], got, 1, MSG_WAITALL | MSG_PEEK), 1);
    struct msghdr m = {.msg_iov = in, .msg_iovlen = PARTS};
    CHECK_EQ(recvmsg(fds[1], &m, MSG_WAITALL), size);
    CHECK_EQ(memcmp(data, got, size), 0);
    m = (struct msghdr){.msg_iov = out, .msg_iovlen = PARTS};
    CHECK_EQ(sendmsg(fds[0], &m, 0), size);
    memset(got, 0, sizeof got);
    size_t done = 0;
    while (done < size) {
        struct iovec two[2] = {{got + done, (size - done + 1) / 2},
                               {got + done + (size - done + 1) / 2, (size - done) / 2}};
        ssize_t n = readv(fds[1], two, 2);
        CHECK(n > 0);
        done += n > 0 ? (size_t)n : size;
    }
    CHECK_EQ(memcmp(data, got, size), 0);
}

/* The kernel's name in a msghdr: TCP fills in none, and takes none. */
static void header(void)
{
    struct sockaddr_in name = {0};
    struct iovec v = {got, 10};
    struct msghdr m = {.msg_name = &name, .msg_namelen = sizeof name, .msg_iov = &v, .msg_iovlen = 1,
                       .msg_flags = -1};
    char control[64];
    m.msg_control = control, m.msg_controllen = sizeof control;
    CHECK_EQ(write(fds[0], "abc", 3), 3);
    CHECK_EQ(recvmsg(fds[1], &m, 0), 3);
    CHECK_EQ(m.msg_namelen, 0);
    CHECK_EQ(m.msg_controllen, 0);
    CHECK_EQ(m.msg_flags, 0);
    name = in4("198.51.100.1", 1);
    CHECK_EQ(sendto(fds[0], "abc", 3, 0, (struct sockaddr *)&name, sizeof name), 3); /* not looked at */
    socklen_t n = sizeof name;
    CHECK_EQ(recvfrom(fds[1], got, 3, MSG_WAITALL, (struct sockaddr *)&name, &n), 3);
    CHECK_EQ(n, 0);
}

static void errors(void)
{
    volatile int one_less = -1;
    struct iovec v[3] = {{data, 4}, {nowhere, 4}, {data, 4}};
    struct iovec much[1025];
    memset(much, 0, sizeof much);
    CHECK_ERRNO(writev(fds[0], much, 1025), EINVAL);
    CHECK_ERRNO(writev(fds[0], much, one_less), EINVAL);
    CHECK_EQ(writev(fds[0], much, 1024), 0);
    CHECK_EQ(writev(fds[0], much, 0), 0);
    struct msghdr m = {.msg_iov = much, .msg_iovlen = 1025};
    CHECK_ERRNO(sendmsg(fds[0], &m, 0), EMSGSIZE);
    CHECK_ERRNO(recvmsg(fds[0], &m, 0), EMSGSIZE);
    CHECK_ERRNO(writev(fds[0], nowhere, 1), EFAULT);
    CHECK_ERRNO(sendmsg(fds[0], nowhere, 0), EFAULT);
    CHECK_ERRNO(recvmsg(fds[0], nowhere, 0), EFAULT);
    CHECK_EQ(read(fds[0], nowhere, 0), 0);
    CHECK_ERRNO(write(fds[0], nowhere, 4), EFAULT);
    v[1].iov_len = (size_t)-1;
    CHECK_ERRNO(writev(fds[0], v, 3), EINVAL);
    CHECK_ERRNO(preadv(fds[0], v, 1, 0), ESPIPE);
    CHECK_ERRNO(pread(fds[0], data, 1, 0), ESPIPE);
    CHECK_ERRNO(lseek(fds[0], 0, SEEK_CUR), ESPIPE);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    CHECK_EQ(wait_for(fds[1], POLLIN), POLLIN);
    CHECK_ERRNO(read(fds[1], nowhere, 1), EFAULT); /* and the byte is still there */
    CHECK_EQ(recv(fds[1], got, sizeof got, MSG_DONTWAIT), 1);
}

int main(void)
{
    tcp_pair(fds);
    many();
    header();
    errors();
    return finish();
}
