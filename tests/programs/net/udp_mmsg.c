/* sendmmsg and recvmmsg: many datagrams in a call, flags, time limits, errors in the middle. */
#include "net.h"

enum { MANY = 40, SIZE = 100 };

static int a, b;
static char data[MANY][SIZE], got[MANY][SIZE];
static struct iovec out[MANY], in[MANY];
static struct mmsghdr outs[MANY], ins[MANY];

static void prepare(void)
{
    for (int i = 0; i < MANY; i++) {
        memset(data[i], 'A' + i, SIZE);
        out[i] = (struct iovec){data[i], (size_t)i + 1};
        in[i] = (struct iovec){got[i], SIZE};
        outs[i] = (struct mmsghdr){{.msg_iov = &out[i], .msg_iovlen = 1}, 77};
        ins[i] = (struct mmsghdr){{.msg_iov = &in[i], .msg_iovlen = 1}, 77};
    }
}

static void check_got(int count)
{
    for (int i = 0; i < count; i++) {
        CHECK_EQ(ins[i].msg_len, i + 1);
        CHECK_EQ(memcmp(got[i], data[i], (size_t)i + 1), 0);
    }
}

static void wait_queued(void)
{
    CHECK_EQ(wait_for(b, POLLIN), POLLIN);
    sleep_ms(10);
}

static void plain(void)
{
    prepare();
    CHECK_EQ(sendmmsg(a, outs, MANY, 0), MANY);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(outs[i].msg_len, i + 1);
    wait_queued();
    CHECK_EQ(recvmmsg(b, ins, MANY, 0, 0), MANY);
    check_got(MANY);
    CHECK_ERRNO(recvmmsg(b, ins, MANY, MSG_DONTWAIT, 0), EAGAIN);
    CHECK_EQ(sendmmsg(a, outs, 5, 0), 5);
    wait_queued();
    prepare();
    CHECK_EQ(recvmmsg(b, ins, MANY, MSG_DONTWAIT, 0), 5); /* what there is */
    check_got(5);
    CHECK_EQ(ins[5].msg_len, 77); /* not touched */
    CHECK_EQ(sendmmsg(a, outs, 3, 0), 3);
    wait_queued();
    CHECK_EQ(recvmmsg(b, ins, MANY, MSG_WAITFORONE, 0), 3);
    CHECK_EQ(sendmmsg(a, outs, 0, 0), 0);
    CHECK_EQ(recvmmsg(b, ins, 0, MSG_DONTWAIT, 0), 0);
}

/* It waits for all that it was asked for, unless a time is given; the time is looked at only after
 * each datagram. */
static void waiting(void)
{
    int status;
    prepare();
    pid_t child = fork();
    if (!child) {
        for (int i = 0; i < 3; i++) {
            sleep_ms(15);
            CHECK_EQ(sendmmsg(a, outs + i, 1, 0), 1);
        }
        _exit(check_failures != 0);
    }
    CHECK_EQ(recvmmsg(b, ins, 3, 0, 0), 3);
    check_got(3);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    child = fork();
    if (!child) {
        sleep_ms(60);
        CHECK_EQ(sendmmsg(a, outs, 1, 0), 1);
        _exit(check_failures != 0);
    }
    struct timespec limit = {0, 20000000};
    CHECK_EQ(recvmmsg(b, ins, 3, 0, &limit), 1);
    CHECK(limit.tv_sec == 0 && limit.tv_nsec == 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    limit = (struct timespec){0, 1000000000};
    CHECK_ERRNO(recvmmsg(b, ins, 3, 0, &limit), EINVAL);
    set_timeout(b, SO_RCVTIMEO, 30);
    CHECK_EQ(sendmmsg(a, outs, 2, 0), 2);
    CHECK_EQ(recvmmsg(b, ins, 3, 0, 0), 2);
    set_timeout(b, SO_RCVTIMEO, 0);
}

/* An error after the first ends it with the number that went well; it is told at the next call only if
 * it stands. */
static void errors(void)
{
    prepare();
    out[2].iov_base = nowhere;
    CHECK_EQ(sendmmsg(a, outs, MANY, 0), 2);
    CHECK_ERRNO(sendmmsg(a, outs + 2, 1, 0), EFAULT);
    CHECK_EQ(recvmmsg(b, ins, 2, 0, 0), 2);
    CHECK_ERRNO(sendmmsg(a, nowhere, 1, 0), EFAULT);
    CHECK_ERRNO(sendmmsg(-1, outs, 1, 0), EBADF);
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(sendmmsg(ends[1], outs, 1, 0), ENOTSOCK);
    CHECK_ERRNO(recvmmsg(ends[0], ins, 1, 0, 0), ENOTSOCK);
}

/* Goals and senders of their own, and on a stream. */
static void names_and_streams(void)
{
    struct sockaddr_in to = in4(LOOPBACK, local_port(b)), from = {0};
    int loose = socket(AF_INET, SOCK_DGRAM, 0), fds[2];
    prepare();
    outs[0].msg_hdr.msg_name = &to, outs[0].msg_hdr.msg_namelen = sizeof to;
    ins[0].msg_hdr.msg_name = &from, ins[0].msg_hdr.msg_namelen = sizeof from;
    CHECK_EQ(sendmmsg(loose, outs, 2, 0), 1); /* the second has no goal */
    CHECK_EQ(recvmmsg(b, ins, 1, 0, 0), 1);
    CHECK_EQ(ntohs(from.sin_port), local_port(loose));
    CHECK_EQ(ins[0].msg_hdr.msg_namelen, sizeof from);
    tcp_pair(fds);
    prepare();
    CHECK_EQ(sendmmsg(fds[0], outs, 3, 0), 3);
    CHECK_EQ(recv(fds[1], got, 6, MSG_WAITALL), 6);
    CHECK_EQ(memcmp(got, "ABBCCC", 6), 0);
    close(loose), close(fds[0]), close(fds[1]);
}

int main(void)
{
    a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK);
    CHECK_EQ(connect_to(a, LOOPBACK, local_port(b)), 0);
    plain();
    waiting();
    errors();
    names_and_streams();
    return finish();
}
