/* SCM_RIGHTS cut short (MSG_CTRUNC), looked at with MSG_PEEK, out of numbers, too many. */
#include "net.h"
#include <sys/resource.h>

static int pair[2];

/* recvmsg with so many bytes of room for control; flags and the count come back. */
static int receive(size_t room, int flags, int *fds, int *out_flags)
{
    char control[256], byte;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? control : 0,
                       .msg_controllen = room};
    CHECK_EQ(recvmsg(pair[1], &m, flags), 1);
    *out_flags = m.msg_flags;
    struct cmsghdr *c = room >= sizeof *c ? CMSG_FIRSTHDR(&m) : 0;
    if (!c)
        return 0;
    int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
    return count;
}

static int lowest_free(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void cut(void)
{
    int ends[2], got[8], flags, low = lowest_free();
    CHECK_EQ(pipe(ends), 0);
    int three[3] = {ends[0], ends[0], ends[1]};
    CHECK_EQ(send_fds(pair[0], three, 3), 1);
    CHECK_EQ(receive(CMSG_LEN(2 * sizeof(int)), 0, got, &flags), 2);
    CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    close(got[0]), close(got[1]);
    CHECK_EQ(send_fds(pair[0], three, 3), 1);
    CHECK_EQ(receive(0, 0, got, &flags), 0);
    CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    CHECK_EQ(send_fds(pair[0], three, 3), 1);
    CHECK_EQ(receive(CMSG_LEN(0), 0, got, &flags), 0); /* a head only */
    CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    CHECK_EQ(send_fds(pair[0], three, 3), 1);
    CHECK_EQ(receive(CMSG_SPACE(3 * sizeof(int)), 0, got, &flags), 3);
    CHECK_EQ(flags, 0);
    close(got[0]), close(got[1]), close(got[2]);
    close(ends[0]), close(ends[1]);
    CHECK_EQ(lowest_free(), low); /* none has leaked */
}

/* A peek gives descriptors of its own, and they come again. */
static void peek(void)
{
    int ends[2], one[2], two[2], flags;
    char byte;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(send_fds(pair[0], &ends[1], 1), 1);
    close(ends[1]);
    CHECK_EQ(receive(CMSG_LEN(sizeof(int)), MSG_PEEK, one, &flags), 1);
    CHECK_EQ(receive(CMSG_LEN(sizeof(int)), 0, two, &flags), 1);
    CHECK(one[0] != two[0]);
    CHECK_EQ(write(one[0], "1", 1), 1);
    close(one[0]);
    CHECK_EQ(write(two[0], "2", 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    close(two[0]);
    check_end(ends[0]); /* both copies are gone */
    close(ends[0]);
}

/* No number is free: cut, too. */
static void no_numbers(void)
{
    struct rlimit was, now;
    int ends[2], got[8], flags;
    CHECK_EQ(pipe(ends), 0);
    int low = lowest_free();
    CHECK_EQ(send_fds(pair[0], ends, 2), 1);
    getrlimit(RLIMIT_NOFILE, &was);
    now = was;
    now.rlim_cur = (rlim_t)low + 1; /* for one of them */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
    CHECK_EQ(receive(CMSG_LEN(2 * sizeof(int)), 0, got, &flags), 1);
    CHECK_EQ(flags & MSG_CTRUNC, MSG_CTRUNC);
    CHECK_EQ(got[0], low);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
    close(got[0]), close(ends[0]), close(ends[1]);
}

static void too_many(void)
{
    enum { MOST = 253 };
    static char control[CMSG_SPACE((MOST + 1) * sizeof(int))];
    int fds[MOST + 1];
    struct iovec v = {"m", 1};
    for (int i = 0; i <= MOST; i++)
        fds[i] = 0;
    for (int count = MOST + 1; count >= MOST; count--) {
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
        if (count > MOST)
            CHECK_ERRNO(sendmsg(pair[0], &m, 0), EINVAL);
        else
            CHECK_EQ(sendmsg(pair[0], &m, 0), 1);
    }
    char byte;
    CHECK_EQ(read(pair[1], &byte, 1), 1);
}

int main(void)
{
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cut();
    peek();
    no_numbers();
    too_many();
    close(pair[0]), close(pair[1]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    cut();
    peek();
    return finish();
}
