/* splice between AF_UNIX sockets and pipes. */
#include "net.h"

int main(void)
{
    int pair[2], in[2], out[2], status;
    static char text[64], much[300000];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(pipe(in), 0);
    CHECK_EQ(pipe(out), 0);
    CHECK_EQ(write(in[1], "through", 7), 7);
    CHECK_EQ(splice(in[0], 0, pair[0], 0, 7, 0), 7);
    CHECK_EQ(splice(pair[1], 0, out[1], 0, 100, 0), 7);
    CHECK_EQ(read(out[0], text, sizeof text), 7);
    CHECK_EQ(memcmp(text, "through", 7), 0);
    set_nonblocking(pair[1], 1);
    CHECK_ERRNO(splice(pair[1], 0, out[1], 0, 10, 0), EAGAIN);
    set_nonblocking(pair[1], 0);
    pid_t child = fork();
    if (!child) { /* waits for the socket's data */
        CHECK_EQ(splice(pair[1], 0, out[1], 0, 10, 0), 4);
        _exit(check_failures != 0);
    }
    sleep_ms(15);
    CHECK_EQ(write(pair[0], "late", 4), 4);
    CHECK_EQ(read(out[0], text, sizeof text), 4);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    child = fork();
    if (!child) { /* a pump into a socket whose reader is slow */
        close(in[1]), close(pair[1]);
        ssize_t n;
        while ((n = splice(in[0], 0, pair[0], 0, 65536, 0)) > 0)
            ;
        _exit(n != 0);
    }
    close(in[0]), close(pair[0]);
    pid_t writer = fork();
    if (!writer) {
        close(pair[1]);
        memset(much, 'w', sizeof much);
        _exit(write_all(in[1], much, sizeof much) != (ssize_t)sizeof much);
    }
    close(in[1]);
    sleep_ms(15);
    size_t got = 0;
    ssize_t n;
    while ((n = read(pair[1], much, 10000)) > 0)
        got += (size_t)n;
    CHECK_EQ(got, sizeof much);
    CHECK_EQ(waitpid(writer, &status, 0), writer);
    CHECK_EQ(status, 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return finish();
}
