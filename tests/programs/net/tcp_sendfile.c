/* sendfile from a file to a connection, and splice between a connection and a pipe. */
#include "net.h"
#include <sys/sendfile.h>

enum { SIZE = 700000 };

static unsigned char data[SIZE], got[SIZE + 1];

static int make_file(void)
{
    int file = open("sent.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQ(write_all(file, data, SIZE), SIZE);
    unlink("sent.data");
    return file;
}

/* A child that reads all from fd and says whether it is as it should be. */
static pid_t reader(int fd, int other, size_t from, size_t size)
{
    pid_t child = fork();
    if (child)
        return child;
    close(other);
    ssize_t n = read_all(fd, got, sizeof got);
    CHECK_EQ(n, size);
    CHECK_EQ(memcmp(got, data + from, size), 0);
    _exit(check_failures != 0);
}

static void join_child(pid_t child)
{
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void whole_file(int file)
{
    int fds[2];
    tcp_pair(fds);
    pid_t child = reader(fds[1], fds[0], 0, SIZE);
    close(fds[1]);
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
    size_t done = 0;
    while (done < SIZE) {
        ssize_t n = sendfile(fds[0], file, 0, SIZE - done);
        CHECK(n > 0);
        done += n > 0 ? (size_t)n : SIZE;
    }
    CHECK_EQ(lseek(file, 0, SEEK_CUR), SIZE);
    CHECK_EQ(sendfile(fds[0], file, 0, 10), 0); /* at its end */
    close(fds[0]);
    join_child(child);
}

static void with_offset(int file)
{
    int fds[2];
    tcp_pair(fds);
    off_t at = 1234;
    pid_t child = reader(fds[1], fds[0], 1234, 300000);
    close(fds[1]);
    CHECK_EQ(lseek(file, 7, SEEK_SET), 7);
    while (at < 1234 + 300000)
        if (sendfile(fds[0], file, &at, (size_t)(1234 + 300000 - at)) <= 0) {
            CHECK(!"sendfile goes on");
            break;
        }
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 7); /* the file's own place stays */
    close(fds[0]);
    join_child(child);
}

/* Non-blocking: a part, and EAGAIN when it is full. */
static void nonblocking(int file)
{
    int fds[2];
    tcp_pair(fds);
    CHECK_EQ(set_option(fds[0], SOL_SOCKET, SO_SNDBUF, 30000), 0);
    CHECK_EQ(set_option(fds[1], SOL_SOCKET, SO_RCVBUF, 30000), 0);
    set_nonblocking(fds[0], 1);
    off_t at = 0;
    ssize_t n;
    while ((n = sendfile(fds[0], file, &at, SIZE - (size_t)at)) > 0)
        ;
    CHECK_EQ(n, -1);
    CHECK_EQ(errno, EAGAIN);
    CHECK(at > 0 && at < SIZE);
    off_t sent = at;
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(read_all(fds[1], got, sizeof got), sent);
    CHECK_EQ(memcmp(got, data, (size_t)sent), 0);
    CHECK_ERRNO(sendfile(fds[0], file, 0, 1), EPIPE);
    close(fds[0]), close(fds[1]);
}

static void spliced(void)
{
    int fds[2], in[2], out[2];
    tcp_pair(fds);
    CHECK_EQ(pipe(in), 0);
    CHECK_EQ(pipe(out), 0);
    CHECK_EQ(write(in[1], data, 30000), 30000);
    size_t done = 0;
    while (done < 30000)
        done += (size_t)splice(in[0], 0, fds[0], 0, 30000 - done, 0);
    done = 0;
    while (done < 30000) {
        ssize_t n = splice(fds[1], 0, out[1], 0, 30000 - done, 0);
        CHECK(n > 0);
        CHECK_EQ(read_all(out[0], got + done, (size_t)n), n);
        done += (size_t)n;
    }
    CHECK_EQ(memcmp(got, data, 30000), 0);
    set_nonblocking(fds[1], 1); /* SPLICE_F_NONBLOCK would be for the pipe's side only */
    CHECK_ERRNO(splice(fds[1], 0, out[1], 0, 10, 0), EAGAIN);
    set_nonblocking(fds[1], 0);
    CHECK_ERRNO(splice(fds[1], 0, fds[0], 0, 10, 0), EINVAL); /* neither is a pipe */
    CHECK_ERRNO(splice(fds[1], &(loff_t){0}, out[1], 0, 10, 0), EINVAL); /* it has no places */
    CHECK_EQ(shutdown(fds[0], SHUT_WR), 0);
    CHECK_EQ(splice(fds[1], 0, out[1], 0, 10, 0), 0); /* the end */
    close(fds[0]), close(fds[1]), close(in[0]), close(in[1]), close(out[0]), close(out[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    bulk_fill(data, 9, 0, SIZE);
    int file = make_file();
    whole_file(file);
    with_offset(file);
    nonblocking(file);
    spliced();
    return finish();
}
