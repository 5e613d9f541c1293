/* tee leaves the data where it was; vmsplice takes memory into a pipe and out of it. */
#include "net.h"

static void copies(void)
{
    int a[2], b[2];
    char text[16];
    CHECK_EQ(pipe(a), 0);
    CHECK_EQ(pipe(b), 0);
    CHECK_EQ(write(a[1], "twice", 5), 5);
    CHECK_EQ(tee(a[0], b[1], 3, 0), 3);
    CHECK_EQ(tee(a[0], b[1], 100, 0), 5); /* from the start again */
    CHECK_EQ(read(b[0], text, sizeof text), 8);
    CHECK_EQ(memcmp(text, "twitwice", 8), 0);
    CHECK_EQ(read(a[0], text, sizeof text), 5);
    CHECK_ERRNO(tee(a[0], b[1], 5, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(tee(a[0], b[1], 0, 0), 0);
    close(a[1]);
    CHECK_EQ(tee(a[0], b[1], 5, 0), 0); /* the end */
    CHECK_ERRNO(tee(a[0], a[0], 5, 0), EBADF);
    int file = open(".", O_RDONLY);
    CHECK_ERRNO(tee(file, b[1], 5, 0), EINVAL);
    CHECK_ERRNO(tee(a[0], 99, 5, 0), EBADF);
    CHECK_ERRNO(tee(a[0], b[1], 5, 0x100), EINVAL);
    close(file), close(a[0]), close(b[0]), close(b[1]);
}

/* The programs' tee(1): a copy to one side, the data on to the other; it waits for data. */
static void chain(void)
{
    int a[2], b[2], file = open("tee.data", O_RDWR | O_CREAT | O_TRUNC, 0600), status;
    char text[32] = {0};
    unlink("tee.data");
    CHECK_EQ(pipe(a), 0);
    CHECK_EQ(pipe(b), 0);
    pid_t child = fork();
    if (!child) {
        close(a[0]), close(b[0]), close(b[1]);
        for (int i = 0; i < 3; i++) {
            sleep_ms(5);
            CHECK_EQ(write(a[1], "part ", 5), 5);
        }
        _exit(check_failures != 0);
    }
    close(a[1]);
    ssize_t n;
    while ((n = tee(a[0], b[1], 1000, 0)) > 0)
        while (n > 0) {
            ssize_t moved = splice(a[0], 0, file, 0, (size_t)n, SPLICE_F_MOVE);
            CHECK(moved > 0);
            n -= moved > 0 ? moved : n;
        }
    CHECK_EQ(n, 0);
    CHECK_EQ(read(b[0], text, sizeof text), 15);
    CHECK_TEXT(text, "part part part ");
    CHECK_EQ(pread(file, text, sizeof text, 0), 15);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(a[0]), close(b[0]), close(b[1]), close(file);
}

static void memory(void)
{
    int ends[2];
    static char page[8192], text[8192];
    CHECK_EQ(pipe(ends), 0);
    memset(page, 'v', sizeof page);
    struct iovec v[2] = {{page, 5000}, {page + 5000, 100}};
    CHECK_EQ(vmsplice(ends[1], v, 2, 0), 5100);
    CHECK_EQ(read_all(ends[0], text, 5100), 5100);
    CHECK_EQ(memcmp(page, text, 5100), 0);
    CHECK_EQ(write(ends[1], "back", 4), 4);
    v[0] = (struct iovec){text, 2}, v[1] = (struct iovec){text + 10, 10};
    CHECK_EQ(vmsplice(ends[0], v, 2, 0), 4); /* from a read end: like readv */
    CHECK_EQ(memcmp(text, "ba", 2), 0);
    CHECK_EQ(memcmp(text + 10, "ck", 2), 0);
    CHECK_EQ(vmsplice(ends[1], v, 0, 0), 0);
    v[0] = (struct iovec){nowhere, 10};
    CHECK_ERRNO(vmsplice(ends[1], v, 1, 0), EFAULT);
    CHECK_ERRNO(vmsplice(99, v, 1, 0), EBADF);
    int file = open(".", O_RDONLY);
    CHECK_ERRNO(vmsplice(file, v, 1, 0), EBADF);
    close(file), close(ends[0]), close(ends[1]);
}

/* A full pipe: a part, then a wait or EAGAIN. */
static void full(void)
{
    int ends[2], status;
    static char much[200000], text[200000];
    CHECK_EQ(pipe(ends), 0);
    memset(much, 'f', sizeof much);
    struct iovec v = {much, sizeof much};
    ssize_t n = vmsplice(ends[1], &v, 1, SPLICE_F_NONBLOCK);
    CHECK(n > 0 && n < (ssize_t)sizeof much);
    CHECK_ERRNO(vmsplice(ends[1], &v, 1, SPLICE_F_NONBLOCK), EAGAIN);
    pid_t child = fork();
    if (!child) {
        struct iovec one = {much, 5};
        _exit(vmsplice(ends[1], &one, 1, 0) != 5);
    }
    sleep_ms(15);
    CHECK_EQ(read_all(ends[0], text, (size_t)n), n);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(read_all(ends[0], text, 5), 5);
    close(ends[0]), close(ends[1]);
}

int main(void)
{
    copies();
    chain();
    memory();
    full();
    return finish();
}
