/* Resets: close with data unread, writing to a closed end, SO_LINGER of 0. */
#include "net.h"

static int fds[2];
static const int GONE = POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP;

static void finish_pair(void) { close(fds[0]), close(fds[1]); }

/* The peer closes with unread data: we read ECONNRESET, once, then the end. */
static void unread_data(void)
{
    char byte;
    tcp_pair(fds);
    CHECK_EQ(write(fds[0], "unread", 6), 6);
    CHECK_EQ(wait_for(fds[1], POLLIN), POLLIN);
    close(fds[1]);
    CHECK_EQ(comes_to(fds[0], GONE), GONE);
    CHECK_ERRNO(read(fds[0], &byte, 1), ECONNRESET);
    CHECK_EQ(read(fds[0], &byte, 1), 0);
    CHECK_EQ(comes_to(fds[0], POLLIN | POLLOUT | POLLRDHUP | POLLHUP),
             POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(socket_error(fds[0]), 0);
    close(fds[0]);
}

/* Data that came before the reset is lost to the reader that has not read it. */
static void takes_data_along(void)
{
    char text[8];
    tcp_pair(fds);
    CHECK_EQ(write(fds[0], "unread", 6), 6);
    CHECK_EQ(wait_for(fds[1], POLLIN), POLLIN);
    CHECK_EQ(write(fds[1], "kept?", 5), 5);
    CHECK_EQ(wait_for(fds[0], POLLIN), POLLIN);
    close(fds[1]);
    CHECK_EQ(comes_to(fds[0], GONE), GONE);
    ssize_t n = read(fds[0], text, sizeof text);
    CHECK_EQ(n, 5); /* the queue stays: only the error stands before further reads */
    CHECK_ERRNO(read(fds[0], text, sizeof text), ECONNRESET);
    close(fds[0]);
}

/* The peer has closed; the first write goes through and is answered by a reset. */
static void write_after_close(void)
{
    char byte;
    tcp_pair(fds);
    close(fds[1]);
    CHECK_EQ(comes_to(fds[0], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(send(fds[0], "x", 1, MSG_NOSIGNAL), 1);
    CHECK_EQ(comes_to(fds[0], GONE), GONE);
    CHECK_EQ(socket_error(fds[0]), EPIPE); /* a reset in CLOSE_WAIT */
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(read(fds[0], &byte, 1), 0);
    close(fds[0]);
    tcp_pair(fds); /* the same, not asked about: read sees the end, not the error */
    close(fds[1]);
    wait_for(fds[0], POLLIN);
    CHECK_EQ(send(fds[0], "x", 1, MSG_NOSIGNAL), 1);
    CHECK_EQ(comes_to(fds[0], GONE), GONE);
    CHECK_EQ(read(fds[0], &byte, 1), 0);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(fds[0]);
}

static void linger_zero(void)
{
    struct linger now = {1, 0};
    char text[8];
    tcp_pair(fds);
    CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fds[0]);
    CHECK_EQ(comes_to(fds[1], GONE), GONE);
    CHECK_ERRNO(read(fds[1], text, 1), ECONNRESET);
    CHECK_EQ(read(fds[1], text, 1), 0);
    close(fds[1]);
    /* the reset takes effect also with a sleeper in read */
    int status;
    tcp_pair(fds);
    pid_t child = fork();
    if (!child) {
        close(fds[1]);
        setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        sleep_ms(30);
        _exit(0);
    }
    close(fds[0]);
    CHECK_ERRNO(read(fds[1], text, 1), ECONNRESET);
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(fds[1]);
    /* shutdown knows no linger */
    tcp_pair(fds);
    CHECK_EQ(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    check_end(fds[1]);
    check_flow(fds[1], fds[0]);
    finish_pair();
}

/* Both sides' ends: EOF was read, and then the reset comes. */
static void after_half_close(void)
{
    char byte;
    tcp_pair(fds);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    check_end(fds[1]);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK_EQ(wait_for(fds[0], POLLIN), POLLIN);
    close(fds[0]); /* with data unread */
    CHECK_EQ(comes_to(fds[1], GONE), GONE);
    CHECK_EQ(read(fds[1], &byte, 1), 0);
    CHECK_EQ(socket_error(fds[1]), EPIPE);
    close(fds[1]);
}

int main(void)
{
    unread_data();
    takes_data_along();
    write_after_close();
    linger_zero();
    after_half_close();
    return finish();
}
