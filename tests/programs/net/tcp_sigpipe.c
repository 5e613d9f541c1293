/* EPIPE and SIGPIPE: which calls send it, to which thread, and MSG_NOSIGNAL. */
#include "net.h"
#include <pthread.h>
#include <sys/sendfile.h>

static volatile int signals;
static volatile pid_t signalled;

static void on_pipe(int signo)
{
    (void)signo;
    signals++;
    signalled = (pid_t)syscall(SYS_gettid);
}

static void count_is(int wanted)
{
    CHECK_EQ(signals, wanted);
    signals = 0;
}

static void all_calls(int fd)
{
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    CHECK_ERRNO(write(fd, "x", 1), EPIPE);
    count_is(1);
    CHECK_ERRNO(send(fd, "x", 1, 0), EPIPE);
    count_is(1);
    CHECK_ERRNO(sendto(fd, "x", 1, 0, 0, 0), EPIPE);
    count_is(1);
    CHECK_ERRNO(writev(fd, &v, 1), EPIPE);
    count_is(1);
    CHECK_ERRNO(sendmsg(fd, &m, 0), EPIPE);
    count_is(1);
    CHECK_ERRNO(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_ERRNO(sendmsg(fd, &m, MSG_NOSIGNAL), EPIPE);
    count_is(0);
}

/* No bytes: no error. */
static void nothing_to_send(int fd)
{
    CHECK_ERRNO(send(fd, "", 0, MSG_NOSIGNAL), EPIPE);
    count_is(0);
}

static void kills(void)
{
    int fds[2], status;
    tcp_pair(fds);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    IN_CHILD(status, signal(SIGPIPE, SIG_DFL), write(fds[0], "x", 1), _exit(7));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    IN_CHILD(status, signal(SIGPIPE, SIG_DFL); send(fds[0], "x", 1, MSG_NOSIGNAL), _exit(7));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    IN_CHILD(status, signal(SIGPIPE, SIG_IGN); CHECK_ERRNO(write(fds[0], "x", 1), EPIPE));
    CHECK_EQ(status, 0);
    close(fds[0]), close(fds[1]);
}

static void *writer(void *arg)
{
    CHECK_ERRNO(write(*(int *)arg, "x", 1), EPIPE);
    CHECK_EQ(signalled, syscall(SYS_gettid)); /* it is the writer's own */
    return 0;
}

static void in_a_thread(int fd)
{
    pthread_t t;
    CHECK_EQ(pthread_create(&t, 0, writer, &fd), 0);
    pthread_join(t, 0);
    count_is(1);
}

static void blocked(int fd)
{
    sigset_t pipe_only, was;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigprocmask(SIG_BLOCK, &pipe_only, &was);
    CHECK_ERRNO(write(fd, "x", 1), EPIPE);
    count_is(0);
    CHECK_EQ(sigpending(&pipe_only), 0);
    CHECK_EQ(sigismember(&pipe_only, SIGPIPE), 1);
    sigprocmask(SIG_SETMASK, &was, 0);
    count_is(1);
}

int main(void)
{
    int fds[2], pair[2];
    struct sigaction a = {.sa_handler = on_pipe};
    sigaction(SIGPIPE, &a, 0);
    tcp_pair(fds);
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    all_calls(fds[0]);
    nothing_to_send(fds[0]);
    in_a_thread(fds[0]);
    blocked(fds[0]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    close(pair[1]);
    all_calls(pair[0]);
    kills();
    return finish();
}
