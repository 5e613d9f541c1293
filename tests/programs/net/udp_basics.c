/* Unconnected UDP: sendto and recvfrom, names, boundaries, order, blocking. */
#include "net.h"

static void there_and_back(void)
{
    int a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK);
    char text[32] = {0};
    struct sockaddr_in from = {0};
    socklen_t n = sizeof from;
    CHECK_EQ(send_to(a, "hello", 5, LOOPBACK, local_port(b)), 5);
    CHECK_EQ(recvfrom(b, text, sizeof text, 0, (struct sockaddr *)&from, &n), 5);
    CHECK_TEXT(text, "hello");
    CHECK_EQ(n, sizeof from);
    CHECK_EQ(from.sin_family, AF_INET);
    CHECK_EQ(ntohs(from.sin_port), local_port(a));
    CHECK_EQ(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK);
    CHECK_EQ(sendto(b, "back", 4, 0, (struct sockaddr *)&from, n), 4);
    CHECK_EQ(recv(a, text, sizeof text, 0), 4);
    CHECK_EQ(memcmp(text, "back", 4), 0);
    n = 4; /* short room for the name */
    memset(&from, 0xee, sizeof from);
    CHECK_EQ(send_to(a, "x", 1, LOOPBACK, local_port(b)), 1);
    CHECK_EQ(recvfrom(b, text, sizeof text, 0, (struct sockaddr *)&from, &n), 1);
    CHECK_EQ(n, sizeof from);
    CHECK_EQ(from.sin_addr.s_addr, 0xeeeeeeee);
    close(a), close(b);
}

/* Each send is one receive, in order. */
static void boundaries(void)
{
    int a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK);
    char data[200], got[300];
    memset(data, 'd', sizeof data);
    for (int i = 1; i <= 40; i++)
        CHECK_EQ(send_to(a, data, (size_t)i * 5, LOOPBACK, local_port(b)), i * 5);
    for (int i = 1; i <= 40; i++)
        CHECK_EQ(recv(b, got, sizeof got, 0), i * 5);
    CHECK_ERRNO(recv(b, got, sizeof got, MSG_DONTWAIT), EAGAIN);
    struct iovec parts[3] = {{data, 3}, {data, 0}, {data, 4}};
    struct sockaddr_in to = in4(LOOPBACK, local_port(b));
    struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = parts, .msg_iovlen = 3};
    CHECK_EQ(sendmsg(a, &m, 0), 7);
    CHECK_EQ(recv(b, got, sizeof got, 0), 7);
    CHECK_EQ(recv(b, got, 0, MSG_DONTWAIT), -1);
    close(a), close(b);
}

static void blocking(void)
{
    int a = bound_udp(LOOPBACK), b = bound_udp(LOOPBACK), status;
    char text[8];
    CHECK_EQ(poll_now(b), POLLOUT);
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(send_to(a, "late", 4, LOOPBACK, local_port(b)) != 4);
    }
    CHECK_EQ(read(b, text, sizeof text), 4);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    /* nobody's port: the datagram vanishes, and an unconnected socket is told nothing */
    int port = local_port(b);
    close(b);
    CHECK_EQ(send_to(a, "x", 1, LOOPBACK, port), 1);
    sleep_ms(10);
    CHECK_EQ(send_to(a, "x", 1, LOOPBACK, port), 1);
    CHECK_EQ(socket_error(a), 0);
    CHECK_ERRNO(recv(a, text, 1, MSG_DONTWAIT), EAGAIN);
    close(a);
}

static void no_goal(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char byte;
    struct sockaddr_in to = in4(LOOPBACK, 9);
    CHECK_ERRNO(send(fd, "x", 1, 0), EDESTADDRREQ);
    CHECK_ERRNO(write(fd, "x", 1), EDESTADDRREQ);
    CHECK_ERRNO(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, 4), EINVAL);
    to.sin_family = AF_UNIX;
    CHECK_ERRNO(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to), EAFNOSUPPORT);
    to = in4(LOOPBACK, 0);
    CHECK_ERRNO(sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to), EINVAL); /* port 0 */
    CHECK_ERRNO(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERRNO(sendto(fd, "x", 1, 0, nowhere, sizeof to), EFAULT);
    CHECK_ERRNO(sendto(fd, nowhere, 1, 0, (struct sockaddr *)&(struct sockaddr_in){0}, sizeof to), EINVAL);
    close(fd);
}

/* The wildcard takes for all of the host's addresses; a bound address only its own. */
static void addresses(void)
{
    int all = bound_udp("0.0.0.0"), one = bound_udp("127.0.0.2"), from = bound_udp(LOOPBACK);
    char byte;
    CHECK_EQ(send_to(from, "a", 1, "127.0.0.5", local_port(all)), 1);
    CHECK_EQ(read(all, &byte, 1), 1);
    CHECK_EQ(byte, 'a');
    CHECK_EQ(send_to(from, "b", 1, LOOPBACK, local_port(one)), 1); /* not its address */
    CHECK_EQ(poll_ms(one, POLLIN, 10), 0);
    CHECK_EQ(send_to(from, "c", 1, "127.0.0.2", local_port(one)), 1);
    CHECK_EQ(read(one, &byte, 1), 1);
    CHECK_EQ(byte, 'c');
    CHECK_EQ(send_to(from, "d", 1, "0.0.0.0", local_port(all)), 1); /* this host */
    CHECK_EQ(read(all, &byte, 1), 1);
    CHECK_EQ(byte, 'd');
    close(all), close(one), close(from);
}

int main(void)
{
    there_and_back();
    boundaries();
    blocking();
    no_goal();
    addresses();
    return finish();
}
