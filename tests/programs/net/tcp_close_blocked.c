/* A descriptor closed while another thread sleeps in a call on it: the call keeps the socket alive;
 * only what happens to the connection wakes it. shutdown does. */
#include "../threads/threads.h"
#include "net.h"

static int fds[2], listener;
static atomic_int inside, result, error;

static void *reader(void *arg)
{
    char byte;
    (void)arg;
    inside = 1;
    result = (int)read(fds[0], &byte, 1);
    error = errno;
    return 0;
}

static void *acceptor(void *arg)
{
    (void)arg;
    inside = 1;
    result = accept(listener, 0, 0);
    error = errno;
    return 0;
}

static pthread_t begin(void *(*body)(void *))
{
    inside = error = 0;
    result = -77;
    pthread_t t = start(body, 0);
    WAIT_UNTIL(inside);
    sleep_ms(150); /* it sleeps in the call by then */
    return t;
}

/* The reader gets what comes in afterwards: the file is held by the call. */
static void close_then_data(void)
{
    tcp_pair(fds);
    pthread_t t = begin(reader);
    CHECK_EQ(close(fds[0]), 0);
    CHECK_ERRNO(fcntl(fds[0], F_GETFD), EBADF);
    sleep_ms(20);
    CHECK_EQ(result, -77);
    CHECK_EQ(poll_ms(fds[1], POLLIN | POLLRDHUP, 5), 0); /* the peer sees no end */
    CHECK_EQ(write(fds[1], "a", 1), 1);
    join(t);
    CHECK_EQ(result, 1);
    wait_for(fds[1], POLLIN); /* with the call, the last hold is gone */
    check_end(fds[1]);
    close(fds[1]);
}

static void shutdown_wakes(void)
{
    tcp_pair(fds);
    pthread_t t = begin(reader);
    CHECK_EQ(shutdown(fds[0], SHUT_RDWR), 0);
    join(t);
    CHECK_EQ(result, 0);
    close(fds[0]), close(fds[1]);
    listener = make_listener();
    t = begin(acceptor);
    CHECK_EQ(shutdown(listener, SHUT_RD), 0);
    join(t);
    CHECK_EQ(result, -1);
    CHECK_EQ(error, EINVAL);
    close(listener);
}

static void peer_wakes(void)
{
    tcp_pair(fds);
    pthread_t t = begin(reader);
    close(fds[1]);
    join(t);
    CHECK_EQ(result, 0);
    close(fds[0]);
}

/* A closed listener in accept: the next connection still comes. */
static void accept_after_close(void)
{
    listener = make_listener();
    int port = local_port(listener), fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t t = begin(acceptor);
    close(listener);
    CHECK_EQ(connect_to(fd, LOOPBACK, port), 0);
    join(t);
    CHECK(result >= 0);
    check_linked(fd, result);
    close(fd), close(result);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_ERRNO(connect_to(fd, LOOPBACK, port), ECONNREFUSED);
    close(fd);
}

/* dup2 over it changes nothing for the sleeper. */
static void replaced(void)
{
    int ends[2];
    char byte;
    tcp_pair(fds);
    CHECK_EQ(pipe(ends), 0);
    pthread_t t = begin(reader);
    CHECK_EQ(dup2(ends[0], fds[0]), fds[0]);
    CHECK_EQ(write(ends[1], "p", 1), 1);
    sleep_ms(20);
    CHECK_EQ(result, -77);
    CHECK_EQ(write(fds[1], "s", 1), 1);
    join(t);
    CHECK_EQ(result, 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(byte, 'p');
    close(fds[0]), close(fds[1]), close(ends[0]), close(ends[1]);
}

int main(void)
{
    close_then_data();
    shutdown_wakes();
    peer_wakes();
    accept_after_close();
    replaced();
    return finish();
}
