/* What fault rules do to calls that move data in other ways: AIO, mappings, many messages at once, and from
 * descriptor to descriptor; the plan of each case is in test_faults.py. */
#include "../check.h"

#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int make(const char *name)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0);
    return fd;
}

/* ---- AIO ---- */
static aio_context_t context;

static long submit(int command, int fd, void *buffer, size_t bytes, long offset)
{
    struct iocb request = {.aio_lio_opcode = command, .aio_fildes = fd, .aio_buf = (uintptr_t)buffer, .aio_nbytes = bytes,
                           .aio_offset = offset};
    struct iocb *list[] = {&request};
    struct io_event done = {0};
    CHECK_EQ(syscall(SYS_io_submit, context, 1, list), 1);
    CHECK_EQ(syscall(SYS_io_getevents, context, 1, 1, &done, NULL), 1);
    return (long)done.res;
}

/* A request is seen as the plain call: what it gives is in the completion. */
static void aio(void)
{
    char text[10] = "";
    int db = make("a.db"), other = make("b.txt");
    CHECK_EQ(syscall(SYS_io_setup, 4, &context), 0);
    CHECK_EQ(submit(IOCB_CMD_PWRITE, other, "0123456789", 10, 0), 10);
    CHECK_EQ(submit(IOCB_CMD_PWRITE, db, "0123456789", 10, 0), -ENOSPC);
    CHECK_EQ(lseek(db, 0, SEEK_END), 0);
    CHECK_EQ(submit(IOCB_CMD_PWRITE, db, "0123456789", 10, 0), 4);
    CHECK_EQ(lseek(db, 0, SEEK_END), 4);
    CHECK_EQ(submit(IOCB_CMD_FSYNC, other, 0, 0, 0), 0);
    CHECK_EQ(submit(IOCB_CMD_FSYNC, db, 0, 0, 0), -EIO);
    CHECK_EQ(submit(IOCB_CMD_PREAD, db, text, 10, 0), 4);
    CHECK_EQ(memcmp(text, "\0\0\0\0\0", 5), 0);
    CHECK_EQ(submit(IOCB_CMD_PREAD, other, text, 5, 0), 5);
    CHECK_EQ(memcmp(text, "01234\0", 6), 0);
    struct iocb a = {.aio_lio_opcode = IOCB_CMD_NOOP, .aio_fildes = db}, *list[] = {&a};
    CHECK_ERRNO(syscall(SYS_io_submit, context, 1, list), EBADF); /* the rule of io_submit itself */
}

/* ---- mappings ---- */
static void mappings(void)
{
    int db = make("a.db"), other = make("b.txt");
    CHECK_EQ(ftruncate(db, 8192) | ftruncate(other, 8192), 0);
    CHECK_ERRNO((long)mmap(0, 8192, PROT_READ, MAP_SHARED, db, 0), ENOMEM);
    char *map = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
    CHECK(map != MAP_FAILED);
    CHECK_ERRNO((long)mmap(0, 4096, PROT_READ, MAP_SHARED, other, 4096), EAGAIN); /* by its size */
    CHECK_ERRNO(msync(map, 8192, MS_SYNC), EIO);
    CHECK_EQ(msync(map, 8192, MS_SYNC), 0);
    CHECK_ERRNO((long)mremap(map, 8192, 16384, MREMAP_MAYMOVE), ENOMEM);
    CHECK_EQ(mprotect(map, 8192, PROT_READ), 0);
    CHECK_EQ(munmap(map, 8192), 0);
}

/* ---- many messages ---- */
static char texts[3][8];

static void set(struct mmsghdr m[3], struct iovec v[3], const char *const what[3], size_t bytes)
{
    for (int i = 0; i < 3; i++) {
        memset(texts[i], 0, sizeof texts[i]);
        v[i] = (struct iovec){what ? (void *)what[i] : texts[i], what ? strlen(what[i]) : bytes};
        m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i], .msg_iovlen = 1}};
    }
}

static void many(void)
{
    static const char *const words[3] = {"one", "second", "third"};
    struct mmsghdr m[3];
    struct iovec v[3];
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
    set(m, v, words, 0);
    CHECK_EQ(sendmmsg(ends[0], m, 3, 0), 2); /* fewer */
    CHECK_EQ(m[1].msg_len, 6);
    set(m, v, 0, 8);
    CHECK_EQ(recvmmsg(ends[1], m, 3, MSG_DONTWAIT, 0), 1); /* fewer: the other one is there still */
    CHECK(!memcmp(texts[0], "one", 4) && m[0].msg_len == 3);
    CHECK_EQ(recvmmsg(ends[1], m, 3, MSG_DONTWAIT, 0), 1); /* zeros from the second byte on */
    CHECK(!memcmp(texts[0], "s\0\0\0\0\0", 6) && m[0].msg_len == 6);
    set(m, v, words, 0);
    CHECK_EQ(sendmmsg(ends[0], m, 3, 0), 3); /* zeros: the bytes 2 to 5 of all */
    CHECK(!memcmp(words[1], "second", 7) && m[2].msg_len == 5);
    set(m, v, 0, 8);
    CHECK_EQ(recvmmsg(ends[1], m, 3, MSG_DONTWAIT, 0), 3);
    CHECK(!memcmp(texts[0], "on\0", 4) && !memcmp(texts[1], "\0\0\0ond", 7) && !memcmp(texts[2], "third", 6));
    set(m, v, words, 0);
    CHECK_EQ(sendmmsg(ends[0], m, 3, 0), 3); /* the last 7 bytes of all are lost */
    CHECK(m[1].msg_len == 6 && m[2].msg_len == 5);
    set(m, v, 0, 8);
    CHECK_EQ(recvmmsg(ends[1], m, 3, MSG_DONTWAIT, 0), 3);
    CHECK(m[0].msg_len == 3 && m[1].msg_len == 4 && m[2].msg_len == 0);
    set(m, v, words, 0);
    CHECK_EQ(sendmmsg(ends[0], m, 3, 0), 3); /* and all of it */
    CHECK(m[1].msg_len == 6);
    CHECK_ERRNO(recvmmsg(ends[1], m, 3, MSG_DONTWAIT, 0), EAGAIN);
}

/* ---- what is written to an output ---- */
static int source, pipes[2], saved;

static void output_is(int fd)
{
    CHECK_EQ(dup2(fd, 1), 1);
}

/* Told at the end: what is said now would be output. */
static long seen[12], moved[12], seen_count, moved_count;

static void look(long nr)
{
    seen[seen_count++] = syscall(nr) == 77;
}

static void move(long bytes)
{
    moved[moved_count++] = bytes;
}

static void fill(const char *text)
{
    CHECK_EQ(write(pipes[1], text, strlen(text)), (long)strlen(text));
}

static void marks(void)
{
    static const char text[] = "...by sendfile...by copy_file_range...by splice...";
    int out = make("out"), ends[2], others[2];
    loff_t at = 17;
    off_t start = 3;
    source = make("source");
    saved = dup(1);
    CHECK_EQ(write(source, text, strlen(text)), (long)strlen(text));
    CHECK_EQ(pipe(pipes) | pipe(others) | socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    output_is(out);
    look(SYS_getuid);
    move(sendfile(1, source, &start, 11));
    look(SYS_getuid);
    look(SYS_geteuid);
    move(copy_file_range(source, &at, 1, 0, 18, 0));
    look(SYS_geteuid);
    CHECK_EQ(lseek(source, 38, SEEK_SET), 38);
    output_is(pipes[1]);
    look(SYS_getgid);
    move(splice(source, 0, 1, 0, 9, 0));
    look(SYS_getgid);
    output_is(others[1]);
    fill("tee");
    look(SYS_getegid);
    move(tee(pipes[0], 1, 100, 0));
    look(SYS_getegid);
    fill("pipe");
    look(SYS_getppid);
    move(splice(pipes[0], 0, 1, 0, 100, 0));
    look(SYS_getppid);
    CHECK_EQ(write(ends[0], "by socket", 9), 9);
    look(SYS_getpgrp);
    move(splice(ends[1], 0, 1, 0, 100, 0));
    look(SYS_getpgrp);
    output_is(saved);
    static const long wanted[] = {11, 18, 9, 12, 16, 9};
    for (int i = 0; i < 12; i++)
        CHECK_EQ(seen[i] * 100 + i, i % 2 * 100 + i);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(moved[i], wanted[i]);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {{"aio", aio}, {"mappings", mappings}, {"many", many}, {"marks", marks}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc > 1 && !strcmp(argv[1], cases[i].name))
            cases[i].run();
    return finish();
}
