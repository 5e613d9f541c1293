/* TCP_CORK, MSG_MORE and TCP_NODELAY: when small pieces become visible. Whatever the timing, all of
 * it comes in order; what is corked comes together once the cork is out. */
#include "net.h"

static int fds[2];
static char text[4000];

static void corked(void)
{
    CHECK_EQ(set_option(fds[0], IPPROTO_TCP, TCP_CORK, 1), 0);
    CHECK_EQ(write(fds[0], "head", 4), 4);
    CHECK_EQ(write(fds[0], "body", 4), 4);
    CHECK_EQ(set_option(fds[0], IPPROTO_TCP, TCP_CORK, 0), 0);
    CHECK_EQ(recv(fds[1], text, 8, MSG_WAITALL), 8);
    CHECK_EQ(memcmp(text, "headbody", 8), 0);
    /* a cork that nobody takes out lasts for 200 ms; close takes it out */
    CHECK_EQ(set_option(fds[0], IPPROTO_TCP, TCP_CORK, 1), 0);
    CHECK_EQ(write(fds[0], "late", 4), 4);
    CHECK_EQ(wait_for(fds[1], POLLIN), POLLIN);
    CHECK_EQ(read(fds[1], text, sizeof text), 4);
    CHECK_EQ(set_option(fds[0], IPPROTO_TCP, TCP_CORK, 0), 0);
}

static void more(void)
{
    CHECK_EQ(send(fds[0], "a", 1, MSG_MORE), 1);
    CHECK_EQ(send(fds[0], "b", 1, MSG_MORE), 1);
    CHECK_EQ(send(fds[0], "c", 1, 0), 1);
    CHECK_EQ(recv(fds[1], text, 3, MSG_WAITALL), 3);
    CHECK_EQ(memcmp(text, "abc", 3), 0);
}

/* Many small writes, with and without Nagle, read as they come. */
static void small_pieces(int nodelay)
{
    int status;
    CHECK_EQ(set_option(fds[0], IPPROTO_TCP, TCP_NODELAY, nodelay), 0);
    pid_t child = fork();
    if (!child) {
        for (int i = 0; i < 1000; i++)
            if (write(fds[0], &(char){(char)i}, 1) != 1)
                _exit(1);
        _exit(0);
    }
    for (int i = 0; i < 1000;) {
        ssize_t n = read(fds[1], text, sizeof text);
        CHECK(n > 0);
        for (ssize_t k = 0; k < n; k++)
            CHECK_EQ(text[k], (char)(i + k));
        i += n > 0 ? (int)n : 1000;
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* Request and answer in turns: with neither side waiting for a delayed ACK for ever. */
static void request_answer(void)
{
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(write(fds[0], "re", 2), 2);
        CHECK_EQ(write(fds[0], "quest", 5), 5);
        CHECK_EQ(recv(fds[1], text, 7, MSG_WAITALL), 7);
        CHECK_EQ(write(fds[1], "answer", 6), 6);
        CHECK_EQ(recv(fds[0], text, 6, MSG_WAITALL), 6);
    }
}

int main(void)
{
    tcp_pair(fds);
    corked();
    more();
    small_pieces(0);
    small_pieces(1);
    request_answer();
    CHECK_EQ(set_option(fds[0], IPPROTO_TCP, TCP_CORK, 1), 0);
    CHECK_EQ(write(fds[0], "end", 3), 3);
    close(fds[0]);
    CHECK_EQ(read_all(fds[1], text, sizeof text), 3);
    return finish();
}
