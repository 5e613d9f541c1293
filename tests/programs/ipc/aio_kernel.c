/* The kernel's AIO: what libaio's calls do, errors included. */
#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "ipc.h"

static const char *path = "aio_kernel.file";
static long io_setup(unsigned n, aio_context_t *ctx) { return syscall(SYS_io_setup, n, ctx); }
static long io_destroy(aio_context_t ctx) { return syscall(SYS_io_destroy, ctx); }
static long io_submit(aio_context_t ctx, long n, struct iocb **list)
{
    return syscall(SYS_io_submit, ctx, n, list);
}
static long io_cancel(aio_context_t ctx, struct iocb *one, struct io_event *e)
{
    return syscall(SYS_io_cancel, ctx, one, e);
}
static long io_getevents(aio_context_t ctx, long least, long most, struct io_event *e,
                         struct timespec *t)
{
    return syscall(SYS_io_getevents, ctx, least, most, e, t);
}

static struct iocb request(int fd, int command, void *buffer, size_t bytes, long offset)
{
    return (struct iocb){.aio_data = (unsigned long)buffer + 1,
                         .aio_fildes = (unsigned)fd,
                         .aio_lio_opcode = (unsigned short)command,
                         .aio_buf = (unsigned long)buffer,
                         .aio_nbytes = bytes,
                         .aio_offset = offset};
}

static long one(aio_context_t ctx, struct iocb *q)
{
    return io_submit(ctx, 1, &q);
}

static void contexts(void)
{
    aio_context_t ctx = 0, other = 1;
    CHECK_ERRNO(io_setup(0, &ctx), EINVAL);
    CHECK_ERRNO(io_setup(1, &other), EINVAL);
    CHECK_ERRNO(io_setup(1, (void *)8), EFAULT);
    CHECK_ERRNO(io_setup(1000000, &ctx), EAGAIN);
    CHECK_EQ(io_setup(10, &ctx), 0);
    CHECK(ctx != 0);
    CHECK(*(volatile char *)ctx || 1); /* it is an address that can be read */
    CHECK_ERRNO(io_submit(ctx + 4096, 0, 0), EINVAL);
    CHECK_EQ(io_submit(ctx, 0, 0), 0);
    CHECK_ERRNO(io_submit(ctx, -1, 0), EINVAL);
    CHECK_ERRNO(io_submit(ctx, 1, 0), EFAULT);
    CHECK_ERRNO(io_getevents(ctx, 2, 1, 0, 0), EINVAL);
    CHECK_ERRNO(io_getevents(ctx, -1, 1, 0, 0), EINVAL);
    CHECK_EQ(io_getevents(ctx, 0, 1, 0, 0), 0);
    int status;
    IN_CHILD(status, CHECK_ERRNO(io_submit(ctx, 0, 0), EINVAL)); /* not inherited */
    CHECK_EQ(status, 0);
    CHECK_EQ(io_destroy(ctx), 0);
    CHECK_ERRNO(io_destroy(ctx), EINVAL);
    CHECK_ERRNO(io_submit(ctx, 0, 0), EINVAL);
}

static void files(void)
{
    aio_context_t ctx = 0;
    struct io_event e[8];
    char in[20] = {0}, part[2][5] = {{0}};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK_EQ(io_setup(8, &ctx), 0);
    struct iovec v[2] = {{part[0], 4}, {part[1], 4}};
    struct iocb w = request(fd, IOCB_CMD_PWRITE, "0123456789", 10, 2),
                r = request(fd, IOCB_CMD_PREAD, in, 20, 4),
                rv = request(fd, IOCB_CMD_PREADV, v, 2, 3),
                sync = request(fd, IOCB_CMD_FSYNC, 0, 0, 0);
    struct iocb *list[4] = {&w, &r, &rv, &sync};
    CHECK_EQ(io_submit(ctx, 1, list), 1);
    CHECK_EQ(io_getevents(ctx, 1, 8, e, 0), 1);
    CHECK_EQ(e[0].data, w.aio_data);
    CHECK_EQ(e[0].obj, &w);
    CHECK_EQ(e[0].res, 10);
    CHECK_EQ(io_submit(ctx, 3, list + 1), 3);
    CHECK_EQ(io_getevents(ctx, 3, 8, e, 0), 3);
    long sum = 0;
    for (int i = 0; i < 3; i++)
        sum += e[i].res;
    CHECK_EQ(sum, 8 + 8 + 0);
    CHECK_EQ(memcmp(in, "23456789", 9), 0);
    CHECK_EQ(memcmp(part[0], "1234", 4), 0);
    CHECK_EQ(memcmp(part[1], "5678", 4), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_ERRNO(io_cancel(ctx, &w, e), EINVAL);
    /* what is no request, and what fails */
    struct iocb bad = request(77, IOCB_CMD_PREAD, in, 1, 0);
    CHECK_ERRNO(one(ctx, &bad), EBADF);
    bad = request(fd, 99, in, 1, 0);
    CHECK_ERRNO(one(ctx, &bad), EINVAL);
    bad = request(fd, IOCB_CMD_PREAD, in, 1, 0);
    bad.aio_reserved2 = 1;
    CHECK_ERRNO(one(ctx, &bad), EINVAL);
    bad = request(fd, IOCB_CMD_PREAD, in, 1, -1);
    CHECK_ERRNO(one(ctx, &bad), EINVAL);
    int only_write = open(path, O_WRONLY);
    bad = request(only_write, IOCB_CMD_PREAD, in, 1, 0);
    CHECK_ERRNO(one(ctx, &bad), EBADF);
    struct iocb *mixed[3] = {&w, &bad, &r};
    CHECK_EQ(io_submit(ctx, 3, mixed), 1);
    bad = request(fd, IOCB_CMD_PREAD, (void *)8, 5, 0);
    CHECK_EQ(one(ctx, &bad), 1);
    CHECK_EQ(io_getevents(ctx, 2, 8, e, 0), 2);
    CHECK_EQ(e[1].res, -EFAULT);
    CHECK_EQ(io_destroy(ctx), 0);
    close(only_write);
    close(fd);
}

static void streams_and_eventfd(void)
{
    aio_context_t ctx = 0;
    struct io_event e[2];
    char in[8];
    uint64_t value = 0;
    int p[2], event = eventfd(0, 0);
    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(io_setup(8, &ctx), 0);
    struct iocb w = request(p[1], IOCB_CMD_PWRITE, "hello", 5, 0),
                r = request(p[0], IOCB_CMD_PREAD, in, 8, 0);
    w.aio_flags = r.aio_flags = IOCB_FLAG_RESFD;
    w.aio_resfd = r.aio_resfd = (unsigned)event;
    CHECK_EQ(one(ctx, &w), 1);
    CHECK_EQ(one(ctx, &r), 1);
    CHECK_EQ(read(event, &value, 8), 8);
    CHECK_EQ(value, 2);
    CHECK_EQ(io_getevents(ctx, 2, 2, e, 0), 2);
    CHECK_EQ(e[1].res, 5);
    w.aio_resfd = (unsigned)p[0];
    CHECK_ERRNO(one(ctx, &w), EINVAL);
    w.aio_resfd = 99;
    CHECK_ERRNO(one(ctx, &w), EBADF);
    CHECK_EQ(io_destroy(ctx), 0);
}

struct shared {
    aio_context_t ctx;
    int fd, event;
};

static void *submits(void *arg)
{
    struct shared *s = arg;
    char byte;
    for (int i = 0; i < 4; i++) {
        struct iocb r = request(s->fd, IOCB_CMD_PREAD, &byte, 1, 0);
        r.aio_flags = IOCB_FLAG_RESFD;
        r.aio_resfd = (unsigned)s->event;
        sleep_ms(10);
        CHECK_EQ(one(s->ctx, &r), 1);
    }
    return 0;
}

/* One thread waits for what another one submits. */
static void waits(void)
{
    struct shared s = {0, open(path, O_RDONLY), eventfd(0, 0)};
    struct io_event e[4];
    struct timespec soon = {0, 30000000};
    CHECK_EQ(io_setup(8, &s.ctx), 0);
    long before = now_ms();
    CHECK_EQ(io_getevents(s.ctx, 1, 4, e, &soon), 0);
    CHECK(now_ms() - before >= 30);
    install(SIGALRM, count_signal, SA_RESTART);
    alarm_ms(20);
    CHECK_ERRNO(io_getevents(s.ctx, 1, 4, e, 0), EINTR);
    pthread_t t = start(submits, &s);
    CHECK_EQ(io_getevents(s.ctx, 2, 2, e, 0), 2);
    struct pollfd p = {s.event, POLLIN};
    CHECK_EQ(poll(&p, 1, -1), 1);
    CHECK_EQ(io_getevents(s.ctx, 2, 2, e, 0), 2);
    join(t);
    CHECK_EQ(io_destroy(s.ctx), 0);
}

int main(void)
{
    contexts();
    files();
    streams_and_eventfd();
    waits();
    unlink(path);
    return finish();
}
