/* Ports that the kernel chooses: in the range of /proc, all different, free again after close. */
#include "net.h"

enum { MANY = 60 };

static int low, high;

static void check_range(int port) { CHECK(port >= low && port <= high); }

static void by_bind(void)
{
    int fds[MANY], ports[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK_EQ(local_port(fds[i]), 0);
        CHECK_EQ(bind_to(fds[i], i % 2 ? LOOPBACK : "0.0.0.0", 0), 0);
        ports[i] = local_port(fds[i]);
        check_range(ports[i]);
        for (int k = 0; k < i; k++)
            CHECK(ports[i] != ports[k]);
    }
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    int again = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind_to(again, LOOPBACK, ports[7]), 0);
    close(again);
}

static void by_connect(void)
{
    int listener = listen_on(LOOPBACK, 0, MANY), fds[MANY], servers[MANY], ports[MANY];
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(listener);
        ports[i] = local_port(fds[i]);
        check_range(ports[i]);
        CHECK(ports[i] != local_port(listener));
        for (int k = 0; k < i; k++)
            CHECK(ports[i] != ports[k]);
        servers[i] = accept(listener, 0, 0);
        CHECK_EQ(peer_port(servers[i]), ports[i]);
    }
    for (int i = 0; i < MANY; i++)
        close(fds[i]), close(servers[i]);
    close(listener);
}

/* listen without bind chooses one, too; so does a UDP socket's first send. */
static void by_other_calls(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(listen(listener, 1), 0);
    check_range(local_port(listener));
    CHECK_TEXT(local_host(listener), "0.0.0.0");
    int client = dial(listener), server = accept(listener, 0, 0);
    check_linked(client, server);
    close(client), close(server), close(listener);
    int udp = socket(AF_INET, SOCK_DGRAM, 0), to = bound_udp(LOOPBACK);
    CHECK_EQ(local_port(udp), 0);
    CHECK_EQ(send_to(udp, "x", 1, LOOPBACK, local_port(to)), 1);
    check_range(local_port(udp));
    CHECK_TEXT(local_host(udp), "0.0.0.0");
    close(udp);
    udp = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_EQ(connect_to(udp, LOOPBACK, local_port(to)), 0);
    check_range(local_port(udp));
    CHECK_TEXT(local_host(udp), LOOPBACK);
    close(udp), close(to);
}

int main(void)
{
    FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
    CHECK(f && fscanf(f, "%d %d", &low, &high) == 2);
    CHECK(low >= 1024 && low < high && high < 65536);
    if (f)
        fclose(f);
    by_bind();
    by_connect();
    by_other_calls();
    return finish();
}
