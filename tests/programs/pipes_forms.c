/* Pipes, FIFOs, socket pairs, event descriptors: blocking, ends, flags, poll and select. */
#include "check.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static void blocking(void)
{
    int fds[2], status;
    char byte;
    CHECK_EQ(pipe(fds), 0);
    pid_t pid = fork();
    if (!pid) {
        sleep_ms(20);
        _exit(write(fds[1], "a", 1) != 1);
    }
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    pid = fork(); /* the end of file comes when the last writer is gone */
    if (!pid) {
        sleep_ms(20);
        _exit(0);
    }
    close(fds[1]);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(read(fds[0], &byte, 1), 0);
    CHECK(now_s(CLOCK_MONOTONIC) - before > 0.015);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    close(fds[0]);
    /* a writer blocks when it is full, and goes on */
    CHECK_EQ(pipe(fds), 0);
    pid = fork();
    if (!pid) {
        static char much[300000];
        close(fds[0]);
        _exit(write(fds[1], much, sizeof much) != (ssize_t)sizeof much);
    }
    close(fds[1]);
    static char buffer[10000];
    long total = 0;
    for (ssize_t n; (n = read(fds[0], buffer, sizeof buffer)) > 0;)
        total += n;
    CHECK_EQ(total, 300000);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    close(fds[0]);
    /* a blocked writer gets EPIPE when the reader goes */
    CHECK_EQ(pipe(fds), 0);
    pid = fork();
    if (!pid) {
        static char much[300000];
        close(fds[0]);
        signal(SIGPIPE, SIG_IGN);
        ssize_t n = write(fds[1], much, sizeof much);
        _exit(n == 65536 ? 0 : n == -1 && errno == EPIPE ? 1 : 2);
    }
    close(fds[1]);
    sleep_ms(20);
    close(fds[0]);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 0);
}

static void interrupted_write(int signo) { (void)signo; }

static void partial(void)
{
    int fds[2], n = 0, status;
    static char much[100000];
    CHECK_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    CHECK_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_EQ(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    CHECK_ERRNO(read(fds[0], much, 10), EAGAIN);
    CHECK_EQ(write(fds[1], much, sizeof much), 65536);
    CHECK_ERRNO(write(fds[1], much, 10), EAGAIN);
    CHECK_EQ(ioctl(fds[0], FIONREAD, &n), 0);
    CHECK_EQ(n, 65536);
    CHECK_EQ(read(fds[0], much, 4096), 4096);
    CHECK_EQ(write(fds[1], much, 4096), 4096); /* PIPE_BUF: all or nothing */
    CHECK_EQ(read(fds[0], much, 100), 100);
    CHECK_ERRNO(write(fds[1], much, 4096), EAGAIN);
    int other = dup(fds[0]);
    fcntl(other, F_SETFL, fcntl(other, F_GETFL) & ~O_NONBLOCK);
    CHECK_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
    close(other);
    CHECK(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    CHECK_EQ(fcntl(fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
    CHECK_EQ(fcntl(fds[1], F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_EQ(fcntl(fds[1], F_GETPIPE_SZ), 65536);
    CHECK_EQ(fcntl(fds[1], F_SETPIPE_SZ, 131072), 131072);
    int on = 1;
    CHECK_EQ(ioctl(fds[0], FIONBIO, &on), 0);
    CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    close(fds[0]);
    close(fds[1]);
    CHECK_EQ(pipe(fds), 0);
    CHECK_EQ(fcntl(fds[0], F_GETFL), O_RDONLY);
    CHECK_EQ(fcntl(fds[1], F_GETFL), O_WRONLY);
    CHECK_ERRNO(read(fds[1], much, 1), EBADF);
    CHECK_ERRNO(write(fds[0], much, 1), EBADF);
    CHECK_ERRNO(lseek(fds[0], 0, SEEK_CUR), ESPIPE);
    CHECK_ERRNO(syscall(SYS_pipe, 8), EFAULT);
    CHECK_ERRNO(pipe2(fds, 0x7), EINVAL);
    CHECK_EQ(read(fds[0], much, 0), 0);
    /* interrupted in the middle: what is written counts */
    struct sigaction a = {.sa_handler = interrupted_write};
    sigaction(SIGUSR1, &a, 0);
    pid_t parent = getpid(), pid = fork();
    if (!pid) {
        sleep_ms(20);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    CHECK_EQ(write(fds[1], much, sizeof much), 65536);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    struct iovec iov[2] = {{much, 10}, {much + 10, 20}};
    CHECK_EQ(readv(fds[0], iov, 2), 30);
    CHECK_EQ(read(fds[0], much, 8192), 8192);
    CHECK_EQ(writev(fds[1], iov, 2), 30);
    close(fds[0]);
    close(fds[1]);
}

static void fifos(void)
{
    char name[64];
    int status, fd;
    char byte;
    snprintf(name, sizeof name, "/tmp/dst-fifo-%d", getpid());
    CHECK_EQ(mkfifo(name, 0600), 0);
    CHECK_ERRNO(mkfifo(name, 0600), EEXIST);
    CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
    for (int reader_first = 0; reader_first < 2; reader_first++) {
        pid_t pid = fork();
        if (!pid) {
            if (reader_first)
                sleep_ms(20);
            fd = open(name, O_WRONLY);
            _exit(write(fd, "z", 1) != 1);
        }
        if (!reader_first)
            sleep_ms(20);
        fd = open(name, O_RDONLY);
        CHECK(fd >= 0);
        CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
        CHECK_EQ(read(fd, &byte, 1), 1);
        CHECK_EQ(read(fd, &byte, 1), 0);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 0);
        close(fd);
    }
    fd = open(name, O_RDONLY | O_NONBLOCK);
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, &byte, 1), 0);
    int writer = open(name, O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    CHECK_ERRNO(read(fd, &byte, 1), EAGAIN);
    close(writer);
    close(fd);
    fd = open(name, O_RDWR);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "q", 1), 1);
    CHECK_EQ(read(fd, &byte, 1), 1);
    close(fd);
    /* a blocked open is interrupted */
    struct sigaction a = {.sa_handler = interrupted_write};
    sigaction(SIGUSR1, &a, 0);
    pid_t parent = getpid(), pid = fork();
    if (!pid) {
        sleep_ms(20);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    CHECK_ERRNO(open(name, O_RDONLY), EINTR);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    unlink(name);
}

static void polls(void)
{
    int fds[2], status;
    char byte;
    CHECK_EQ(pipe(fds), 0);
    struct pollfd p[3] = {{fds[0], POLLIN, 0}, {fds[1], POLLOUT, 0}, {-1, POLLIN, 7}};
    CHECK_EQ(poll(p, 3, -1), 1);
    CHECK_EQ(p[1].revents, POLLOUT);
    CHECK_EQ(p[2].revents, 0);
    CHECK_EQ(poll(p, 1, 0), 0);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(poll(p, 1, 30), 0);
    CHECK(now_s(CLOCK_MONOTONIC) - before >= 0.03);
    pid_t pid = fork();
    if (!pid) {
        sleep_ms(20);
        _exit(write(fds[1], "a", 1) != 1);
    }
    CHECK_EQ(poll(p, 1, 5000), 1);
    CHECK_EQ(p[0].revents, POLLIN);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    fd_set r, w;
    FD_ZERO(&r);
    FD_ZERO(&w);
    FD_SET(fds[0], &r);
    FD_SET(fds[1], &w);
    struct timeval tv = {1, 0};
    CHECK_EQ(select(fds[1] + 1, &r, &w, 0, &tv), 2);
    CHECK(FD_ISSET(fds[0], &r) && FD_ISSET(fds[1], &w));
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    FD_ZERO(&r);
    FD_SET(fds[0], &r);
    tv = (struct timeval){0, 30000};
    CHECK_EQ(select(fds[0] + 1, &r, 0, 0, &tv), 0);
    CHECK(!FD_ISSET(fds[0], &r));
    CHECK_EQ(tv.tv_sec, 0);
    CHECK_EQ(tv.tv_usec, 0);
    FD_SET(fds[0], &r);
    close(fds[1]);
    CHECK_EQ(poll(p, 1, -1), 1);
    CHECK_EQ(p[0].revents, POLLHUP);
    CHECK_EQ(select(fds[0] + 1, &r, 0, 0, 0), 1);
    close(fds[0]);
    p[0].fd = fds[0];
    CHECK_EQ(poll(p, 1, -1), 1);
    CHECK_EQ(p[0].revents, POLLNVAL);
    CHECK_ERRNO(select(fds[0] + 1, &r, 0, 0, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_poll, 8, 1, 0), EFAULT);
    CHECK_ERRNO(select(-1, 0, 0, 0, 0), EINVAL);
    tv.tv_sec = -1;
    CHECK_ERRNO(select(0, 0, 0, 0, &tv), EINVAL);
    before = now_s(CLOCK_MONOTONIC);
    tv = (struct timeval){0, 50000};
    CHECK_EQ(select(0, 0, 0, 0, &tv), 0);
    CHECK(now_s(CLOCK_MONOTONIC) - before >= 0.05);
    int file = open("/etc/passwd", O_RDONLY);
    p[0] = (struct pollfd){file, POLLIN | POLLOUT, 0};
    CHECK_EQ(poll(p, 1, -1), 1);
    CHECK_EQ(p[0].revents, POLLIN | POLLOUT);
    close(file);
}

static void events(void)
{
    uint64_t value;
    int status, fd = eventfd(3, EFD_CLOEXEC);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 3);
    pid_t pid = fork();
    if (!pid) {
        sleep_ms(20);
        value = 9;
        _exit(write(fd, &value, 8) != 8);
    }
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 9);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_ERRNO(read(fd, &value, 4), EINVAL);
    close(fd);
    fd = eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_EQ(value, 1);
    CHECK_EQ(read(fd, &value, 8), 8);
    CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
    close(fd);
}

static void sockets(void)
{
    int sv[2], status;
    char text[16] = "";
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    pid_t pid = fork();
    if (!pid) {
        sleep_ms(10);
        CHECK_EQ(send(sv[1], "hello", 5, 0), 5);
        CHECK_EQ(recv(sv[1], text, 3, MSG_WAITALL), 3);
        _exit(memcmp(text, "abc", 3) != 0);
    }
    CHECK_EQ(recv(sv[0], text, sizeof text, 0), 5);
    CHECK_EQ(write(sv[0], "ab", 2), 2);
    sleep_ms(5);
    CHECK_EQ(write(sv[0], "c", 1), 1);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_ERRNO(recv(sv[0], text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(shutdown(sv[1], SHUT_WR), 0);
    CHECK_EQ(recv(sv[0], text, 1, 0), 0);
    close(sv[1]);
    CHECK_ERRNO(send(sv[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(sv[0]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, sv), 0);
    CHECK_ERRNO(recv(sv[0], text, 1, 0), EAGAIN);
    CHECK_EQ(send(sv[1], "one", 3, 0), 3);
    CHECK_EQ(send(sv[1], "", 0, 0), 0);
    CHECK_EQ(recv(sv[0], text, sizeof text, 0), 3);
    CHECK_EQ(recv(sv[0], text, sizeof text, 0), 0);
    close(sv[0]);
    close(sv[1]);
}

int main(void)
{
    blocking();
    partial();
    fifos();
    polls();
    events();
    sockets();
    return finish();
}
