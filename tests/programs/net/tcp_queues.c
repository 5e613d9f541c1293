/* FIONREAD, SIOCOUTQ, SIOCATMARK, and TCP_INFO's state through a connection's life. */
#include "net.h"
#include <linux/sockios.h>

static int queued(int fd, unsigned long what)
{
    int n = -1;
    CHECK_EQ(ioctl(fd, what, &n), 0);
    return n;
}

static void comes(int fd, unsigned long what, int wanted)
{
    for (int i = 0; i < PATIENCE_MS && queued(fd, what) != wanted; i++)
        sleep_ms(1);
    CHECK_EQ(queued(fd, what), wanted);
}

static int state(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
    return info.tcpi_state;
}

static void state_comes(int fd, int wanted)
{
    for (int i = 0; i < PATIENCE_MS && state(fd) != wanted; i++)
        sleep_ms(1);
    CHECK_EQ(state(fd), wanted);
}

static void counts(void)
{
    int fds[2];
    char text[100];
    tcp_pair(fds);
    CHECK_EQ(queued(fds[1], FIONREAD), 0);
    CHECK_EQ(write(fds[0], text, 60), 60);
    comes(fds[1], FIONREAD, 60);
    comes(fds[0], SIOCOUTQ, 0); /* all is over there */
    CHECK_EQ(queued(fds[0], FIONREAD), 0);
    CHECK_EQ(read(fds[1], text, 25), 25);
    CHECK_EQ(queued(fds[1], FIONREAD), 35);
    CHECK_EQ(recv(fds[1], text, 100, MSG_PEEK), 35);
    CHECK_EQ(queued(fds[1], SIOCINQ), 35);
    CHECK_EQ(queued(fds[1], SIOCATMARK), 0);
    CHECK_EQ(read(fds[1], text, 100), 35);
    CHECK_EQ(queued(fds[1], FIONREAD), 0);
    int listener = make_listener();
    int n;
    CHECK_ERRNO(ioctl(listener, FIONREAD, &n), EINVAL);
    CHECK_ERRNO(ioctl(listener, SIOCOUTQ, &n), EINVAL);
    CHECK_ERRNO(ioctl(fds[0], FIONREAD, nowhere), EFAULT);
    CHECK_ERRNO(ioctl(fds[0], 0x7777, &n), ENOTTY);
    n = 1;
    CHECK_EQ(ioctl(fds[0], FIONBIO, &n), 0);
    CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    CHECK_ERRNO(read(fds[0], text, 1), EAGAIN);
    close(listener), close(fds[0]), close(fds[1]);
}

/* What cannot be sent stays in our queue, and goes when the other end reads. */
static void unsent(void)
{
    int fds[2];
    static char much[100000];
    tcp_pair(fds);
    CHECK_EQ(set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 60000), 0);
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_RCVBUF, 30000), 0);
    ssize_t sent = 0, n;
    while ((n = send(fds[0], much, 5000, MSG_DONTWAIT)) > 0)
        sent += n;
    int out = queued(fds[0], SIOCOUTQ);
    CHECK(out > 0 && out < sent);
    CHECK(queued(fds[0], SIOCOUTQNSD) <= out);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(read_all(fds[1], much, sizeof much), sent < 100000 ? sent : 100000);
    while (read(fds[1], much, sizeof much) > 0)
        ;
    comes(fds[0], SIOCOUTQ, 0);
    close(fds[0]), close(fds[1]);
}

static void states(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(state(listener), TCP_CLOSE);
    CHECK_EQ(bind_to(listener, LOOPBACK, 0), 0);
    CHECK_EQ(state(listener), TCP_CLOSE);
    CHECK_EQ(listen(listener, 3), 0);
    CHECK_EQ(state(listener), TCP_LISTEN);
    int a = dial(listener), b = accept(listener, 0, 0);
    CHECK_EQ(state(a), TCP_ESTABLISHED);
    state_comes(b, TCP_ESTABLISHED);
    CHECK_EQ(shutdown(a, SHUT_WR), 0);
    state_comes(a, TCP_FIN_WAIT2);
    state_comes(b, TCP_CLOSE_WAIT);
    CHECK_EQ(shutdown(b, SHUT_WR), 0);
    state_comes(b, TCP_CLOSE);
    state_comes(a, TCP_CLOSE); /* the TIME_WAIT has none of the descriptor */
    close(a), close(b), close(listener);
    struct tcp_info info;
    socklen_t n = 8; /* cut */
    int udp = bound_udp(LOOPBACK), tcp = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(getsockopt(tcp, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
    CHECK_EQ(n, 8);
    CHECK_ERRNO(getsockopt(udp, IPPROTO_TCP, TCP_INFO, &info, &n), EOPNOTSUPP);
    close(udp), close(tcp);
}

int main(void)
{
    counts();
    unsent();
    states();
    return finish();
}
