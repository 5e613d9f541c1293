/* sys_io.c: read and write in all forms.
 *
 * Pipes, FIFOs, eventfds and socket pairs are O_NONBLOCK for the kernel; what the program believes
 * is in the object. Try, and on EAGAIN park on the channel; a transfer wakes the other side.
 */
#include "eventlike.h"
#include "files.h"

#define LOOK_AGAIN_NS 1000000ul
#define PREAD_RANDOM_CHUNK 256
#define MSG_DONTWAIT_FLAG 0x40u
#define MSG_WAITALL_FLAG 0x100u
#define MSG_NOSIGNAL_FLAG 0x4000u

i64 park_on_channel(struct task *t, u32 channel, int as_writer, u64 deadline_ns)
{
    if (signal_waits(t))
        return -ERESTARTSYS;
    wait_on_channel(t, channel, as_writer);
    park(t, WAIT_OBJECT, channel, deadline_ns);
    return t->wake_result == WAKE_SIGNAL ? -ERESTARTSYS : t->wake_result == WAKE_TIMEOUT ? -ETIMEDOUT : 0;
}

i64 park_and_look_again(struct task *t)
{
    if (signal_waits(t))
        return -ERESTARTSYS;
    park(t, WAIT_LOCK, 0, WORLD->now_ns + LOOK_AGAIN_NS);
    return t->wake_result == WAKE_SIGNAL ? -ERESTARTSYS : 0;
}

/* The channel on which a transfer through this object is felt at the other side. */
static u32 far_channel(const struct object *o) { return o->peer ? o->peer : o->channel; }

static i64 channel_read(struct trap *c, struct object *o)
{
    for (;;) {
        i64 n = pass(c);
        if (n != -EAGAIN) {
            if (n > 0)
                channel_wake(far_channel(o), 1);
            return n;
        }
        if (o->nonblock)
            return n;
        i64 error = park_on_channel(c->t, o->channel, 0, ~0ul);
        if (error)
            return error;
    }
}

static i64 broken_pipe(struct trap *c, i64 n)
{
    if (n == -EPIPE)
        signal_self(c->t, SIG_PIPE);
    return n;
}

/* A blocking write goes on until all is written, as the kernel's does. One buffer. */
static i64 channel_write(struct trap *c, struct object *o)
{
    u64 buffer = c->a[1], bytes = c->a[2], done = 0;
    i64 result;
    for (;;) {
        i64 n = pass(c);
        if (n > 0) {
            channel_wake(far_channel(o), 0);
            done += (u64)n;
            c->a[1] += (u64)n;
            c->a[2] -= (u64)n;
        }
        if (n == 0 || (n < 0 && n != -EAGAIN) || done >= bytes || o->nonblock) {
            result = done ? (i64)done : broken_pipe(c, n);
            break;
        }
        i64 error = n > 0 ? 0 : park_on_channel(c->t, o->channel, 1, ~0ul);
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
    if (o->nonblock || c->a[2] > 1024) {
        i64 n = pass(c);
        if (n > 0)
            channel_wake(far_channel(o), 0);
        return broken_pipe(c, n);
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

static i64 socket_ready(struct trap *c, struct object *o, i16 events)
{
    struct pollfd_k p = {.fd = (i32)c->a[0], .events = events};
    while (!o->nonblock && raw(__NR_poll, &p, 1, 0) == 0) {
        i64 error = park_and_look_again(c->t);
        if (error)
            return error;
    }
    return 0;
}

/* Input from outside: the world stands still until it comes, which costs no virtual time. */
static i64 outside_read(struct trap *c)
{
    i64 n = pass(c);
    if (n > 0)
        WORLD->outside_bytes += (u64)n;
    return n == -ERESTARTSYS ? -EINTR : n;
}

/* recv on a socket pair of ours. MSG_WAITALL: goes on until all is there, or the end, or a signal. */
static i64 pair_receive(struct trap *c, struct object *o, int waits, int all)
{
    u64 buffer = c->a[1], bytes = c->a[2], done = 0;
    i64 result;
    for (;;) {
        result = pass(c);
        if (result >= 0)
            channel_wake(far_channel(o), 1);
        if (result > 0 && all && done + (u64)result < bytes) {
            done += (u64)result;
            c->a[1] += (u64)result;
            c->a[2] -= (u64)result;
            continue;
        }
        if (result != -EAGAIN || !waits)
            break;
        i64 error = park_on_channel(c->t, o->channel, 0, ~0ul);
        if (error) {
            result = error;
            break;
        }
    }
    c->a[1] = buffer;
    c->a[2] = bytes;
    return done ? (i64)done + (result > 0 ? result : 0) : result;
}

/* recv and send on a socket pair of ours: one message or one try at a time. */
i64 pair_transfer(struct trap *c, struct object *o, i16 events, u64 flags)
{
    int waits = !o->nonblock && !(flags & MSG_DONTWAIT_FLAG);
    if (events == POLLIN_BIT)
        return pair_receive(c, o, waits, c->nr == __NR_recvfrom && (flags & MSG_WAITALL_FLAG));
    for (;;) {
        i64 n = pass(c);
        if (n >= 0)
            channel_wake(far_channel(o), 0);
        if (n != -EAGAIN || !waits)
            return flags & MSG_NOSIGNAL_FLAG ? n : broken_pipe(c, n);
        i64 error = park_on_channel(c->t, o->channel, 1, ~0ul);
        if (error)
            return error;
    }
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
    case OBJECT_SOCKET:
        if (o->channel)
            return channel_read(c, o);
        return socket_ready(c, o, POLLIN_BIT) ? -ERESTARTSYS : pass(c);
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
    case OBJECT_SOCKET:
        if (o->channel)
            return is_vector(c) ? channel_writev(c, o) : channel_write(c, o);
        return socket_ready(c, o, POLLOUT_BIT) ? -ERESTARTSYS : broken_pipe(c, pass(c));
    case OBJECT_FILE:
        n = pass(c);
        if (n > 0)
            inode_touch(o->inode, INODE_MTIME | INODE_CTIME);
        return n;
    case OBJECT_RANDOM: /* more entropy for the pool: taken and forgotten */
        return is_vector(c) ? pass(c) : (i64)c->a[2];
    default:
        return broken_pipe(c, pass(c));
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

/* ---- transfers between descriptors ----
 * They may block at either end, and the ends may be pipes of ours, which never block for the kernel. */
static i64 transfer(struct trap *c, i64 in_fd, i64 out_fd)
{
    struct object *in = &WORLD->objects[fd_object(c->p, in_fd)];
    struct object *out = &WORLD->objects[fd_object(c->p, out_fd)];
    if (in->kind == OBJECT_RANDOM)
        return -EINVAL; /* programs fall back on read */
    for (;;) {
        i64 n = pass(c);
        if (n > 0) {
            channel_wake(far_channel(in), 1);
            channel_wake(far_channel(out), 0);
            if (out->kind == OBJECT_FILE)
                inode_touch(out->inode, INODE_MTIME | INODE_CTIME);
        }
        if (n != -EAGAIN || (!in->channel && !out->channel))
            return broken_pipe(c, n);
        struct pollfd_k source = {.fd = (i32)in_fd, .events = POLLIN_BIT};
        int wait_for_source = in->channel && raw(__NR_poll, &source, 1, 0) == 0;
        struct object *o = wait_for_source ? in : out;
        if (o->nonblock || !o->channel)
            return n;
        i64 error = park_on_channel(c->t, o->channel, !wait_for_source, ~0ul);
        if (error)
            return error;
    }
}

i64 sys_sendfile(struct trap *c) { return transfer(c, (i32)c->a[1], (i32)c->a[0]); }
i64 sys_copy_file_range(struct trap *c) { return transfer(c, (i32)c->a[0], (i32)c->a[2]); }
i64 sys_splice(struct trap *c) { return transfer(c, (i32)c->a[0], (i32)c->a[2]); }
i64 sys_tee(struct trap *c) { return transfer(c, (i32)c->a[0], (i32)c->a[1]); }
i64 sys_vmsplice(struct trap *c) { return transfer(c, (i32)c->a[0], (i32)c->a[0]); }
