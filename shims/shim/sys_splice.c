/* sys_splice.c: transfers between two descriptors: sendfile, splice, tee, copy_file_range.
 *
 * They may block at either end, and the ends may be pipes of ours, which never block for the kernel,
 * or sockets of the simulated network, of which it knows nothing.
 */
#include "files.h"
#include "sockets.h"

#define SPLICE_NONBLOCK_FLAG 2u
#define TRANSFER_BYTES_MAX 0x7ffff000ul

static void moved(struct object *in, i64 in_fd, struct object *out, u64 bytes)
{
    if (in->kind == OBJECT_UNIX)
        unix_was_read(in, in_fd);
    else
        channel_has_room(in->channel);
    if (out->kind == OBJECT_UNIX)
        unix_was_written(out, bytes);
    else
        channel_wake(out->channel, SIDE_READ);
    if (out->kind == OBJECT_FILE)
        inode_touch(out->inode, INODE_MTIME | INODE_CTIME);
}

/* Which end it is that has to change first. */
static struct object *blocking_end(i64 in_fd, struct object *in, struct object *out, u32 *side)
{
    struct pollfd_k source = {.fd = (i32)in_fd, .events = POLLIN_BIT};
    int source_is_empty = in->channel && raw(__NR_poll, &source, 1, 0) == 0;
    *side = source_is_empty ? SIDE_READ : SIDE_WRITE;
    return source_is_empty ? in : out;
}

static i64 transfer(struct trap *c, i64 in_fd, i64 out_fd, int waits)
{
    struct object *in = &WORLD->objects[fd_object(c->p, in_fd)];
    struct object *out = &WORLD->objects[fd_object(c->p, out_fd)];
    u32 side;
    if (in->kind == OBJECT_RANDOM)
        return -EINVAL; /* programs fall back on read */
    for (;;) {
        i64 n = pass(c);
        if (n > 0)
            moved(in, in_fd, out, (u64)n);
        if (n != -EAGAIN || !waits)
            return broken_pipe(c, n, 0);
        struct object *o = blocking_end(in_fd, in, out, &side);
        if (o->nonblock || !o->channel)
            return n;
        if (side == SIDE_WRITE)
            WORLD->channels[o->channel].full = 1;
        i64 error = park_on_channel(c->t, o->channel, side, ~0ul);
        if (error)
            return error;
    }
}

static struct object *object_at(struct trap *c, u64 fd)
{
    return &WORLD->objects[fd_object(c->p, (i32)fd)];
}

/* To a socket of the network. `offset_at`: the program's, 0: the file's own. */
static i64 to_socket(struct trap *c, struct object *o, i64 fd, u64 offset_at, u64 bytes, int waits)
{
    i64 offset = 0;
    if (offset_at && copy_in(&offset, offset_at, sizeof offset))
        return -EFAULT;
    if (offset < 0)
        return -EINVAL;
    i64 n = inet_from_file(c, o, fd, offset_at ? &offset : 0, bytes, waits);
    if (n > 0 && offset_at && copy_out(offset_at, &offset, sizeof offset))
        return -EFAULT;
    return n;
}

/* One that may wait goes on until all is sent, or the file's end. */
static i64 transfer_all(struct trap *c, i64 in_fd, i64 out_fd)
{
    struct trap each = *c;
    u64 bytes = min_u64(c->a[3], TRANSFER_BYTES_MAX), done = 0;
    do {
        each.a[3] = bytes - done;
        i64 n = transfer(&each, in_fd, out_fd, 1);
        if (n <= 0)
            return done ? (i64)done : n;
        done += (u64)n;
    } while (done < bytes);
    return (i64)done;
}

i64 sys_sendfile(struct trap *c)
{
    struct object *out = object_at(c, c->a[0]);
    if (out->kind == OBJECT_INET)
        return to_socket(c, out, (i32)c->a[1], c->a[2], c->a[3], !out->nonblock);
    if (out->kept_nonblock && !out->nonblock)
        return transfer_all(c, (i32)c->a[1], (i32)c->a[0]);
    return transfer(c, (i32)c->a[1], (i32)c->a[0], 1);
}

i64 sys_splice(struct trap *c)
{
    struct object *in = object_at(c, c->a[0]), *out = object_at(c, c->a[2]);
    int waits = !(c->a[5] & SPLICE_NONBLOCK_FLAG);
    int is_pipe = in->kind == OBJECT_PIPE_R || in->kind == OBJECT_PIPE_RW ||
                  out->kind == OBJECT_PIPE_W || out->kind == OBJECT_PIPE_RW;
    if (in->kind != OBJECT_INET && out->kind != OBJECT_INET)
        return transfer(c, (i32)c->a[0], (i32)c->a[2], waits);
    if (!is_pipe)
        return -EINVAL;
    if (c->a[1] || c->a[3])
        return -ESPIPE;
    return out->kind == OBJECT_INET
               ? to_socket(c, out, (i32)c->a[0], 0, c->a[4], waits && !out->nonblock)
               : inet_to_file(c, in, (i32)c->a[2], c->a[4], waits && !in->nonblock);
}

i64 sys_copy_file_range(struct trap *c) { return transfer(c, (i32)c->a[0], (i32)c->a[2], 1); }
i64 sys_tee(struct trap *c)
{
    return transfer(c, (i32)c->a[0], (i32)c->a[1], !(c->a[3] & SPLICE_NONBLOCK_FLAG));
}
i64 sys_vmsplice(struct trap *c)
{
    return transfer(c, (i32)c->a[0], (i32)c->a[0], !(c->a[3] & SPLICE_NONBLOCK_FLAG));
}
