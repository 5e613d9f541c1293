/* unix.c: AF_UNIX sockets. They are the kernel's, kept non-blocking; what the program believes is in
 * the object. Try, and on EAGAIN park on the channel; a transfer wakes the other side.
 */
#include "files.h"
#include "sockets.h"

/* ---- made ---- */
static u32 unix_object(u32 channel, u32 peer)
{
    u32 object = object_alloc(OBJECT_UNIX);
    struct object *o = &WORLD->objects[object];
    o->channel = channel;
    o->peer = peer;
    o->kept_nonblock = 1;
    return object;
}

i64 unix_socket(struct trap *c)
{
    i64 fd = raw(__NR_socket, c->a[0], c->a[1] | SOCK_NONBLOCK_FLAG, c->a[2]);
    return fd < 0 ? fd : socket_install(c, fd, unix_object(channel_alloc(), 0), c->a[1]);
}

i64 unix_socketpair(struct trap *c)
{
    i32 fds[2];
    i64 error = raw(__NR_socketpair, c->a[0], c->a[1] | SOCK_NONBLOCK_FLAG, c->a[2], c->a[3]);
    if (error)
        return error;
    if (copy_in(fds, c->a[3], sizeof fds))
        return -EFAULT;
    u32 a = channel_alloc(), b = channel_alloc();
    WORLD->channels[a].refs = WORLD->channels[b].refs = 2;
    socket_install(c, fds[0], unix_object(a, b), c->a[1]);
    socket_install(c, fds[1], unix_object(b, a), c->a[1]);
    return 0;
}

void unix_close(struct object *o)
{
    (void)o;
}

/* ---- names and connections ---- */
i64 unix_bind(struct trap *c, struct object *o)
{
    (void)o;
    return pass(c);
}

i64 unix_listen(struct trap *c, struct object *o)
{
    (void)o;
    return pass(c);
}

i64 unix_connect(struct trap *c, struct object *o)
{
    (void)o;
    return pass(c);
}

i64 unix_accept(struct trap *c, struct object *o, u64 flags)
{
    (void)o;
    i64 fd = pass(c);
    return fd < 0 ? fd : socket_install(c, fd, unix_object(channel_alloc(), 0), flags);
}

/* Both ends may be waited on: the end of file for one, EPIPE for the other. */
i64 unix_shutdown(struct trap *c, struct object *o)
{
    i64 error = pass(c);
    if (!error) {
        channel_wake_all(o->channel);
        channel_wake_all(o->peer);
    }
    return error;
}

/* ---- transfers ---- */
i64 unix_receive(struct trap *c, struct object *o, u32 flags)
{
    (void)flags;
    for (;;) {
        i64 n = pass(c);
        if (n >= 0)
            channel_has_room(o->peer);
        if (n != -EAGAIN || o->nonblock || (flags & MSG_DONTWAIT_FLAG))
            return n;
        i64 error = park_on_channel(c->t, o->channel, SIDE_READ, wait_deadline(o->value));
        if (error)
            return error == -ETIMEDOUT ? -EAGAIN : error;
    }
}

i64 unix_send(struct trap *c, struct object *o, u32 flags)
{
    for (;;) {
        i64 n = pass(c);
        if (n >= 0)
            channel_wake(o->peer, SIDE_READ);
        if (n != -EAGAIN || o->nonblock || (flags & MSG_DONTWAIT_FLAG))
            return broken_pipe(c, n, flags);
        WORLD->channels[o->channel].full = 1;
        i64 error = park_on_channel(c->t, o->channel, SIDE_WRITE, wait_deadline(o->value2));
        if (error)
            return error == -ETIMEDOUT ? -EAGAIN : error;
    }
}
