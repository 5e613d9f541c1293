/* SCM_RIGHTS: several descriptors, their order and kinds, flags, data between, streams' boundaries. */
#include "net.h"

enum { MANY = 10 };

static int pair[2];

static void several(void)
{
    int fds[MANY], got[MANY];
    char text[4];
    for (int i = 0; i < MANY; i++) {
        char name[] = "rights.0";
        name[7] = (char)('0' + i);
        fds[i] = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
        CHECK_EQ(write(fds[i], name + 7, 1), 1);
        unlink(name);
    }
    CHECK_EQ(send_fds(pair[0], fds, MANY), 1);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    CHECK_EQ(receive_fds(pair[1], got, MANY, 0), MANY);
    for (int i = 0; i < MANY; i++) {
        CHECK(i == 0 || got[i] > got[i - 1]); /* the lowest free numbers, in order */
        CHECK_EQ(pread(got[i], text, 1, 0), 1);
        CHECK_EQ(text[0], '0' + i);
        CHECK_EQ(lseek(got[i], 0, SEEK_CUR), 1); /* the same description */
        close(got[i]);
    }
}

/* The same one twice, itself, one that is closed. */
static void odd_ones(void)
{
    int ends[2], got[MANY], twice[2];
    CHECK_EQ(pipe(ends), 0);
    twice[0] = twice[1] = ends[0];
    CHECK_EQ(send_fds(pair[0], twice, 2), 1);
    CHECK_EQ(receive_fds(pair[1], got, 2, 0), 2);
    CHECK(got[0] != got[1]);
    CHECK_EQ(write(ends[1], "ab", 2), 2);
    char byte;
    CHECK_EQ(read(got[0], &byte, 1), 1);
    CHECK_EQ(read(got[1], &byte, 1), 1);
    CHECK_EQ(byte, 'b');
    close(got[0]), close(got[1]), close(ends[0]);
    CHECK_ERRNO(send_fds(pair[0], ends, 1), EBADF);
    CHECK_ERRNO(send_fds(pair[0], &(int){-1}, 1), EBADF);
    CHECK_ERRNO(recv(pair[1], &byte, 1, MSG_DONTWAIT), EAGAIN); /* and its data was not sent */
    close(ends[1]);
    CHECK_EQ(send_fds(pair[0], &pair[0], 1), 1); /* a socket through itself's peer */
    CHECK_EQ(receive_fds(pair[1], got, 1, 0), 1);
    check_flow(got[0], pair[1]);
    close(got[0]);
}

static void close_on_exec(void)
{
    int ends[2], got[2];
    CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    CHECK_EQ(send_fds(pair[0], ends, 2), 1);
    CHECK_EQ(receive_fds(pair[1], got, 2, 0), 2);
    CHECK_EQ(fcntl(got[0], F_GETFD), 0); /* the flag is the descriptor's: not sent */
    close(got[0]), close(got[1]);
    CHECK_EQ(send_fds(pair[0], ends, 2), 1);
    CHECK_EQ(receive_fds(pair[1], got, 2, MSG_CMSG_CLOEXEC), 2);
    CHECK_EQ(fcntl(got[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(got[1], F_GETFD), FD_CLOEXEC);
    close(got[0]), close(got[1]), close(ends[0]), close(ends[1]);
}

/* A stream's read ends with the data with which descriptors came: it never joins two lots. */
static void boundaries(void)
{
    int ends[2], got[4];
    char text[16];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(pair[0], "before", 6), 6);
    CHECK_EQ(send_fds(pair[0], &ends[0], 1), 1);
    CHECK_EQ(write(pair[0], "after", 5), 5);
    CHECK_EQ(send_fds(pair[0], &ends[1], 1), 1);
    struct iovec v = {text, sizeof text};
    char control[CMSG_SPACE(4 * sizeof(int))];
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof control};
    CHECK_EQ(recvmsg(pair[1], &m, 0), 7);
    CHECK_EQ(CMSG_FIRSTHDR(&m) ? CMSG_FIRSTHDR(&m)->cmsg_len : 0, CMSG_LEN(sizeof(int)));
    memcpy(&got[0], CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
    close(got[0]);
    CHECK_EQ(read(pair[1], text, sizeof text), 6); /* plain read: descriptors are dropped */
    CHECK_EQ(write(pair[0], "x", 1), 1);
    CHECK_EQ(send_fds(pair[0], &ends[0], 1), 1);
    CHECK_EQ(send_fds(pair[0], &ends[1], 1), 1);
    CHECK_EQ(read(pair[1], text, sizeof text), 2);
    CHECK_EQ(read(pair[1], text, sizeof text), 1);
    close(ends[0]), close(ends[1]);
}

/* Descriptors that nobody took with the data are closed. */
static void dropped_by_read(void)
{
    int ends[2];
    char byte;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(send_fds(pair[0], &ends[1], 1), 1);
    close(ends[1]);
    CHECK_ERRNO((set_nonblocking(ends[0], 1), read(ends[0], &byte, 1)), EAGAIN); /* in flight */
    CHECK_EQ(read(pair[1], &byte, 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

int main(void)
{
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    several();
    odd_ones();
    close_on_exec();
    boundaries();
    dropped_by_read();
    close(pair[0]), close(pair[1]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    several();
    odd_ones();
    dropped_by_read();
    return finish();
}
