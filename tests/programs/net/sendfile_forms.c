/* sendfile and copy_file_range between files, pipes and AF_UNIX sockets: offsets, ends, errors. */
#include "net.h"
#include <sys/sendfile.h>

static char text[64];

static int make_file(const char *name, const char *content, int flags)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | flags, 0600);
    CHECK_EQ(write(fd, content, strlen(content)), strlen(content));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    unlink(name);
    return fd;
}

static void between_files(void)
{
    int in = make_file("a.data", "0123456789", 0), out = make_file("b.data", "", 0);
    off_t at = 4;
    CHECK_EQ(sendfile(out, in, 0, 3), 3);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 3);
    CHECK_EQ(lseek(out, 0, SEEK_CUR), 3);
    CHECK_EQ(sendfile(out, in, &at, 100), 6);
    CHECK_EQ(at, 10);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 3);
    CHECK_EQ(sendfile(out, in, &at, 100), 0);
    CHECK_EQ(sendfile(out, in, 0, 0), 0);
    CHECK_EQ(pread(out, text, sizeof text, 0), 9);
    CHECK_EQ(memcmp(text, "012456789", 9), 0);
    int append = make_file("c.data", "", O_APPEND);
    CHECK_ERRNO(sendfile(append, in, 0, 3), EINVAL);
    close(in), close(out), close(append);
}

static void to_pipes_and_sockets(void)
{
    int in = make_file("a.data", "0123456789", 0), ends[2], pair[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(sendfile(ends[1], in, 0, 4), 4);
    CHECK_EQ(read(ends[0], text, sizeof text), 4);
    CHECK_EQ(memcmp(text, "0123", 4), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(sendfile(pair[0], in, 0, 100), 6);
    CHECK_EQ(read(pair[1], text, sizeof text), 6);
    CHECK_EQ(memcmp(text, "456789", 6), 0);
    off_t at = 0;
    CHECK_ERRNO(sendfile(ends[1], pair[0], &at, 1), ESPIPE);
    signal(SIGPIPE, SIG_IGN);
    CHECK_EQ(lseek(in, 0, SEEK_SET), 0);
    close(ends[0]);
    CHECK_ERRNO(sendfile(ends[1], in, 0, 1), EPIPE);
    close(pair[1]);
    CHECK_ERRNO(sendfile(pair[0], in, 0, 1), EPIPE);
    close(in), close(ends[1]), close(pair[0]);
}

/* A blocking sendfile goes on while the other side reads. */
static void blocking(void)
{
    enum { SIZE = 500000 };
    static char much[SIZE], got[SIZE + 1];
    int file = open("much.data", O_RDWR | O_CREAT | O_TRUNC, 0600), pair[2], ends[2], status;
    unlink("much.data");
    memset(much, 'm', SIZE);
    CHECK_EQ(write_all(file, much, SIZE), SIZE);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(pipe(ends), 0);
    for (int way = 0; way < 2; way++) {
        int to = way ? ends[1] : pair[0], from = way ? ends[0] : pair[1];
        pid_t child = fork();
        if (!child) {
            off_t at = 0;
            close(from);
            while (at < SIZE && sendfile(to, file, &at, SIZE) > 0)
                ;
            _exit(at != SIZE);
        }
        close(to);
        CHECK_EQ(read_all(from, got, sizeof got), SIZE);
        CHECK_EQ(memcmp(much, got, SIZE), 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        close(from);
    }
    close(file);
}

static void errors(void)
{
    int in = make_file("a.data", "abc", 0), ends[2], only_read = open("/dev/null", O_RDONLY);
    off_t at = -1;
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(sendfile(ends[1], in, &at, 1), EINVAL);
    CHECK_ERRNO(sendfile(only_read, in, 0, 1), EBADF);
    CHECK_ERRNO(sendfile(99, in, 0, 1), EBADF);
    CHECK_ERRNO(sendfile(ends[1], 99, 0, 1), EBADF);
    CHECK_ERRNO(sendfile(ends[1], ends[1], 0, 1), EBADF);
    CHECK_ERRNO(sendfile(ends[1], in, nowhere, 1), EFAULT);
    close(in), close(ends[0]), close(ends[1]), close(only_read);
}

static void ranges(void)
{
    int in = make_file("a.data", "0123456789", 0), out = make_file("b.data", "..........", 0), ends[2];
    loff_t from = 2, to = 5;
    CHECK_EQ(copy_file_range(in, &from, out, &to, 3, 0), 3);
    CHECK(from == 5 && to == 8);
    CHECK_EQ(copy_file_range(in, 0, out, 0, 2, 0), 2);
    CHECK_EQ(lseek(in, 0, SEEK_CUR), 2);
    CHECK_EQ(pread(out, text, sizeof text, 0), 10);
    CHECK_EQ(memcmp(text, "01...234..", 10), 0);
    from = 100;
    CHECK_EQ(copy_file_range(in, &from, out, 0, 2, 0), 0); /* beyond the end */
    from = 0, to = 2;
    CHECK_ERRNO(copy_file_range(in, &from, in, &to, 5, 0), EINVAL); /* onto itself */
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(copy_file_range(in, 0, ends[1], 0, 1, 0), EINVAL);
    CHECK_ERRNO(copy_file_range(in, 0, out, 0, 1, 1), EINVAL);
    CHECK_ERRNO(copy_file_range(in, 0, 99, 0, 1, 0), EBADF);
    close(in), close(out), close(ends[0]), close(ends[1]);
}

int main(void)
{
    between_files();
    to_pipes_and_sockets();
    blocking();
    errors();
    ranges();
    return finish();
}
