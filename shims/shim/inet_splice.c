/* inet_splice.c: between a TCP socket and a file or pipe, without the program's memory: the kernel
 * reads and writes the world's. */
#include "inet.h"
#include "views.h"

/* Reads what the file has into a span of the socket's queue; waits for a pipe that is empty. */
static i64 read_file(struct trap *c, u32 arg, u8 *to, u64 bytes, i64 *offset, int waits)
{
    struct object *in = &WORLD->objects[fd_object(c->p, (i32)c->a[arg])];
    for (;;) {
        i64 fd = (i32)c->a[arg];
        c->t->place = PLACE_KERNEL;
        i64 n = offset ? raw(__NR_pread64, fd, to, bytes, *offset) : raw(__NR_read, fd, to, bytes);
        c->t->place = PLACE_SHIM;
        if (n > 0 && offset)
            *offset += n;
        if (n > 0)
            channel_has_room(in->channel);
        if (n != -EAGAIN || !waits || !in->channel)
            return n;
        i64 error = park_on_fd(c, arg, in, SIDE_READ, ~0ul);
        if (error)
            return error;
    }
}

/* Through a buffer of the task's: what waits for the file must not hold a place in a queue that
 * others add to meanwhile. */
i64 inet_from_file(struct trap *c, struct object *o, u32 arg, i64 *offset, u64 bytes, int waits)
{
    u8 *buffer = c->t->polls;
    i64 done = 0, out_fd = (i32)c->a[c->nr == __NR_sendfile ? 0 : 2];
    if (!is_stream(sock_of(o)))
        return -EINVAL;
    while (bytes) {
        i64 start = offset ? *offset : 0;
        u64 n = min_u64(bytes, sizeof c->t->polls);
        if (!waits) /* no more than the socket takes: a file's own offset cannot be put back */
            n = min_u64(n, stream_room(sock_of(o)));
        if (!n) {
            sock_of(o)->flags |= SOCK_WANTS_SPACE;
            return done ? done : -EAGAIN;
        }
        i64 got = read_file(c, arg, buffer, n, offset, waits && !done);
        if (got <= 0)
            return done ? done : got;
        struct message m = {.base = (u64)buffer, .bytes = (u64)got, .total = (u64)got,
                            .flags = waits ? 0 : MSG_DONTWAIT_FLAG};
        i64 sent = stream_send(c, o, &m);
        if (offset && sent < got)
            *offset = start + (sent > 0 ? sent : 0);
        if (sent < 0)
            return done ? done : sent;
        if (faults_is_output(c->p, out_fd))
            faults_output(out_fd, buffer, (u64)sent);
        done += sent;
        bytes -= (u64)sent;
        if (sent < got)
            break;
    }
    return done;
}

/* splice to a pipe: what is there now, as much as the pipe takes. */
i64 inet_to_file(struct trap *c, struct object *o, u32 arg, u64 bytes, int waits)
{
    struct object *out = &WORLD->objects[fd_object(c->p, (i32)c->a[arg])];
    struct sock *s = sock_of(o);
    struct message probe = {.total = 1, .flags = waits ? MSG_PEEK_FLAG : MSG_PEEK_FLAG | MSG_DONTWAIT_FLAG,
                            .base = (u64)c->t->scratch, .bytes = 1};
    i64 done = 0, there = is_stream(s) ? stream_receive(c, o, &probe) : -EINVAL;
    if (there <= 0)
        return there;
    while (bytes && s->bytes) {
        u64 n = bytes;
        const u8 *from = stream_data(WORLD, s, 0, &n);
        i64 put = raw(__NR_write, (i32)c->a[arg], from, n);
        if (put == -EAGAIN && !done && waits) {
            WORLD->channels[out->channel].full = 1;
            put = park_on_fd(c, arg, out, SIDE_WRITE, ~0ul);
            if (!put)
                continue;
        }
        if (put <= 0)
            return done ? done : broken_pipe(c, put, 0);
        if (faults_is_output(c->p, (i32)c->a[arg]))
            faults_output((i32)c->a[arg], from, (u64)put);
        stream_taken(s, (u64)put);
        channel_wake(out->channel, SIDE_READ);
        done += put;
        bytes -= (u64)put;
    }
    return done;
}
