/* unix_transfer.c: what goes through AF_UNIX sockets.
 *
 * Try, and on EAGAIN park. A stream's write that may wait goes on until all is written, and a read
 * that asks for all until all has come: in pieces, because the socket never blocks for the kernel.
 */
#include "unix.h"

#define SIOCINQ_CMD 0x541bu
#define SIOCOUTQ_CMD 0x5411u
#define SO_SNDBUF_K 7
#define RWF_NOWAIT_FLAG 8u
#define PIECES_MAX 64u /* vectors in one of our own calls */

static struct channel *channel_of(const struct unix_end *e) { return &WORLD->channels[e->channel]; }

static int may_wait(const struct trap *c, const struct object *o, u32 flags)
{
    int refuses = (c->nr == __NR_preadv2 || c->nr == __NR_pwritev2) && (c->a[5] & RWF_NOWAIT_FLAG);
    return !o->nonblock && !refuses && !(flags & MSG_DONTWAIT_FLAG);
}

/* ---- sent ---- */
/* A message or some bytes have come to `to`. */
static void arrived(struct trap *c, struct unix_end *from, struct unix_end *to, u64 bytes,
                    const struct message *m)
{
    u64 position = to->sent;
    to->sent += to->type == SOCK_STREAM_K ? bytes : 1;
    if (m && m->control)
        flights_add(c, to, position, m->control, m->control_bytes);
    if (is_datagram(to) && !are_mutual(from, to))
        flight_add_sender(to, position, from->channel);
    channel_wake(to->channel, SIDE_READ);
}

/* A sender whose buffer was full is let go on when three quarters of it are free. */
static int has_buffer(i64 fd, u32 *queued, u32 *most)
{
    u32 bytes = sizeof *most;
    raw(__NR_ioctl, fd, SIOCOUTQ_CMD, queued);
    raw(__NR_getsockopt, fd, SOL_SOCKET_K, SO_SNDBUF_K, most, &bytes);
    return ((u64)*queued + 1) * 4 <= *most;
}

static int has_failed(const struct unix_end *e, i64 fd)
{
    struct pollfd_k p = {.fd = (i32)fd};
    return (e->flags & UNIX_SHUT_WRITE) || raw(__NR_poll, &p, 1, 0);
}

static i64 wait_for_room(struct trap *c, struct object *o, u64 deadline_ns)
{
    struct unix_end *e = end_of(o);
    u32 queued = 0, most = 0;
    i64 fd, error;
    has_buffer((i32)c->a[0], &queued, &most);
    int is_own = queued >= most; /* and not the receiver's queue */
    do {
        channel_of(e)->full = 1;
        error = socket_park(c, o, e->channel, SIDE_WRITE, deadline_ns);
        fd = (i32)c->a[0];
    } while (!error && is_own && !has_buffer(fd, &queued, &most) && !has_failed(e, fd));
    return error;
}

/* The other end went while we waited for room: the kernel then tells of what it left behind, and
 * sends no signal. */
static i64 lost_while_waiting(i64 fd)
{
    i32 error = 0, bytes = sizeof error;
    raw(__NR_getsockopt, fd, SOL_SOCKET_K, SO_ERROR_K, &error, &bytes);
    return error ? -(i64)error : -EPIPE;
}

/* What a stream's write leaves, piece by piece. `m`: the call's, `done` bytes of it are written. */
static i64 stream_send_rest(struct trap *c, struct object *o, struct message *m, u64 done,
                            u32 flags, u64 deadline_ns)
{
    struct unix_end *e = end_of(o), *peer = peer_of(e);
    struct iovec_k pieces[PIECES_MAX];
    u64 total = m->total, left = total - done;
    i64 n = (i64)done;
    int waited = 0;
    while (left) {
        if (n > 0 && message_skip(m, (u64)n))
            break;
        struct msghdr_k h = {.iov = (u64)pieces};
        i64 count = message_rest(m, pieces, PIECES_MAX);
        if (count < 0)
            break;
        h.iov_count = (u64)count;
        n = raw(__NR_sendmsg, c->a[0], &h, flags | MSG_NOSIGNAL_FLAG);
        if (n > 0) {
            arrived(c, e, peer, (u64)n, 0);
            left -= (u64)n;
        } else if (n != -EAGAIN) {
            break;
        } else {
            waited = 1;
            if (wait_for_room(c, o, deadline_ns))
                break;
        }
    }
    if (n == -EPIPE && waited)
        lost_while_waiting((i32)c->a[0]);
    return (i64)(total - left);
}

static i64 stream_send(struct trap *c, struct object *o, u32 flags)
{
    struct unix_end *e = end_of(o), *peer = peer_of(e);
    struct message m;
    u64 deadline_ns = wait_deadline(o->value2);
    int waits = may_wait(c, o, flags), waited = 0;
    if (message_of_call(c, &m))
        return pass(c); /* the kernel knows the error */
    for (;;) {
        i64 n = pass(c);
        channel_of(e)->full |= n == -EAGAIN || (n >= 0 && (u64)n < m.total);
        if (n > 0 && peer)
            arrived(c, e, peer, (u64)n, &m);
        if (n > 0 && (u64)n < m.total && waits)
            return stream_send_rest(c, o, &m, (u64)n, flags, deadline_ns);
        if (n == -EPIPE && waited)
            return lost_while_waiting((i32)c->a[0]);
        if (n != -EAGAIN || !waits)
            return broken_pipe(c, n, flags);
        i64 error = wait_for_room(c, o, deadline_ns);
        if (error)
            return error;
        waited = 1;
    }
}

/* ---- datagrams and packets ---- */
/* Its peer is gone: the kernel has forgotten it, and what had come from it. */
static void peer_died(struct unix_end *e)
{
    end_set_peer(e, 0);
    flights_drop(e);
    e->received = e->sent;
}

static i64 packet_send_once(struct trap *c, struct unix_end *e, const struct message *m,
                            const struct unix_address *to_name, struct unix_end **to)
{
    int outside = 0;
    i64 error = to_name->bytes ? unix_find(c, e, to_name, to, &outside) : 0;
    if (!to_name->bytes)
        *to = peer_of(e);
    if (error)
        return error;
    i64 n = outside ? outside_answer(c, pass) : pass(c);
    if (n >= 0 && *to)
        arrived(c, e, *to, (u64)n, m);
    if (n == -EAGAIN && *to)
        starved_add(*to, e);
    if (n == -ECONNREFUSED && !to_name->bytes && *to && ((*to)->flags & UNIX_GONE))
        peer_died(e);
    return n;
}

static i64 packet_send(struct trap *c, struct object *o, u32 flags)
{
    struct unix_end *e = end_of(o), *to = 0;
    struct unix_address to_name = {.bytes = 0};
    struct message m;
    u64 deadline_ns = wait_deadline(o->value2);
    if (message_of_call(c, &m))
        return pass(c);
    if (is_datagram(e) && m.name && m.name_bytes && unix_address_in(m.name, m.name_bytes, &to_name))
        return -EFAULT;
    if (is_datagram(e) && (e->flags & UNIX_WANTS_NAME) && !(e->flags & UNIX_NAMED))
        unix_autobind(e, (i32)c->a[0]);
    for (;;) {
        i64 n = packet_send_once(c, e, &m, &to_name, &to);
        if (n != -EAGAIN || !may_wait(c, o, flags))
            return n;
        i64 error = to ? wait_for_room(c, o, deadline_ns) : park_and_look_again(c->t);
        if (error)
            return error;
    }
}

i64 unix_send(struct trap *c, struct object *o, u32 flags)
{
    if (unlikely(unix_is_cut(o)))
        return unix_cut_send(c, o, may_wait(c, o, flags), wait_deadline(o->value2), flags);
    return end_of(o)->type == SOCK_STREAM_K ? stream_send(c, o, flags) : packet_send(c, o, flags);
}

void unix_was_written(struct object *o, u64 bytes)
{
    struct unix_end *e = end_of(o), *peer = peer_of(e);
    if (peer)
        arrived(0, e, peer, bytes, 0);
}

/* A datagram may be refused because its receiver is full, too. */
void unix_found_full(struct object *o)
{
    struct unix_end *e = end_of(o), *peer = peer_of(e);
    channel_of(e)->full = 1;
    if (is_datagram(e) && peer && !are_mutual(e, peer))
        starved_add(peer, e);
}

/* ---- received ---- */
/* How much of what was sent to it has been read. */
static u64 read_so_far(struct unix_end *e, i64 fd)
{
    i32 unread = 0;
    if (e->type != SOCK_STREAM_K)
        return e->received;
    raw(__NR_ioctl, fd, SIOCINQ_CMD, &unread);
    return e->sent - min_u64((u64)unread, e->sent);
}

/* Something was read: who waits for room hears of it. Whether descriptors came with it. */
static int taken(struct trap *c, struct unix_end *e, i64 fd, u64 control, u64 control_bytes,
                 u32 flags)
{
    struct unix_end *peer = peer_of(e);
    int rights = 0;
    if (!(flags & MSG_PEEK_FLAG) && e->type != SOCK_STREAM_K && e->received < e->sent)
        e->received++;
    if (e->first_flight || (e->flags & UNIX_WANTS_NAME))
        rights = flights_land(c, e, read_so_far(e, fd), control, control_bytes, flags);
    if (flags & MSG_PEEK_FLAG)
        return rights;
    starved_tell(e);
    if (peer)
        channel_has_room(peer->channel);
    return rights;
}

/* The control data that the kernel filled in. */
static u64 control_of(const struct trap *c, u64 *bytes)
{
    struct msghdr_k h;
    *bytes = 0;
    if (c->nr != __NR_recvmsg || copy_in(&h, c->a[1], sizeof h))
        return 0;
    *bytes = h.control_bytes;
    return h.control;
}

static int call_taken(struct trap *c, struct object *o, u32 flags)
{
    u64 control_bytes, control = control_of(c, &control_bytes);
    return taken(c, end_of(o), (i32)c->a[0], control, control_bytes, flags);
}

void unix_was_read(struct object *o, i64 fd)
{
    taken(0, end_of(o), fd, 0, 0, 0);
}

/* The answer to the program's recvmsg is that to our last one. */
static void answer_rest(const struct message *m, const struct msghdr_k *ours)
{
    struct msghdr_k h;
    if (!m->header || copy_in(&h, m->header, sizeof h))
        return;
    h.control_bytes = ours->control_bytes;
    h.flags |= ours->flags;
    copy_out(m->header, &h, sizeof h);
}

/* One more piece of a stream's message. Its bytes, 0 at the end, or -EAGAIN: nothing has come. */
static i64 receive_piece(struct trap *c, const struct message *m, struct msghdr_k *h, u32 flags,
                         int *filled)
{
    struct iovec_k pieces[PIECES_MAX];
    i64 count = message_rest(m, pieces, PIECES_MAX);
    u64 room = 0;
    if (count < 0)
        return count;
    *h = (struct msghdr_k){.iov = (u64)pieces, .iov_count = (u64)count, .control = m->control,
                           .control_bytes = m->control_bytes};
    for (i64 i = 0; i < count; i++)
        room += pieces[i].len;
    i64 n = raw(__NR_recvmsg, c->a[0], h, flags & ~MSG_WAITALL_FLAG);
    *filled = n > 0 && (u64)n == room;
    return n;
}

static int has_unread(i64 fd)
{
    i32 unread = 0;
    raw(__NR_ioctl, fd, SIOCINQ_CMD, &unread);
    return unread != 0;
}

/* More of a stream, up to `target` bytes of which `done` are there. It ends before that where the
 * kernel would not go on: at descriptors, at another sender's bytes. */
static i64 stream_receive_rest(struct trap *c, struct object *o, struct message *m, u64 done,
                               u64 target, u32 flags, u64 deadline_ns)
{
    struct unix_end *e = end_of(o);
    struct msghdr_k h;
    i64 n = (i64)done;
    int rights = 0, filled = 0; /* the last piece was as long as we asked for */
    while (done < target && !rights) {
        if (n > 0 && ((!filled && has_unread((i32)c->a[0])) || message_skip(m, (u64)n)))
            break;
        n = receive_piece(c, m, &h, flags, &filled);
        if (n > 0) {
            done += (u64)n;
            rights = taken(c, e, (i32)c->a[0], h.control, h.control_bytes, flags);
            answer_rest(m, &h);
        } else if (n != -EAGAIN || socket_park(c, o, e->channel, SIDE_READ, deadline_ns)) {
            break;
        }
    }
    return (i64)done;
}

/* What a read that waits is content with. */
static u64 target_of(const struct unix_end *e, const struct message *m, u32 flags)
{
    if (flags & MSG_WAITALL_FLAG)
        return m->total;
    return min_u64(e->low_water ? e->low_water : 1, m->total);
}

static i64 stream_receive_all(struct trap *c, struct object *o, u32 flags)
{
    struct message m;
    u64 deadline_ns = wait_deadline(o->value);
    if (message_of_call(c, &m))
        return pass(c);
    u64 target = target_of(end_of(o), &m, flags);
    for (;;) {
        i64 n = pass(c);
        if (n > 0 && (call_taken(c, o, flags) || (u64)n >= target))
            return n;
        if (n > 0)
            return stream_receive_rest(c, o, &m, (u64)n, target, flags, deadline_ns);
        if (n != -EAGAIN)
            return n;
        i64 error = socket_park(c, o, o->channel, SIDE_READ, deadline_ns);
        if (error)
            return error;
    }
}

i64 unix_receive(struct trap *c, struct object *o, u32 flags)
{
    const struct unix_end *e = end_of(o);
    u64 deadline_ns = wait_deadline(o->value);
    int waits = may_wait(c, o, flags);
    int all = waits && e->type == SOCK_STREAM_K && !(flags & (MSG_PEEK_FLAG | MSG_OOB_FLAG)) &&
              ((flags & MSG_WAITALL_FLAG) || e->low_water > 1);
    if (unlikely(all && !unix_is_cut(o)))
        return stream_receive_all(c, o, flags);
    for (;;) {
        i64 n = unlikely(unix_is_cut(o)) ? unix_cut_receive(c, o, waits, deadline_ns) : 1;
        if (n != 1)
            return n;
        n = pass(c);
        if (n >= 0)
            call_taken(c, o, flags);
        if (n != -EAGAIN || !waits)
            return n;
        if (e->type != SOCK_STREAM_K && (e->flags & UNIX_SHUT_READ))
            return 0;
        i64 error = socket_park(c, o, o->channel, SIDE_READ, deadline_ns);
        if (error)
            return error;
    }
}
