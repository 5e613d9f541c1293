/* Bulk over blocking sockets with small buffers: writes block until all is taken; odd sizes. */
#include "net.h"

enum { TOTAL = 2000000 };

static unsigned char data[TOTAL], got[TOTAL];

static int sender(int fd)
{
    size_t sent = 0;
    for (size_t step = 1; sent < TOTAL; step = step * 7 % 90001 + 1) {
        size_t size = TOTAL - sent < step ? TOTAL - sent : step;
        CHECK_EQ(send(fd, data + sent, size, 0), size); /* a blocking send is never short */
        sent += size;
    }
    close(fd);
    return check_failures != 0;
}

static void one_way(int buffer)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), status;
    if (buffer)
        CHECK_EQ(set_option(listener, SOL_SOCKET, SO_RCVBUF, buffer), 0);
    CHECK_EQ(listen(listener, 1), 0);
    pid_t child = fork();
    if (!child) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (buffer)
            CHECK_EQ(set_option(fd, SOL_SOCKET, SO_SNDBUF, buffer), 0);
        CHECK_EQ(connect_to(fd, LOOPBACK, local_port(listener)), 0);
        _exit(sender(fd));
    }
    int fd = accept(listener, 0, 0);
    close(listener);
    memset(got, 0, sizeof got);
    size_t done = 0;
    ssize_t n = 1;
    for (size_t step = 3; n > 0; step = step * 5 % 70001 + 1) {
        size_t room = sizeof got - done;
        n = read(fd, got + done, room && room < step ? room : step);
        CHECK(n >= 0);
        done += n > 0 ? (size_t)n : 0;
    }
    CHECK_EQ(done, TOTAL);
    CHECK_EQ(memcmp(data, got, TOTAL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fd);
}

/* Ping-pong: each waits for the other's whole message. */
static void in_turns(void)
{
    enum { SIZE = 30000, TURNS = 20 };
    int fds[2], status;
    tcp_pair(fds);
    pid_t child = fork();
    int me = child != 0;
    close(fds[me]);
    for (int i = 0; i < TURNS; i++) {
        if (me == i % 2)
            CHECK_EQ(write_all(fds[!me], data + i * SIZE, SIZE), SIZE);
        else {
            CHECK_EQ(recv(fds[!me], got, SIZE, MSG_WAITALL), SIZE);
            CHECK_EQ(memcmp(got, data + i * SIZE, SIZE), 0);
        }
    }
    if (!child)
        _exit(check_failures != 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fds[0]);
}

int main(void)
{
    bulk_fill(data, 5, 0, TOTAL);
    one_way(0);
    one_way(8000);
    in_turns();
    return finish();
}
