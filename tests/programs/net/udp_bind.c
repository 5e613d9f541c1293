/* Names of UDP sockets: conflicts, SO_REUSEADDR (the last one gets it), SO_REUSEPORT (spread). */
#include "net.h"

static int udp_with(int option, const char *host, int port, int *error)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (option)
        CHECK_EQ(set_option(fd, SOL_SOCKET, option, 1), 0);
    *error = bind_to(fd, host, port) ? errno : 0;
    return fd;
}

static void conflicts(void)
{
    int error, a = udp_with(0, LOOPBACK, 0, &error), port = local_port(a);
    close(udp_with(0, LOOPBACK, port, &error));
    CHECK_EQ(error, EADDRINUSE);
    close(udp_with(0, "0.0.0.0", port, &error));
    CHECK_EQ(error, EADDRINUSE);
    close(udp_with(SO_REUSEADDR, LOOPBACK, port, &error));
    CHECK_EQ(error, EADDRINUSE);
    close(udp_with(SO_REUSEPORT, LOOPBACK, port, &error));
    CHECK_EQ(error, EADDRINUSE);
    close(udp_with(0, "127.0.0.2", port, &error));
    CHECK_EQ(error, 0);
    close(udp_with(0, "198.51.100.7", port, &error));
    CHECK_EQ(error, EADDRNOTAVAIL);
    close(a);
    close(udp_with(0, LOOPBACK, port, &error)); /* free at once */
    CHECK_EQ(error, 0);
}

/* With SO_REUSEADDR on both, the one bound last gets what comes. */
static void last_one_wins(void)
{
    int error, one = udp_with(SO_REUSEADDR, LOOPBACK, 0, &error), port = local_port(one);
    int two = udp_with(SO_REUSEADDR, LOOPBACK, port, &error), from = bound_udp(LOOPBACK);
    char byte = 0;
    CHECK_EQ(error, 0);
    CHECK_EQ(send_to(from, "2", 1, LOOPBACK, port), 1);
    CHECK_EQ(read(two, &byte, 1), 1);
    CHECK_EQ(byte, '2');
    CHECK_EQ(poll_ms(one, POLLIN, 5), 0);
    close(two);
    CHECK_EQ(send_to(from, "1", 1, LOOPBACK, port), 1);
    CHECK_EQ(read(one, &byte, 1), 1);
    CHECK_EQ(byte, '1');
    /* the more special address before the wildcard, in whatever order they came */
    int all = udp_with(SO_REUSEADDR, "0.0.0.0", port, &error);
    CHECK_EQ(error, 0);
    CHECK_EQ(send_to(from, "s", 1, LOOPBACK, port), 1);
    CHECK_EQ(read(one, &byte, 1), 1);
    CHECK_EQ(send_to(from, "w", 1, "127.0.0.3", port), 1);
    CHECK_EQ(read(all, &byte, 1), 1);
    CHECK_EQ(byte, 'w');
    /* a connected one before both, for its peer's */
    int connected = udp_with(SO_REUSEADDR, LOOPBACK, port, &error);
    CHECK_EQ(connect_to(connected, LOOPBACK, local_port(from)), 0);
    CHECK_EQ(send_to(from, "c", 1, LOOPBACK, port), 1);
    CHECK_EQ(read(connected, &byte, 1), 1);
    CHECK_EQ(byte, 'c');
    int other = bound_udp(LOOPBACK);
    CHECK_EQ(send_to(other, "o", 1, LOOPBACK, port), 1);
    CHECK_EQ(read(one, &byte, 1), 1);
    CHECK_EQ(byte, 'o');
    close(one), close(all), close(connected), close(other), close(from);
}

/* SO_REUSEPORT: a sender's go to one of them, always the same; each is delivered once. */
static void spread(void)
{
    enum { RECEIVERS = 3, SENDERS = 30 };
    int error, fds[RECEIVERS], port = 0, sum = 0;
    for (int i = 0; i < RECEIVERS; i++) {
        fds[i] = udp_with(SO_REUSEPORT, LOOPBACK, port, &error);
        CHECK_EQ(error, 0);
        port = local_port(fds[i]);
    }
    for (int s = 0; s < SENDERS; s++) {
        int from = bound_udp(LOOPBACK), got = 0, receivers = 0;
        for (int i = 0; i < 4; i++)
            CHECK_EQ(send_to(from, "x", 1, LOOPBACK, port), 1);
        for (int tries = 0; got < 4 && tries < PATIENCE_MS; tries++, sleep_ms(got < 4))
            for (int i = 0; i < RECEIVERS; i++) {
                char byte;
                int here = 0;
                while (recv(fds[i], &byte, 1, MSG_DONTWAIT) == 1)
                    here++;
                receivers += here > 0 && got == 0;
                got += here;
            }
        CHECK_EQ(got, 4);
        CHECK_EQ(receivers, 1);
        sum += got;
        close(from);
    }
    CHECK_EQ(sum, SENDERS * 4);
    for (int i = 0; i < RECEIVERS; i++)
        close(fds[i]);
}

int main(void)
{
    conflicts();
    last_one_wins();
    spread();
    return finish();
}
