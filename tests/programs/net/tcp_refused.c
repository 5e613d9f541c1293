/* Nobody listens: ECONNREFUSED, at once or through SO_ERROR, and the socket can try again. */
#include "net.h"

/* A port where nobody listens, held by a socket that is only bound. */
static int closed_port(int *holder)
{
    *holder = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind_to(*holder, LOOPBACK, 0), 0);
    return local_port(*holder);
}

static void blocking(void)
{
    int holder, port = closed_port(&holder), fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(poll_now(fd), POLLOUT | POLLHUP);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), ECONNREFUSED);
    CHECK_EQ(socket_error(fd), 0); /* already told */
    CHECK_EQ(poll_now(fd), POLLOUT | POLLHUP); /* as new */
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), ECONNREFUSED);
    CHECK_EQ(listen(holder, 4), 0);
    CHECK_EQ(connect_to(fd, LOOPBACK, port), 0); /* the same socket, now with success */
    int server = accept(holder, 0, 0);
    check_linked(fd, server);
    close(server), close(fd), close(holder);
}

static void nonblocking(void)
{
    int holder, port = closed_port(&holder);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), EINPROGRESS);
    CHECK_EQ(wait_for(fd, POLLOUT), POLLOUT | POLLERR | POLLHUP);
    CHECK_EQ(poll_now(fd), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
    CHECK_EQ(socket_error(fd), ECONNREFUSED);
    CHECK_EQ(socket_error(fd), 0);
    CHECK_EQ(poll_now(fd), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
    socklen_t n = sizeof(struct sockaddr_in);
    CHECK_ERRNO(getpeername(fd, (struct sockaddr *)&(struct sockaddr_in){0}, &n), ENOTCONN);
    CHECK_EQ(listen(holder, 4), 0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), ECONNABORTED); /* so it is, once: of inet_stream_connect */
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), EINPROGRESS);
    CHECK_EQ(wait_for(fd, POLLOUT), POLLOUT);
    CHECK_EQ(socket_error(fd), 0);
    close(fd), close(holder);
}

/* A second connect takes the error; so does read or write. */
static void taken_by(int how)
{
    int holder, port = closed_port(&holder);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    char byte = 0;
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), EINPROGRESS);
    CHECK(wait_for(fd, POLLOUT) & POLLERR);
    if (how == 0)
        CHECK_ERRNO(connect_to(fd, LOOPBACK, port), ECONNREFUSED);
    else if (how == 1)
        CHECK_ERRNO(read(fd, &byte, 1), ECONNREFUSED);
    else
        CHECK_ERRNO(send(fd, &byte, 1, MSG_NOSIGNAL), ECONNREFUSED);
    CHECK_EQ(socket_error(fd), 0);
    CHECK(!(poll_now(fd) & POLLERR));
    if (how == 1)
        CHECK_EQ(read(fd, &byte, 1), 0);
    if (how == 2)
        CHECK_ERRNO(send(fd, &byte, 1, MSG_NOSIGNAL), EPIPE);
    close(fd), close(holder);
}

static void listener_gone(void)
{
    int listener = make_listener(), port = local_port(listener), fd = socket(AF_INET, SOCK_STREAM, 0);
    close(listener);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), ECONNREFUSED);
    close(fd);
    fd = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK_ERRNO(connect_to(fd, "::1", port), ECONNREFUSED);
    close(fd);
}

int main(void)
{
    blocking();
    nonblocking();
    for (int how = 0; how < 3; how++)
        taken_by(how);
    listener_gone();
    return finish();
}
