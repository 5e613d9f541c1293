/* unix_cut.c: connections that a fault rule has cut: streams and packets of AF_UNIX.
 *
 * The kernel's sockets stay as they are, but nothing more is asked of them than what had come before
 * the cut: what is sent is lost (until the sender's buffer would be full), and that the other end
 * closes is not heard of.
 */
#include "unix.h"

#define SIOCINQ_CMD 0x541bu
#define SO_SNDBUF_K 7

int unix_is_cut(const struct object *o)
{
    return o->kind == OBJECT_UNIX && (end_of(o)->flags & UNIX_CUT);
}

static u64 room(const struct unix_end *e, i64 fd)
{
    u32 most = 0, bytes = sizeof most;
    raw(__NR_getsockopt, fd, SOL_SOCKET_K, SO_SNDBUF_K, &most, &bytes);
    return most > e->lost ? most - e->lost : 0;
}

static int has_come(i64 fd)
{
    i32 unread = 0;
    return !raw(__NR_ioctl, fd, SIOCINQ_CMD, &unread) && unread;
}

u32 unix_cut_ready(const struct object *o, i64 fd)
{
    const struct unix_end *e = end_of(o);
    u32 ready = e->error ? POLLERR_BIT : 0;
    if (e->flags & UNIX_OVER)
        ready |= POLLIN_BIT | POLLRDNORM_BIT | POLLHUP_BIT | POLLRDHUP_BIT;
    if (has_come(fd) || (e->flags & UNIX_SHUT_READ))
        ready |= POLLIN_BIT | POLLRDNORM_BIT;
    if ((e->flags & UNIX_OVER) || room(e, fd))
        ready |= POLLOUT_BIT | POLLWRNORM_BIT;
    return ready;
}

static i64 tell_error(struct unix_end *e)
{
    i64 error = -(i64)e->error;
    e->error = 0;
    return error;
}

i64 unix_cut_error(struct trap *c, struct object *o)
{
    i32 error = (i32)-tell_error(end_of(o));
    i64 result = pass(c);
    return result ? result : copy_out(c->a[3], &error, sizeof error);
}

/* All of it, as the kernel's would: that waits until there is room. */
i64 unix_cut_send(struct trap *c, struct object *o, int waits, u64 deadline_ns, u32 flags)
{
    struct unix_end *e = end_of(o);
    struct message m;
    u64 done = 0;
    i64 error = message_of_call(c, &m);
    while (!error) {
        if (e->error)
            error = tell_error(e);
        else if (e->flags & (UNIX_OVER | UNIX_SHUT_WRITE))
            error = broken_pipe(c, -EPIPE, flags);
        u64 n = error ? 0 : min_u64(m.total - done, room(e, (i32)c->a[0]));
        e->lost += n;
        done += n;
        if (error || done == m.total)
            break;
        error = waits ? socket_park(c, o, o->channel, SIDE_WRITE, deadline_ns) : -EAGAIN;
    }
    return done ? (i64)done : error;
}

/* What had come before. 1: there may be, ask the kernel. */
i64 unix_cut_receive(struct trap *c, struct object *o, int waits, u64 deadline_ns)
{
    struct unix_end *e = end_of(o);
    for (;;) {
        if (has_come((i32)c->a[0]))
            return 1;
        if (e->error)
            return tell_error(e);
        if (e->flags & (UNIX_OVER | UNIX_SHUT_READ))
            return 0;
        if (!waits)
            return -EAGAIN;
        i64 error = socket_park(c, o, o->channel, SIDE_READ, deadline_ns);
        if (error)
            return error;
    }
}

i64 unix_cut_wait(struct trap *c, struct object *o)
{
    struct unix_end *e = end_of(o);
    i64 error = o->nonblock ? -EAGAIN : 0;
    while (!error && !(e->flags & UNIX_OVER))
        error = socket_park(c, o, o->channel, SIDE_READ, ~0ul);
    return error ? error : tell_error(e);
}

int unix_is_connecting(const struct object *o)
{
    return o->kind == OBJECT_UNIX && !is_datagram(end_of(o)) && !end_of(o)->peer &&
           !(end_of(o)->flags & (UNIX_LISTENING | UNIX_CUT));
}

/* ---- the cut ---- */
static void cut_off(struct unix_end *e)
{
    e->flags |= UNIX_CUT;
    e->lost = 0;
    end_set_peer(e, 0);
    channel_wake_all(e->channel);
}

int unix_cut(struct object *o, u64 timeout_ns)
{
    struct unix_end *e = end_of(o), *peer = peer_of(e);
    if (is_datagram(e) || !peer || (e->flags & UNIX_CUT))
        return 0;
    e->refs++;
    peer->refs++;
    cut_off(peer);
    cut_off(e);
    end_unref(peer);
    end_unref(e);
    if (timeout_ns && !timer_arm(WORLD, &o->timer, WORLD->now_ns + timeout_ns, TIMER_OBJECT,
                                 (u32)(o - WORLD->objects)))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
    return 1;
}

void unix_timer_fired(struct object *o)
{
    struct unix_end *e = end_of(o);
    e->flags |= UNIX_OVER;
    e->error = ETIMEDOUT;
    channel_wake_all(e->channel);
}
