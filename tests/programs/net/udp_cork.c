/* UDP_CORK and MSG_MORE: several sends that are one datagram. */
#include "net.h"

#include <netinet/udp.h>

static int from, to, other;
static char text[70000];

static int bound(struct sockaddr_in *a)
{
    socklen_t n = sizeof *a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    *a = in4(LOOPBACK, 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)a, sizeof *a), 0);
    CHECK_EQ(getsockname(fd, (struct sockaddr *)a, &n), 0);
    return fd;
}

static void check_comes(int fd, const char *wanted)
{
    CHECK_EQ(wait_for(fd, POLLIN), POLLIN);
    CHECK_EQ(recv(fd, text, sizeof text, 0), (long)strlen(wanted));
    CHECK_EQ(memcmp(text, wanted, strlen(wanted)), 0);
}

static void check_nothing(int fd)
{
    CHECK_ERRNO(recv(fd, text, sizeof text, MSG_DONTWAIT), EAGAIN);
}

int main(void)
{
    struct sockaddr_in a, b;
    int on = 0;
    socklen_t n = sizeof on;
    to = bound(&a);
    other = bound(&b);
    from = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(sendto(from, "one ", 4, MSG_MORE, (struct sockaddr *)&a, sizeof a), 4);
    check_nothing(to);
    CHECK_EQ(sendto(from, "two ", 4, MSG_MORE, (struct sockaddr *)&b, sizeof b), 4); /* the first one's address holds */
    CHECK_EQ(send(from, "", 0, MSG_MORE), 0);
    CHECK_EQ(send(from, "three", 5, 0), 5);
    check_comes(to, "one two three");
    check_nothing(other);
    CHECK_EQ(connect(from, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(set_option(from, IPPROTO_UDP, UDP_CORK, 1), 0);
    CHECK_EQ(getsockopt(from, IPPROTO_UDP, UDP_CORK, &on, &n), 0);
    CHECK_EQ(on, 1);
    CHECK_EQ(write(from, "head", 4), 4);
    CHECK_EQ(write(from, "body", 4), 4);
    check_nothing(to);
    CHECK_EQ(set_option(from, IPPROTO_UDP, UDP_CORK, 0), 0);
    check_comes(to, "headbody");
    CHECK_EQ(set_option(from, IPPROTO_UDP, UDP_CORK, 0), 0); /* nothing is there */
    memset(text, 'x', sizeof text);
    CHECK_EQ(send(from, text, 60000, MSG_MORE), 60000); /* too long: all of it is lost */
    CHECK_ERRNO(send(from, text, 6000, 0), EMSGSIZE);
    CHECK_EQ(send(from, "after", 5, 0), 5);
    check_comes(to, "after");
    CHECK_EQ(send(from, "a", 1, MSG_MORE), 1);
    CHECK_ERRNO(send(from, nowhere, 5, 0), EFAULT);
    CHECK_EQ(send(from, "b", 1, 0), 1);
    check_comes(to, "b");
    memset(text, 'y', 4000);
    CHECK_EQ(send(from, text, 2500, MSG_MORE), 2500);
    CHECK_EQ(send(from, text, 1500, 0), 1500);
    CHECK_EQ(wait_for(to, POLLIN), POLLIN);
    CHECK_EQ(recv(to, text + 10000, 5000, 0), 4000);
    CHECK_EQ(memcmp(text, text + 10000, 4000), 0);
    CHECK_EQ(send(from, "lost", 4, MSG_MORE), 4);
    close(from); /* with what is corked */
    check_nothing(to);
    return finish();
}
