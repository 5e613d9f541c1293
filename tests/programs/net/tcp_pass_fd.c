/* TCP sockets, listeners and pipe ends sent over AF_UNIX with SCM_RIGHTS, then used. */
#include "net.h"

static int unix_pair[2];

static void send_one(int fd) { CHECK_EQ(send_fds(unix_pair[0], &fd, 1), 1); }

static int receive_one(int over)
{
    int fd = -1;
    CHECK_EQ(receive_fds(over, &fd, 1, 0), 1);
    return fd;
}

static void join_child(pid_t child)
{
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* The receiver is a process that never had it; it blocks in read on it. */
static void connection(void)
{
    pid_t child = fork();
    if (!child) {
        char byte = 0;
        close(unix_pair[0]);
        int fd = receive_one(unix_pair[1]);
        CHECK_EQ(read(fd, &byte, 1), 1);
        CHECK_EQ(byte, 'x');
        CHECK_EQ(write(fd, "y", 1), 1);
        CHECK_EQ(get_option(fd, SOL_SOCKET, SO_DOMAIN), AF_INET);
        CHECK_EQ(get_option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
        _exit(check_failures != 0);
    }
    int fds[2];
    char byte = 0;
    tcp_pair(fds); /* made after the fork */
    CHECK_EQ(set_option(fds[1], IPPROTO_TCP, TCP_NODELAY, 1), 0);
    send_one(fds[1]);
    close(fds[1]); /* in flight or over there: it lives */
    sleep_ms(20);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    CHECK_EQ(byte, 'y');
    check_end(fds[0]); /* the child's exit closes it */
    join_child(child);
    close(fds[0]);
}

static void listener(void)
{
    pid_t child = fork();
    if (!child) {
        int l = receive_one(unix_pair[1]), fd = accept(l, 0, 0);
        _exit(write(fd, "l", 1) != 1);
    }
    int l = make_listener(), fd = socket(AF_INET, SOCK_STREAM, 0), port = local_port(l);
    send_one(l);
    close(l);
    char byte = 0;
    CHECK_EQ(connect_to(fd, LOOPBACK, port), 0);
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, 'l');
    join_child(child);
    close(fd);
}

/* A pipe's read end, blocking, and a write end whose close must wake a reader. */
static void pipe_ends(void)
{
    int ends[2];
    pid_t child = fork();
    if (!child) {
        char text[4];
        close(unix_pair[0]);
        int fd = receive_one(unix_pair[1]);
        CHECK_EQ(read(fd, text, 4), 2);
        CHECK_EQ(read(fd, text, 4), 0);
        _exit(check_failures != 0);
    }
    CHECK_EQ(pipe(ends), 0);
    send_one(ends[0]);
    close(ends[0]);
    sleep_ms(20);
    CHECK_EQ(write(ends[1], "pq", 2), 2);
    sleep_ms(20);
    close(ends[1]);
    join_child(child);
}

/* Nobody takes it out: with the socket that carries it, it goes. */
static void never_received(void)
{
    int fds[2], pair[2];
    tcp_pair(fds);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(send_fds(pair[0], &fds[1], 1), 1);
    close(fds[1]);
    CHECK_EQ(poll_ms(fds[0], POLLIN, 10), 0); /* in flight */
    check_flow(fds[0], receive_one(pair[1]));
    CHECK_EQ(poll_ms(fds[0], POLLIN, 10), 0); /* received; open under its new number */
    close(fds[0]);
    tcp_pair(fds);
    CHECK_EQ(send_fds(pair[0], &fds[1], 1), 1);
    close(fds[1]);
    close(pair[0]), close(pair[1]);
    wait_for(fds[0], POLLIN);
    check_end(fds[0]);
    close(fds[0]);
}

/* The sender's and the receiver's are one description. */
static void one_description(void)
{
    int fds[2];
    tcp_pair(fds);
    send_one(fds[0]);
    int copy = receive_one(unix_pair[1]);
    CHECK(copy != fds[0]);
    set_nonblocking(copy, 1);
    CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    CHECK_EQ(fcntl(copy, F_GETFD), 0);
    CHECK_EQ(local_port(copy), local_port(fds[0]));
    close(fds[0]);
    CHECK_EQ(write(copy, "z", 1), 1);
    char byte;
    CHECK_EQ(read(fds[1], &byte, 1), 1);
    close(copy);
    check_end(fds[1]);
    close(fds[1]);
}

int main(void)
{
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair), 0);
    connection();
    listener();
    pipe_ends();
    never_received();
    one_description();
    return finish();
}
