/* A process killed with open connections: the peer sees the end, or a reset if data was unread there. */
#include "net.h"

static pid_t holder(int fds[2])
{
    int ready[2];
    CHECK_EQ(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
        close(fds[0]), close(ready[0]);
        CHECK_EQ(write(ready[1], "r", 1), 1);
        for (;;)
            pause();
    }
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]), close(ready[1]), close(fds[1]);
    return child;
}

static void reap(pid_t child, int signo)
{
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signo);
}

static void sees_end(int signo)
{
    int fds[2];
    tcp_pair(fds);
    pid_t child = holder(fds);
    CHECK_EQ(poll_ms(fds[0], POLLIN, 5), 0);
    CHECK_EQ(kill(child, signo), 0);
    check_end(fds[0]);
    reap(child, signo);
    CHECK_EQ(comes_to(fds[0], POLLIN | POLLOUT | POLLRDHUP), POLLIN | POLLOUT | POLLRDHUP);
    CHECK_EQ(send(fds[0], "x", 1, MSG_NOSIGNAL), 1); /* the first is answered by a reset */
    int gone = POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP;
    CHECK_EQ(comes_to(fds[0], gone), gone);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(fds[0]);
}

static void sees_reset(void)
{
    int fds[2];
    char byte;
    tcp_pair(fds);
    pid_t child = holder(fds);
    CHECK_EQ(write(fds[0], "unread", 6), 6);
    sleep_ms(20);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_ERRNO(read(fds[0], &byte, 1), ECONNRESET);
    reap(child, SIGKILL);
    close(fds[0]);
}

/* A listener dies with its process; its port is free at once, its pending connections are reset. */
static void listener_dies(void)
{
    int listener = make_listener(), port = local_port(listener), ready[2];
    CHECK_EQ(pipe(ready), 0);
    pid_t child = fork();
    if (!child) {
        CHECK_EQ(write(ready[1], "r", 1), 1);
        for (;;)
            pause();
    }
    close(listener); /* only the child has it now */
    char byte;
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect_to(fd, LOOPBACK, port), 0);
    sleep_ms(20);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_ERRNO(read(fd, &byte, 1), ECONNRESET);
    reap(child, SIGKILL);
    CHECK_ERRNO(connect_to(other, LOOPBACK, port), ECONNREFUSED);
    close(listener = listen_on(LOOPBACK, port, 1));
    close(fd), close(other), close(ready[0]), close(ready[1]);
}

/* A peer that is stopped is only silent. */
static void stopped(void)
{
    int fds[2], status;
    tcp_pair(fds);
    pid_t child = holder(fds);
    CHECK_EQ(kill(child, SIGSTOP), 0);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(write(fds[0], "x", 1), 1);
    CHECK_EQ(poll_ms(fds[0], POLLIN, 20), 0);
    CHECK_EQ(kill(child, SIGKILL), 0);
    reap(child, SIGKILL);
    close(fds[0]);
}

int main(void)
{
    sees_end(SIGKILL);
    sees_end(SIGTERM);
    sees_reset();
    listener_dies();
    stopped();
    return finish();
}
