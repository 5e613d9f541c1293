/* sys_splice.c: transfers between two descriptors: sendfile, splice, tee, copy_file_range.
 *
 * They may block at either end, and the ends may be pipes of ours, which never block for the kernel,
 * or sockets of the simulated network, of which it knows nothing.
 */
#include "decisions.h"
#include "files.h"
#include "sockets.h"
#include "views.h"

#define TRANSFER_BYTES_MAX 0x7ffff000ul

static void moved(struct object *in, i64 in_fd, struct object *out, u64 bytes)
{
    if (in->kind == OBJECT_UNIX)
        unix_was_read(in, in_fd);
    else if (in->kind != OBJECT_PIPE_W)
        channel_has_room(in->channel);
    if (out->kind == OBJECT_UNIX)
        unix_was_written(out, bytes);
    else if (out->kind != OBJECT_PIPE_R)
        channel_wake(out->channel, SIDE_READ);
    if (out->kind == OBJECT_FILE)
        inode_touch(out->inode, INODE_MTIME | INODE_CTIME);
}

/* Which end it is that has to change first. */
static int source_is_empty(i64 in_fd, const struct object *in)
{
    struct pollfd_k source = {.fd = (i32)in_fd, .events = POLLIN_BIT};
    return in->channel && in->kind != OBJECT_PIPE_W && raw(__NR_poll, &source, 1, 0) == 0;
}

static struct object *object_at(struct trap *c, u32 arg)
{
    return &WORLD->objects[fd_object(c->p, (i32)c->a[arg])];
}

static struct transfer_ends ends_of(const struct trap *c, u32 in_arg, u32 out_arg)
{
    struct transfer_ends e = {(i32)c->a[in_arg], (i32)c->a[out_arg], c->a[in_arg + 1], c->a[4]};
    if (c->nr == __NR_sendfile)
        e.bytes = c->a[3];
    if (c->nr == __NR_tee)
        e.offset_at = 0, e.bytes = c->a[2];
    return e;
}

/* Within one file system the kernel copies, between two it refuses. Which files are in one is a matter
 * of the run's views of them, so it is done in either case. */
static i64 copy_across(struct trap *c)
{
    i64 in_fd = (i32)c->a[0], out_fd = (i32)c->a[2], offset, own = raw(__NR_lseek, out_fd, 0, 1);
    if (!c->a[3])
        return raw(__NR_sendfile, out_fd, in_fd, c->a[1], c->a[4]);
    if (copy_in(&offset, c->a[3], sizeof offset))
        return -EFAULT;
    i64 n = raw(__NR_lseek, out_fd, offset, 0);
    if (n >= 0)
        n = raw(__NR_sendfile, out_fd, in_fd, c->a[1], c->a[4]);
    raw(__NR_lseek, out_fd, own, 0);
    offset += n > 0 ? n : 0;
    return n > 0 && copy_out(c->a[3], &offset, sizeof offset) ? -EFAULT : n;
}

static i64 pass_transfer(struct trap *c)
{
    i64 n = pass(c);
    return n == -EXDEV && c->nr == __NR_copy_file_range ? copy_across(c) : n;
}

static int is_network(const struct object *o) { return o->kind == OBJECT_SOCKET && is_outside(o); }

/* What comes from outside is kept for replays: it has to pass through the program's memory. */
static int brings(const struct object *o)
{
    return o->kind == OBJECT_OUTSIDE || o->kind == OBJECT_OTHER || is_network(o);
}

/* So many bytes leave the source, as if they had gone where they went. */
static void drop(const struct trap *c, u32 out_arg, u64 bytes)
{
    struct trap each = *c;
    i64 null = raw(__NR_open, "/dev/null", O_WRONLY_FLAG | O_CLOEXEC_FLAG, 0);
    each.a[out_arg] = (u64)null;
    each.a[c->nr == __NR_sendfile ? 3 : 4] = bytes;
    pass_transfer(&each);
    raw(__NR_close, null);
}

/* What a socket of the machine's network takes is the outside's answer. */
static i64 to_outside(struct trap *c, u32 out_arg)
{
    u64 told, bytes;
    if (outside_input_in_trace(c->t, &told, &bytes) && (i64)told > 0)
        drop(c, out_arg, told);
    return outside_answer(c, pass_transfer);
}

/* The kernel does it, once. */
static i64 transfer_once(struct trap *c, u32 in_arg, u32 out_arg)
{
    struct transfer_ends ends = ends_of(c, in_arg, out_arg);
    struct transfer_view view;
    if (is_network(object_at(c, out_arg)))
        return to_outside(c, out_arg);
    if (!faults_is_output(c->p, ends.out_fd) || in_arg == out_arg)
        return pass_transfer(c);
    faults_transfer_begins(c, &view, &ends);
    i64 n = pass_transfer(c);
    faults_transfer_ended(&view, &ends, n);
    return n;
}

static int needs_read(const struct object *in, const struct object *out)
{
    return in->kind == OBJECT_RANDOM || in->kind == OBJECT_TTY || out->kind == OBJECT_TTY ||
           unix_is_cut(in) || unix_is_cut(out) || (in != out && brings(in));
}

/* From the descriptor that one argument is to that of another. */
static i64 transfer(struct trap *c, u32 in_arg, u32 out_arg, int waits)
{
    struct object *in = object_at(c, in_arg), *out = object_at(c, out_arg);
    if (needs_read(in, out))
        return -EINVAL; /* programs fall back on read */
    for (;;) {
        i64 n = transfer_once(c, in_arg, out_arg);
        if (n > 0)
            moved(in, (i32)c->a[in_arg], out, (u64)n);
        if (n != -EAGAIN || !waits)
            return broken_pipe(c, n, 0);
        int empty = source_is_empty((i32)c->a[in_arg], in);
        struct object *o = empty ? in : out;
        if (o->nonblock || !o->channel)
            return n;
        if (!empty)
            WORLD->channels[o->channel].full = 1;
        i64 error = empty ? park_on_fd(c, in_arg, o, SIDE_READ, ~0ul)
                          : park_on_fd(c, out_arg, o, SIDE_WRITE, ~0ul);
        if (error)
            return error;
    }
}

/* To a socket of the network. `offset_at`: the program's, 0: the file's own. */
static i64 to_socket(struct trap *c, struct object *o, u32 in_arg, u64 offset_at, u64 bytes,
                     int waits)
{
    i64 offset = 0;
    if (offset_at && copy_in(&offset, offset_at, sizeof offset))
        return -EFAULT;
    if (offset < 0)
        return -EINVAL;
    i64 n = inet_from_file(c, o, in_arg, offset_at ? &offset : 0, bytes, waits);
    if (n > 0 && offset_at && copy_out(offset_at, &offset, sizeof offset))
        return -EFAULT;
    return n;
}

/* One that may wait goes on until all is sent, or the file's end. */
static i64 transfer_all(struct trap *c, u32 in_arg, u32 out_arg)
{
    struct trap each = *c;
    u64 bytes = min_u64(c->a[3], TRANSFER_BYTES_MAX), done = 0;
    do {
        each.a[3] = bytes - done;
        i64 n = transfer(&each, in_arg, out_arg, 1);
        if (n <= 0)
            return done ? (i64)done : n;
        done += (u64)n;
    } while (done < bytes);
    return (i64)done;
}

i64 sys_sendfile(struct trap *c)
{
    struct object *out = object_at(c, 0);
    if (out->kind == OBJECT_INET)
        return to_socket(c, out, 1, c->a[2], c->a[3], !out->nonblock);
    if (out->kept_nonblock && !out->nonblock)
        return transfer_all(c, 1, 0);
    return transfer(c, 1, 0, 1);
}

static int is_pipe(const struct object *o)
{
    return o->kind == OBJECT_PIPE_R || o->kind == OBJECT_PIPE_W || o->kind == OBJECT_PIPE_RW;
}

i64 sys_splice(struct trap *c)
{
    struct object *in = object_at(c, 0), *out = object_at(c, 2);
    int waits = !(c->a[5] & SPLICE_NONBLOCK_FLAG);
    if (in->kind != OBJECT_INET && out->kind != OBJECT_INET)
        return transfer(c, 0, 2, waits);
    if ((is_pipe(in) && c->a[1]) || (is_pipe(out) && c->a[3]))
        return -ESPIPE;
    if ((!is_pipe(in) && !is_pipe(out)) || c->a[1] || c->a[3])
        return -EINVAL;
    return out->kind == OBJECT_INET ? to_socket(c, out, 0, 0, c->a[4], waits && !out->nonblock)
                                    : inet_to_file(c, in, 2, c->a[4], waits && !in->nonblock);
}

i64 sys_copy_file_range(struct trap *c) { return transfer(c, 0, 2, 1); }
i64 sys_tee(struct trap *c) { return transfer(c, 0, 1, !(c->a[3] & SPLICE_NONBLOCK_FLAG)); }

/* The kernel's looks at this flag only, and not at the pipe's O_NONBLOCK. */
i64 sys_vmsplice(struct trap *c)
{
    struct trap each = *c;
    each.a[3] |= SPLICE_NONBLOCK_FLAG;
    return transfer(&each, 0, 0, !(c->a[3] & SPLICE_NONBLOCK_FLAG));
}
