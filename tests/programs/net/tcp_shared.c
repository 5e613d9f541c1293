/* One connection behind several descriptors: dup, fork, exec; the last close ends it. */
#include "net.h"

static void by_dup(void)
{
    int fds[2];
    tcp_pair(fds);
    int copy = dup(fds[0]), high = fcntl(fds[0], F_DUPFD_CLOEXEC, 100);
    CHECK(high >= 100);
    close(fds[0]);
    check_linked(copy, fds[1]);
    set_nonblocking(copy, 1); /* one description, one set of flags */
    CHECK(fcntl(high, F_GETFL) & O_NONBLOCK);
    char byte;
    CHECK_ERRNO(read(high, &byte, 1), EAGAIN);
    close(copy);
    CHECK_EQ(poll_ms(fds[1], POLLIN, 10), 0);
    CHECK_EQ(dup2(fds[1], high), high); /* dup2 over the last one closes it */
    check_end(fds[1]);
    close(high), close(fds[1]);
}

/* Parent and child both hold it; the peer sees the end when both have closed. */
static void by_fork(void)
{
    int fds[2], go[2], status;
    tcp_pair(fds);
    CHECK_EQ(pipe(go), 0);
    pid_t child = fork();
    if (!child) {
        char byte;
        close(fds[1]), close(go[1]);
        CHECK_EQ(write(fds[0], "c", 1), 1);
        CHECK_EQ(read(go[0], &byte, 1), 0); /* until the parent says */
        CHECK_EQ(write(fds[0], "d", 1), 1);
        _exit(check_failures != 0);
    }
    close(fds[0]);
    char byte = 0;
    CHECK_EQ(read(fds[1], &byte, 1), 1);
    CHECK_EQ(byte, 'c');
    CHECK_EQ(poll_ms(fds[1], POLLIN, 10), 0); /* the child has it still */
    close(go[1]), close(go[0]);
    CHECK_EQ(read(fds[1], &byte, 1), 1);
    CHECK_EQ(byte, 'd');
    check_end(fds[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fds[1]);
}

/* shutdown works on the connection, whoever else holds it. */
static void shutdown_for_all(void)
{
    int fds[2], status;
    tcp_pair(fds);
    IN_CHILD(status, CHECK_EQ(shutdown(fds[0], SHUT_WR), 0));
    CHECK_EQ(status, 0);
    check_end(fds[1]);
    CHECK_ERRNO(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(fds[0]), close(fds[1]);
}

static int listener;

/* A listener is shared by its heirs: each connection goes to one of them. */
static void preforked(void)
{
    enum { WORKERS = 3, CLIENTS = 12 };
    listener = make_listener();
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        if ((workers[i] = fork()) == 0)
            for (;;) {
                int fd = accept(listener, 0, 0);
                char byte;
                if (read(fd, &byte, 1) != 1 || byte == 'q')
                    _exit(byte != 'q');
                write(fd, &byte, 1);
                close(fd);
            }
    for (int i = 0; i < CLIENTS + WORKERS; i++) {
        char byte = i < CLIENTS ? (char)('A' + i) : 'q', back = 0;
        int fd = dial(listener);
        CHECK_EQ(write(fd, &byte, 1), 1);
        CHECK_EQ(read(fd, &back, 1), i < CLIENTS);
        CHECK_EQ(back, i < CLIENTS ? byte : 0);
        close(fd);
    }
    for (int i = 0; i < WORKERS; i++) {
        int status;
        CHECK_EQ(waitpid(workers[i], &status, 0), workers[i]);
        CHECK_EQ(status, 0);
    }
    close(listener);
}

/* Across exec: a shell and cat speak through it; close-on-exec ends it. */
static void by_exec(void)
{
    int fds[2], status;
    char text[16] = {0};
    tcp_pair(fds);
    pid_t child = fork();
    if (!child) {
        dup2(fds[0], 0), dup2(fds[0], 1);
        close(fds[0]), close(fds[1]);
        execlp("cat", "cat", (char *)0);
        _exit(1);
    }
    close(fds[0]);
    CHECK_EQ(write(fds[1], "through cat", 11), 11);
    CHECK_EQ(recv(fds[1], text, 11, MSG_WAITALL), 11);
    CHECK_TEXT(text, "through cat");
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    check_end(fds[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fds[1]);
    tcp_pair(fds);
    CHECK_EQ(fcntl(fds[0], F_SETFD, FD_CLOEXEC), 0);
    child = fork();
    if (!child) {
        close(fds[1]);
        execlp("sleep", "sleep", "60", (char *)0);
        _exit(1);
    }
    close(fds[0]);
    check_end(fds[1]);
    CHECK_EQ(waitpid(child, &status, WNOHANG), 0); /* it runs, without the connection */
    CHECK_EQ(kill(child, SIGTERM), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    close(fds[1]);
}

int main(void)
{
    by_dup();
    by_fork();
    shutdown_for_all();
    preforked();
    by_exec();
    return finish();
}
