/* splice between pipes and files: offsets, parts, blocking, ends, errors. */
#include "net.h"

static char text[70000];

static int make_file(const char *content)
{
    int fd = open("splice.data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQ(write(fd, content, strlen(content)), strlen(content));
    unlink("splice.data");
    return fd;
}

static void from_file(void)
{
    int file = make_file("0123456789"), ends[2];
    loff_t at = 3;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(splice(file, &at, ends[1], 0, 4, 0), 4);
    CHECK_EQ(at, 7);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 10); /* its own place stays */
    CHECK_EQ(read(ends[0], text, 10), 4);
    CHECK_EQ(memcmp(text, "3456", 4), 0);
    CHECK_EQ(lseek(file, 8, SEEK_SET), 8);
    CHECK_EQ(splice(file, 0, ends[1], 0, 100, 0), 2); /* what there is */
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 10);
    CHECK_EQ(splice(file, 0, ends[1], 0, 100, 0), 0);
    CHECK_EQ(read(ends[0], text, 10), 2);
    CHECK_EQ(memcmp(text, "89", 2), 0);
    close(file), close(ends[0]), close(ends[1]);
}

static void to_file(void)
{
    int file = make_file("..........."), ends[2];
    loff_t at = 2;
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "abcdef", 6), 6);
    CHECK_EQ(splice(ends[0], 0, file, &at, 3, 0), 3);
    CHECK_EQ(at, 5);
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
    CHECK_EQ(splice(ends[0], 0, file, 0, 100, 0), 3);
    CHECK_EQ(pread(file, text, 20, 0), 11);
    CHECK_EQ(memcmp(text, "defbc......", 11), 0);
    CHECK_ERRNO(splice(ends[0], 0, file, 0, 10, SPLICE_F_NONBLOCK), EAGAIN);
    close(ends[1]);
    CHECK_EQ(splice(ends[0], 0, file, 0, 10, 0), 0); /* no writer any more */
    close(file), close(ends[0]);
}

static void between_pipes(void)
{
    int a[2], b[2], status;
    CHECK_EQ(pipe(a), 0);
    CHECK_EQ(pipe(b), 0);
    CHECK_EQ(write(a[1], "moved", 5), 5);
    CHECK_EQ(splice(a[0], 0, b[1], 0, 3, SPLICE_F_MOVE | SPLICE_F_MORE), 3);
    CHECK_EQ(splice(a[0], 0, b[1], 0, 10, 0), 2);
    CHECK_EQ(read(b[0], text, 10), 5);
    CHECK_EQ(memcmp(text, "moved", 5), 0);
    pid_t child = fork();
    if (!child) { /* asleep in splice until there is something */
        CHECK_EQ(splice(a[0], 0, b[1], 0, 10, 0), 4);
        CHECK_EQ(splice(a[0], 0, b[1], 0, 10, 0), 1);
        _exit(check_failures != 0);
    }
    sleep_ms(15);
    CHECK_EQ(write(a[1], "late", 4), 4);
    CHECK_EQ(read_all(b[0], text, 4), 4);
    sleep_ms(15);
    CHECK_EQ(write(a[1], "x", 1), 1);
    CHECK_EQ(read(b[0], text, 4), 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    /* a full goal: wait, or EAGAIN */
    while (write(a[1], text, 4096) > 0 && poll_ms(a[1], POLLOUT, 0))
        ;
    while (write(b[1], text, 4096) > 0 && poll_ms(b[1], POLLOUT, 0))
        ;
    CHECK_ERRNO(splice(a[0], 0, b[1], 0, 10, SPLICE_F_NONBLOCK), EAGAIN);
    child = fork();
    if (!child) {
        CHECK_EQ(splice(a[0], 0, b[1], 0, 4096, 0), 4096);
        _exit(check_failures != 0);
    }
    sleep_ms(15);
    CHECK_EQ(read_all(b[0], text, 4096), 4096);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(a[0]), close(a[1]), close(b[0]), close(b[1]);
}

/* A pump of much data from process to process, through splice alone. */
static void pump(void)
{
    enum { TOTAL = 1 << 20 };
    static unsigned char data[TOTAL], got[TOTAL + 1];
    int a[2], b[2], status;
    CHECK_EQ(pipe(a), 0);
    CHECK_EQ(pipe(b), 0);
    bulk_fill(data, 4, 0, TOTAL);
    pid_t source = fork();
    if (!source) {
        close(a[0]), close(b[0]), close(b[1]);
        _exit(write_all(a[1], data, TOTAL) != TOTAL);
    }
    pid_t middle = fork();
    if (!middle) {
        ssize_t n;
        close(a[1]), close(b[0]);
        while ((n = splice(a[0], 0, b[1], 0, 50000, 0)) > 0)
            ;
        _exit(n != 0);
    }
    close(a[0]), close(a[1]), close(b[1]);
    CHECK_EQ(read_all(b[0], got, sizeof got), TOTAL);
    CHECK_EQ(memcmp(data, got, TOTAL), 0);
    CHECK_EQ(waitpid(source, &status, 0), source);
    CHECK_EQ(status, 0);
    CHECK_EQ(waitpid(middle, &status, 0), middle);
    CHECK_EQ(status, 0);
    close(b[0]);
}

static void errors(void)
{
    int ends[2], file = make_file("abc"), other = make_file("abc");
    loff_t at = 0;
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(splice(file, 0, other, 0, 3, 0), EINVAL); /* no pipe */
    CHECK_ERRNO(splice(ends[0], &at, file, 0, 3, 0), ESPIPE);
    CHECK_ERRNO(splice(file, 0, ends[1], &at, 3, 0), ESPIPE);
    CHECK_ERRNO(splice(file, 0, ends[0], 0, 3, 0), EBADF); /* not for writing */
    CHECK_ERRNO(splice(ends[1], 0, file, 0, 3, 0), EBADF);
    CHECK_ERRNO(splice(99, 0, ends[1], 0, 3, 0), EBADF);
    CHECK_ERRNO(splice(ends[0], 0, ends[1], 0, 3, 0), EINVAL); /* one and the same pipe */
    CHECK_ERRNO(splice(file, 0, ends[1], 0, 3, 0x100), EINVAL);
    CHECK_EQ(splice(file, 0, ends[1], 0, 0, 0), 0);
    CHECK_EQ(splice(99, 0, 98, 0, 0, 0), 0); /* no bytes: nothing is looked at */
    at = -1;
    CHECK_ERRNO(splice(file, &at, ends[1], 0, 3, 0), EINVAL);
    signal(SIGPIPE, SIG_IGN);
    at = 0;
    close(ends[0]);
    CHECK_ERRNO(splice(file, &at, ends[1], 0, 3, 0), EPIPE);
    close(ends[1]), close(file), close(other);
}

int main(void)
{
    from_file();
    to_file();
    between_pipes();
    pump();
    errors();
    return finish();
}
