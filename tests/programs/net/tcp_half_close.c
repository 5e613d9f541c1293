/* A client that sends, closes its half and reads the answer, as `nc -N` or HTTP/0.9 did. */
#include "net.h"

enum { SIZE = 300000 };

static unsigned char data[SIZE];

/* Reads up to the end, then sends all of it back, reversed in order of bytes. */
static int serve(int fd)
{
    static unsigned char got[SIZE + 1];
    ssize_t n = read_all(fd, got, sizeof got);
    CHECK_EQ(n, SIZE);
    for (int i = 0; i < SIZE / 2; i++) {
        unsigned char t = got[i];
        got[i] = got[SIZE - 1 - i];
        got[SIZE - 1 - i] = t;
    }
    CHECK_EQ(write_all(fd, got, SIZE), SIZE);
    return check_failures != 0;
}

static void answer_after_end(void)
{
    int fds[2], status;
    tcp_pair(fds);
    pid_t child = fork();
    if (!child) {
        close(fds[0]);
        _exit(serve(fds[1]));
    }
    close(fds[1]);
    bulk_fill(data, 3, 0, SIZE);
    CHECK_EQ(write_all(fds[0], data, SIZE), SIZE);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    static unsigned char back[SIZE + 1];
    CHECK_EQ(read_all(fds[0], back, sizeof back), SIZE);
    for (int i = 0; i < SIZE; i++)
        if (back[i] != data[SIZE - 1 - i]) {
            CHECK(!"the answer is what was sent, reversed");
            break;
        }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fds[0]);
}

/* The half that stays open goes on for long after the other's end, in small steps. */
static void slow_writer(void)
{
    int fds[2];
    char byte;
    tcp_pair(fds);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    check_end(fds[1]);
    for (int i = 0; i < 10; i++) {
        check_flow(fds[1], fds[0]);
        check_end(fds[1]);
        sleep_ms(1);
    }
    CHECK_ERRNO(recv(fds[0], &byte, 1, MSG_DONTWAIT), EAGAIN);
    close(fds[1]);
    check_end(fds[0]);
    close(fds[0]);
}

/* The reader's end after a full close: data first, then the end, and no error. */
static void close_after_data(void)
{
    int fds[2];
    tcp_pair(fds);
    static char much[50000], got[60000];
    memset(much, 'm', sizeof much);
    CHECK_EQ(write_all(fds[0], much, sizeof much), sizeof much);
    close(fds[0]);
    CHECK_EQ(read_all(fds[1], got, sizeof got), sizeof much);
    CHECK_EQ(memcmp(much, got, sizeof much), 0);
    CHECK_EQ(socket_error(fds[1]), 0);
    close(fds[1]);
}

int main(void)
{
    answer_after_end();
    slow_writer();
    close_after_data();
    return finish();
}
