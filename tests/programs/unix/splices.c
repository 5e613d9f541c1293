/* sendfile, splice and tee through AF_UNIX sockets. */
#include "unix.h"
#include <sys/sendfile.h>

#define SIZE 700000u
static unsigned char data[SIZE];

static int file_of(unsigned key)
{
    int fd = open("splices.file", O_CREAT | O_RDWR | O_TRUNC, 0600);
    bulk_fill(data, key, 0, SIZE);
    CHECK_EQ(write_all(fd, data, SIZE), SIZE);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void check_comes(int fd, unsigned key, size_t size)
{
    CHECK_EQ(read_all(fd, data, size), (long)size);
    CHECK(bulk_same(data, key, 0, size));
}

static void from_file(void)
{
    int s[2], fd = file_of(1);
    off_t at = 0;
    pid_t pid;
    unix_pair(s, SOCK_STREAM);
    CHILD(pid, close(s[0]); check_comes(s[1], 1, SIZE); check_comes(s[1], 1, 1000); check_end(s[1]));
    close(s[1]);
    CHECK_EQ(sendfile(s[0], fd, 0, SIZE * 2), SIZE); /* it waits for the reader, up to the file's end */
    CHECK_EQ(sendfile(s[0], fd, 0, 10), 0);
    CHECK_EQ(sendfile(s[0], fd, &at, 1000), 1000);
    CHECK_EQ(at, 1000);
    close(s[0]);
    CHECK_EQ(reap(pid), 0);
    unix_pair(s, SOCK_STREAM | SOCK_NONBLOCK);
    at = 0;
    ssize_t n = sendfile(s[0], fd, &at, SIZE);
    CHECK(n > 10000 && n < (ssize_t)SIZE);
    CHECK_EQ(at, n);
    while (sendfile(s[0], fd, &at, SIZE) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
    signal(SIGPIPE, SIG_IGN);
    close(s[1]);
    CHECK_EQ(sendfile(s[0], fd, &at, SIZE), -1);
    close(s[0]);
    close(fd);
    unlink("splices.file");
}

/* socket -> pipe -> socket, both ends in other processes. */
static void through_pipe(void)
{
    int a[2], b[2], p[2];
    pid_t writer, reader;
    unix_pair(a, SOCK_STREAM);
    unix_pair(b, SOCK_STREAM);
    CHECK_EQ(pipe(p), 0);
    CHILD(writer, close(a[1]); bulk_fill(data, 2, 0, SIZE); CHECK_EQ(write(a[0], data, SIZE), SIZE));
    CHILD(reader, close(a[0]); close(b[0]); sleep_ms(10); check_comes(b[1], 2, SIZE); check_end(b[1]));
    close(a[0]);
    close(b[1]);
    size_t moved = 0;
    for (ssize_t n; (n = splice(a[1], 0, p[1], 0, 50000, 0)) > 0;)
        for (ssize_t left = n, m; left > 0 && (m = splice(p[0], 0, b[0], 0, (size_t)left, 0)) > 0; left -= m)
            moved += (size_t)m;
    CHECK_EQ(moved, SIZE);
    close(b[0]);
    CHECK_EQ(reap(writer), 0);
    CHECK_EQ(reap(reader), 0);
    close(a[1]);
}

/* Descriptors in what is spliced away are closed. */
static void rights_lost(void)
{
    int s[2], p[2], q[2];
    char byte;
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(pipe(q), 0);
    CHECK(send_fd(s[0], q[1]));
    close(q[1]);
    CHECK_EQ(splice(s[1], 0, p[1], 0, 100, 0), 1);
    CHECK_EQ(wait_for(q[0], POLLIN), POLLHUP);
    CHECK_EQ(read(q[0], &byte, 1), 0);
    CHECK_EQ(read(p[0], &byte, 1), 1);
}

int main(void)
{
    from_file();
    through_pipe();
    rights_lost();
    return finish();
}
