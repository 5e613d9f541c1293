/* sys_io.c: read and write in all forms.
 *
 * Pipes, FIFOs and eventfds are O_NONBLOCK for the kernel; what the program believes is in the
 * object. Try, and on EAGAIN park on the channel; a transfer wakes the other side.
 */
#include "files.h"
#include "sockets.h"

#define LOOK_AGAIN_NS 1000000ul
#define PREAD_RANDOM_CHUNK 256

i64 park_and_look_again(struct task *t)
{
    if (signal_waits(t))
        return -ERESTARTSYS;
    park(t, WAIT_LOCK, 0, WORLD->now_ns + LOOK_AGAIN_NS);
    return t->wake_result == WAKE_SIGNAL ? -ERESTARTSYS : 0;
}

/* Readers have taken what `n` says: there is room again. An eventfd tells of each read, as in Linux. */
static void was_read(const struct object *o, i64 n)
{
    if (n > 0 && o->kind == OBJECT_EVENTFD)
        channel_wake(o->channel, SIDE_WRITE);
    else if (n > 0)
        channel_has_room(o->channel);
}

/* Something was written. For who waits for the next room it matters whether that has filled it. */
static void was_written(const struct object *o, i64 fd)
{
    struct pollfd_k p = {.fd = (i32)fd, .events = POLLOUT_BIT};
    channel_wake(o->channel, SIDE_READ);
    if (unlikely(epoll_wants(o->channel, POLL_WRITE_EVENTS)) && !raw(__NR_poll, &p, 1, 0))
        WORLD->channels[o->channel].full = 1;
}

static i64 channel_read(struct trap *c, struct object *o)
{
    for (;;) {
        i64 n = pass(c);
        was_read(o, n);
        if (n != -EAGAIN || o->nonblock)
            return n;
        i64 error = park_on_fd(c, 0, o, SIDE_READ, ~0ul);
        if (error)
            return error;
    }
}

/* A blocking write goes on until all is written, as the kernel's does. One buffer. */
static i64 channel_write(struct trap *c, struct object *o)
{
    u64 buffer = c->a[1], bytes = c->a[2], done = 0;
    i64 result;
    for (;;) {
        i64 n = pass(c);
        if (n > 0) {
            was_written(o, (i32)c->a[0]);
            done += (u64)n;
            c->a[1] += (u64)n;
            c->a[2] -= (u64)n;
        }
        WORLD->channels[o->channel].full |= done < bytes;
        if (n == 0 || (n < 0 && n != -EAGAIN) || done >= bytes || o->nonblock) {
            result = done ? (i64)done : broken_pipe(c, n, 0);
            break;
        }
        i64 error = n > 0 ? 0 : park_on_fd(c, 0, o, SIDE_WRITE, ~0ul);
        if (error) {
            result = done ? (i64)done : error;
            break;
        }
    }
    c->a[1] = buffer;
    c->a[2] = bytes;
    return result;
}

/* Vectors: whatever the kernel takes at once; the rest of a blocking one goes buffer by buffer. */
static i64 channel_writev(struct trap *c, struct object *o)
{
    struct trap one = *c;
    struct iovec_k v;
    i64 done = 0;
    if (o->nonblock || c->a[2] > IOVECS_MAX) {
        i64 n = pass(c);
        if (n > 0)
            was_written(o, (i32)c->a[0]);
        WORLD->channels[o->channel].full = 1;
        return broken_pipe(c, n, 0);
    }
    one.nr = __NR_write;
    for (u64 i = 0; i < c->a[2]; i++) {
        if (copy_in(&v, c->a[1] + i * sizeof v, sizeof v))
            return done ? done : -EFAULT;
        if (!v.len)
            continue;
        one.a[1] = v.base;
        one.a[2] = v.len;
        i64 n = channel_write(&one, o);
        if (n < 0)
            return done ? done : n;
        done += n;
        if ((u64)n < v.len)
            break;
    }
    return done;
}

static i64 random_into(struct task *t, u64 user, u64 bytes)
{
    u8 chunk[PREAD_RANDOM_CHUNK];
    u64 done = 0;
    while (done < bytes) {
        u64 n = min_u64(sizeof chunk, bytes - done);
        entropy_fill(t, chunk, n);
        if (copy_out(user + done, chunk, n))
            return done ? (i64)done : -EFAULT;
        done += n;
    }
    return (i64)done;
}

static i64 random_readv(struct trap *c)
{
    struct iovec_k v;
    i64 done = 0;
    for (u64 i = 0; i < c->a[2] && i < 1024; i++) {
        if (copy_in(&v, c->a[1] + i * sizeof v, sizeof v))
            return done ? done : -EFAULT;
        i64 n = random_into(c->t, v.base, v.len);
        if (n < 0)
            return done ? done : n;
        done += n;
    }
    return done;
}

static int is_vector(const struct trap *c)
{
    return c->nr == __NR_readv || c->nr == __NR_writev || c->nr == __NR_preadv2 || c->nr == __NR_pwritev2;
}

static i64 do_read(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    switch (o->kind) {
    case OBJECT_PIPE_R:
    case OBJECT_PIPE_RW:
    case OBJECT_EVENTFD:
        return channel_read(c, o);
    case OBJECT_RANDOM:
        return is_vector(c) ? random_readv(c) : random_into(c->t, c->a[1], c->a[2]);
    case OBJECT_TIMERFD:
        return timerfd_read(c, o);
    case OBJECT_SIGNALFD:
        return signalfd_read(c, o);
    case OBJECT_INOTIFY:
        return inotify_read(c, o);
    case OBJECT_UNIX:
    case OBJECT_INET:
    case OBJECT_SOCKET:
        return socket_read(c, o);
    case OBJECT_TTY:
        return tty_read(c, o);
    case OBJECT_OUTSIDE:
        return outside_read(c);
    case OBJECT_DIR: /* its place in the kernel is where our reading of it ended: EINVAL there */
        return -EISDIR;
    default:
        return pass(c);
    }
}

static i64 do_write(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    i64 n;
    switch (o->kind) {
    case OBJECT_PIPE_W:
    case OBJECT_PIPE_RW:
    case OBJECT_EVENTFD:
        return is_vector(c) ? channel_writev(c, o) : channel_write(c, o);
    case OBJECT_UNIX:
    case OBJECT_INET:
    case OBJECT_SOCKET:
        return socket_write(c, o);
    case OBJECT_TTY: /* with an offset: ESPIPE */
        return c->nr == __NR_pwrite64 || c->nr == __NR_pwritev ? pass(c) : tty_write(c, o);
    case OBJECT_FILE:
        n = pass(c);
        if (n > 0)
            inode_touch(o->inode, INODE_MTIME | INODE_CTIME);
        return n;
    case OBJECT_RANDOM: /* more entropy for the pool: taken and forgotten */
        return is_vector(c) ? pass(c) : (i64)c->a[2];
    default:
        return broken_pipe(c, pass(c), 0);
    }
}

i64 sys_read(struct trap *c) { return do_read(c); }
i64 sys_readv(struct trap *c) { return do_read(c); }
i64 sys_preadv2(struct trap *c) { return do_read(c); }
i64 sys_write(struct trap *c) { return do_write(c); }
i64 sys_writev(struct trap *c) { return do_write(c); }
i64 sys_pwritev2(struct trap *c) { return do_write(c); }
i64 sys_pwrite64(struct trap *c) { return do_write(c); }
i64 sys_pwritev(struct trap *c) { return do_write(c); }

i64 sys_pread64(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    return o->kind == OBJECT_RANDOM ? random_into(c->t, c->a[1], c->a[2]) : pass(c);
}

i64 sys_preadv(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    return o->kind == OBJECT_RANDOM ? random_readv(c) : pass(c);
}

i64 sys_lseek(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    return o->kind == OBJECT_DIR ? dir_seek(o, (i64)c->a[1], (int)c->a[2]) : pass(c);
}
