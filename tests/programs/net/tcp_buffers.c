/* SO_SNDBUF and SO_RCVBUF: doubled, with a least and a largest value; how much a stuck stream takes. */
#include "net.h"

static int limit(const char *path)
{
    int value = 0;
    FILE *f = fopen(path, "r");
    CHECK(f && fscanf(f, "%d", &value) == 1);
    if (f)
        fclose(f);
    return value;
}

static int after_set(int fd, int name, int value)
{
    CHECK_EQ(set_option(fd, SOL_SOCKET, name, value), 0);
    return get_option(fd, SOL_SOCKET, name);
}

static void values(int domain, int type)
{
    int fd = socket(domain, type, 0);
    int rmem = limit("/proc/sys/net/core/rmem_max"), wmem = limit("/proc/sys/net/core/wmem_max");
    CHECK_EQ(after_set(fd, SO_SNDBUF, 10000), 20000);
    CHECK_EQ(after_set(fd, SO_RCVBUF, 10000), 20000);
    CHECK_EQ(after_set(fd, SO_SNDBUF, 1), 4608); /* SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF */
    CHECK_EQ(after_set(fd, SO_RCVBUF, 1), 2304);
    CHECK_EQ(after_set(fd, SO_SNDBUF, 0), 4608);
    CHECK_EQ(after_set(fd, SO_RCVBUF, 0), 2304);
    CHECK_EQ(after_set(fd, SO_SNDBUF, 2000000000), wmem * 2);
    CHECK_EQ(after_set(fd, SO_RCVBUF, 2000000000), rmem * 2);
    close(fd);
}

static void defaults(void)
{
    int tcp = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0), low, mid;
    int un = socket(AF_UNIX, SOCK_STREAM, 0);
    FILE *f = fopen("/proc/sys/net/ipv4/tcp_rmem", "r");
    CHECK(f && fscanf(f, "%d %d", &low, &mid) == 2);
    CHECK_EQ(get_option(tcp, SOL_SOCKET, SO_RCVBUF), mid);
    fclose(f);
    f = fopen("/proc/sys/net/ipv4/tcp_wmem", "r");
    CHECK(f && fscanf(f, "%d %d", &low, &mid) == 2);
    CHECK_EQ(get_option(tcp, SOL_SOCKET, SO_SNDBUF), mid);
    fclose(f);
    int rmem = limit("/proc/sys/net/core/rmem_default"), wmem = limit("/proc/sys/net/core/wmem_default");
    CHECK_EQ(get_option(udp, SOL_SOCKET, SO_RCVBUF), rmem);
    CHECK_EQ(get_option(udp, SOL_SOCKET, SO_SNDBUF), wmem);
    CHECK_EQ(get_option(un, SOL_SOCKET, SO_RCVBUF), rmem);
    CHECK_EQ(get_option(un, SOL_SOCKET, SO_SNDBUF), wmem);
    CHECK_EQ(get_option(tcp, SOL_SOCKET, SO_RCVLOWAT), 1);
    close(tcp), close(udp), close(un);
}

/* A connection that nobody reads takes a bounded amount, and room comes back by reading. */
static void stuck(void)
{
    static char much[100000];
    int fds[2];
    tcp_pair(fds);
    CHECK_EQ(set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 30000), 0);
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_RCVBUF, 30000), 0);
    set_nonblocking(fds[0], 1);
    ssize_t n;
    size_t took = 0, back = 0;
    do /* until it stays full: the receiver's memory gives way a little, in time */
        while ((n = write(fds[0], much, 4096)) > 0)
            took += (size_t)n;
    while (poll_ms(fds[0], POLLOUT, 30));
    CHECK(took >= 30000 && took < 2000000);
    while (back < took && (n = read(fds[1], much, sizeof much)) > 0)
        back += (size_t)n;
    CHECK_EQ(back, took);
    CHECK_EQ(wait_for(fds[0], POLLOUT), POLLOUT);
    CHECK(write(fds[0], much, 4096) > 0);
    close(fds[0]), close(fds[1]);
}

/* SO_RCVLOWAT: poll stays silent below it; read does not care once there is data... of that size. */
static void low_water(void)
{
    int fds[2];
    char text[32];
    tcp_pair(fds);
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_RCVLOWAT, 10), 0);
    CHECK_EQ(get_option(fds[1], SOL_SOCKET, SO_RCVLOWAT), 10);
    CHECK_EQ(write(fds[0], "12345", 5), 5);
    CHECK_EQ(poll_ms(fds[1], POLLIN, 30), 0);
    CHECK_EQ(recv(fds[1], text, 2, MSG_DONTWAIT), 2); /* less asked for than the mark */
    CHECK_EQ(write(fds[0], "1234567", 7), 7);
    CHECK_EQ(wait_for(fds[1], POLLIN), POLLIN);
    CHECK_EQ(read(fds[1], text, sizeof text), 10);
    close(fds[0]), close(fds[1]);
}

int main(void)
{
    values(AF_INET, SOCK_STREAM);
    values(AF_INET, SOCK_DGRAM);
    values(AF_UNIX, SOCK_STREAM);
    defaults();
    stuck();
    low_water();
    return finish();
}
