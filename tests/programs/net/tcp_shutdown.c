/* shutdown of either half and of both: what each end reads, writes and polls then. */
#include "net.h"

static int fds[2];

static int quiet_send(int fd) { return (int)send(fd, "x", 1, MSG_NOSIGNAL); }

static void renew(void)
{
    static int used;
    if (used++)
        close(fds[0]), close(fds[1]);
    tcp_pair(fds);
}

static void write_half(void)
{
    char text[8] = {0};
    renew();
    CHECK_EQ(poll_now(fds[1]), POLLOUT);
    CHECK_EQ(write(fds[0], "last", 4), 4);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(comes_to(fds[1], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(poll_now(fds[0]), POLLOUT);
    CHECK_ERRNO(quiet_send(fds[0]), EPIPE);
    CHECK_EQ(read(fds[1], text, sizeof text), 4); /* what was sent before comes first */
    CHECK_EQ(read(fds[1], text, sizeof text), 0);
    CHECK_EQ(poll_now(fds[1]), POLLIN | POLLOUT | POLLRDHUP);
    check_flow(fds[1], fds[0]); /* the other way stands */
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0); /* again: nothing */
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    CHECK_EQ(comes_to(fds[0], POLLIN | POLLOUT | POLLRDHUP | POLLHUP),
             POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_EQ(comes_to(fds[1], POLLIN | POLLOUT | POLLRDHUP | POLLHUP),
             POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    check_end(fds[0]);
    check_end(fds[1]);
}

static void read_half(void)
{
    char text[8] = {0};
    renew();
    CHECK_EQ(shutdown(fds[0], SHUT_RD), 0);
    CHECK_EQ(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(poll_now(fds[1]), POLLOUT); /* the other end knows nothing of it */
    check_end(fds[0]);
    CHECK_EQ(write(fds[1], "data", 4), 4); /* and may send; it can even be read */
    sleep_ms(20);
    CHECK_EQ(recv(fds[0], text, sizeof text, MSG_DONTWAIT), 4);
    CHECK_TEXT(text, "data");
    check_end(fds[0]);
    CHECK_EQ(poll_now(fds[1]), POLLOUT);
    check_flow(fds[0], fds[1]);
}

static void both(void)
{
    renew();
    CHECK_EQ(shutdown(fds[0], SHUT_RDWR), 0);
    CHECK_EQ(poll_now(fds[0]), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
    CHECK_EQ(comes_to(fds[1], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
    check_end(fds[0]);
    check_end(fds[1]);
    CHECK_ERRNO(quiet_send(fds[0]), EPIPE);
    CHECK_EQ(peer_port(fds[1]), local_port(fds[0]));
    close(fds[1]);
    sleep_ms(20);
    CHECK_ERRNO(shutdown(fds[0], SHUT_WR), ENOTCONN); /* closed by both: it is none any more */
    socklen_t n = sizeof(struct sockaddr_in);
    CHECK_ERRNO(getpeername(fds[0], (struct sockaddr *)&(struct sockaddr_in){0}, &n), ENOTCONN);
    fds[1] = dup(fds[0]);
}

/* Sleepers in read and in accept wake. */
static void wakes(void)
{
    int status;
    char byte;
    renew();
    pid_t child = fork();
    if (!child) {
        sleep_ms(30);
        _exit(shutdown(fds[0], SHUT_RD) != 0); /* of its parent's description */
    }
    check_end(fds[0]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    int listener = make_listener();
    child = fork();
    if (!child) {
        sleep_ms(30);
        _exit(shutdown(listener, SHUT_RD) != 0);
    }
    CHECK_ERRNO(accept(listener, 0, 0), EINVAL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(poll_now(listener), POLLOUT | POLLHUP); /* no listener now */
    CHECK_ERRNO(read(listener, &byte, 1), ENOTCONN);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERRNO(connect_to(client, LOOPBACK, local_port(listener)), ECONNREFUSED);
    CHECK_EQ(listen(listener, 4), 0); /* it can be one again */
    CHECK_EQ(connect_to(client, LOOPBACK, local_port(listener)), 0);
    close(client), close(listener);
    CHECK_ERRNO(shutdown(fds[0], 3), EINVAL);
    CHECK_ERRNO(shutdown(fds[0], -1), EINVAL);
}

int main(void)
{
    write_half();
    read_half();
    both();
    wakes();
    return finish();
}
