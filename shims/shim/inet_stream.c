/* inet_stream.c: TCP.
 *
 * A connection is a pair of socks. What one sends is put straight into the other's queue, until the
 * two buffers are full. A connect makes the server's side at once, in the listener's queue; beyond
 * the backlog the client waits until there is room. */
#include "inet.h"

#define CONNECT_TIMEOUT_NS (127 * NS_PER_SECOND) /* six retransmissions of a SYN */

static struct sock *peer_of(const struct sock *s) { return s->peer ? sock_at(s->peer) : 0; }

/* ---- buffers ---- */
/* Sent and not yet read: the sender's buffer and the receiver's window are one. */
static u64 capacity(const struct sock *s, const struct sock *peer)
{
    return s->send_max + peer->receive_max / 2;
}

u64 stream_room(const struct sock *s)
{
    const struct sock *peer = peer_of(s);
    u64 most;
    if (!peer)
        return s->send_max; /* the other end is gone: it is taken, and lost */
    most = capacity(s, peer);
    return most > peer->bytes ? most - peer->bytes : 0;
}

/* Linux wakes a sender when a third is free, so that it does not write a few bytes at a time. */
static int is_writable(const struct sock *s)
{
    const struct sock *peer = peer_of(s);
    return !peer || stream_room(s) * 3 >= capacity(s, peer);
}

/* ---- what one end does to the other ---- */
static void arrive(struct sock *to)
{
    channel_wake(sock_channel(to), SIDE_READ);
}

static void end_arrives(struct sock *to)
{
    to->flags |= SOCK_SHUT_READ | SOCK_FIN;
    channel_wake(sock_channel(to), SIDE_READ);
    if (to->flags & SOCK_SHUT_WRITE)
        channel_wake_all(sock_channel(to));
}

/* No connection any more, and why. What had arrived before can still be read. */
static void reset_arrives(struct sock *to, u32 error)
{
    to->error = to->flags & SOCK_FIN ? EPIPE : error;
    to->flags |= SOCK_SHUT_READ | SOCK_SHUT_WRITE;
    to->flags &= ~(u32)SOCK_PEER_GONE;
    to->state = SOCK_CLOSED;
    to->peer = 0;
    channel_wake_all(sock_channel(to));
}

static void room_arrives(struct sock *to)
{
    if (!(to->flags & SOCK_WANTS_SPACE) || !is_writable(to))
        return;
    to->flags &= ~(u32)SOCK_WANTS_SPACE;
    channel_wake(sock_channel(to), SIDE_WRITE);
}

/* ---- a listener's queue ---- */
static void queue_add(struct sock *listener, u32 sock)
{
    if (listener->last_queued)
        sock_at(listener->last_queued)->next_queued = sock;
    else
        listener->first_queued = sock;
    listener->last_queued = sock;
    listener->queued++;
    if (listener->queued > listener->backlog + 1 && !listener->first_waiting)
        listener->first_waiting = sock;
}

static void established(struct sock *client)
{
    client->state = SOCK_CONNECTED;
    channel_wake_all(sock_channel(client));
}

/* The oldest leaves the queue; the first beyond the backlog comes in. */
static u32 queue_take(struct sock *listener)
{
    u32 sock = listener->first_queued;
    struct sock *waiting = listener->first_waiting ? sock_at(listener->first_waiting) : 0;
    listener->first_queued = sock_at(sock)->next_queued;
    if (!listener->first_queued)
        listener->last_queued = 0;
    listener->queued--;
    sock_at(sock)->next_queued = sock_at(sock)->listener = 0;
    if (waiting) {
        listener->first_waiting = waiting->next_queued;
        waiting->state = SOCK_CONNECTED;
        if (waiting->peer)
            established(sock_at(waiting->peer));
    }
    return sock;
}

/* A client that waited no longer. Only those beyond the backlog are looked at. */
static void queue_leave(struct sock *listener, u32 sock)
{
    u32 *link = &listener->first_queued, before = 0;
    while (*link != sock) {
        before = *link;
        link = &sock_at(*link)->next_queued;
    }
    *link = sock_at(sock)->next_queued;
    if (listener->last_queued == sock)
        listener->last_queued = before;
    if (listener->first_waiting == sock)
        listener->first_waiting = *link;
    listener->queued--;
    sock_release(sock_at(sock));
}

/* Nobody will accept them. */
void stream_listen_end(struct sock *s)
{
    while (s->first_queued) {
        u32 sock = s->first_queued;
        struct sock *client = peer_of(sock_at(sock));
        u32 error = sock_at(sock)->state == SOCK_WAITING ? ECONNREFUSED : ECONNRESET;
        s->first_queued = sock_at(sock)->next_queued;
        if (client)
            reset_arrives(client, error);
        sock_release(sock_at(sock));
    }
    s->last_queued = s->first_waiting = s->queued = 0;
    s->state = SOCK_CLOSED;
}

/* ---- connect ---- */
/* The server's side of a new connection, in the listener's queue. */
static struct sock *server_side(struct sock *client, struct sock *listener)
{
    u32 sock = sock_alloc();
    struct sock *n = sock_at(sock);
    n->family = listener->family;
    n->type = SOCK_STREAM_K;
    n->flags = listener->flags & (SOCK_REUSE_ADDR | SOCK_REUSE_PORT | SOCK_V6_ONLY | SOCK_LINGER |
                                  SOCK_SEND_SET | SOCK_RECEIVE_SET);
    n->linger_s = listener->linger_s;
    n->send_max = listener->send_max;
    n->receive_max = listener->receive_max;
    n->local = client->peer_address;
    n->peer_address = client->local;
    n->peer = sock_index(client);
    n->listener = sock_index(listener);
    client->peer = sock;
    port_add_accepted(WORLD, n);
    queue_add(listener, sock);
    n->state = client->state = listener->first_waiting ? SOCK_WAITING : SOCK_CONNECTED;
    return n;
}

static i64 connect_failed(struct object *o, struct sock *s, i64 error)
{
    unname(s);
    s->state = SOCK_CLOSED;
    if (!o->nonblock)
        return error;
    s->error = (u32)-error;
    s->flags |= SOCK_CONNECTING | SOCK_SHUT_READ | SOCK_SHUT_WRITE;
    channel_wake_all(o->channel);
    return -EINPROGRESS;
}

/* The listener's queue is full: until there is room, or the end of patience. */
static i64 wait_for_room(struct trap *c, struct object *o, struct sock *s)
{
    u64 patience = WORLD->now_ns + CONNECT_TIMEOUT_NS, deadline = min_u64(patience, wait_deadline(o->value2));
    while (s->state == SOCK_WAITING) {
        i64 error = park_on_channel(c->t, o->channel, SIDE_WRITE, deadline);
        if (error == -ETIMEDOUT && deadline != patience)
            return -EINPROGRESS;
        if (error == -ETIMEDOUT) {
            queue_leave(sock_at(sock_at(s->peer)->listener), s->peer);
            s->peer = 0;
            return connect_failed(o, s, error);
        }
        if (error) {
            s->flags |= SOCK_CONNECTING; /* it goes on without us */
            return error;
        }
    }
    s->flags &= ~(u32)SOCK_CONNECTING;
    return s->state == SOCK_CONNECTED ? 0 : take_error(s);
}

/* connect again, after one that did not wait. 1: there was none. */
static i64 how_it_went(struct trap *c, struct object *o, struct sock *s)
{
    if (s->state == SOCK_LISTENING)
        return -EISCONN;
    if (s->state == SOCK_WAITING)
        return o->nonblock ? -EALREADY : wait_for_room(c, o, s);
    if (!(s->flags & SOCK_CONNECTING))
        return s->state == SOCK_CONNECTED ? -EISCONN : 1;
    s->flags &= ~(u32)SOCK_CONNECTING;
    if (s->state == SOCK_CONNECTED)
        return 0;
    i64 error = take_error(s);
    s->flags &= ~(u32)(SOCK_SHUT_READ | SOCK_SHUT_WRITE | SOCK_FIN);
    return error ? error : -ECONNABORTED;
}

i64 stream_connect(struct trap *c, struct object *o, struct net_address *to)
{
    struct sock *s = sock_of(o);
    struct net_address from;
    i64 error = how_it_went(c, o, s);
    if (error <= 0)
        return error;
    error = route(s, to, &from);
    if (!error)
        error = bind_ephemeral(s);
    if (error)
        return error;
    from.port = s->local.port;
    s->local = from;
    s->peer_address = *to;
    s->flags &= ~(u32)(SOCK_SHUT_READ | SOCK_SHUT_WRITE | SOCK_FIN | SOCK_PEER_GONE);
    s->error = 0;
    struct sock *listener = port_listener(WORLD, &from, to);
    if (!listener)
        return connect_failed(o, s, -ECONNREFUSED);
    server_side(s, listener);
    if (s->state == SOCK_CONNECTED)
        channel_wake(sock_channel(listener), SIDE_READ);
    if (o->nonblock) {
        s->flags |= SOCK_CONNECTING;
        channel_wake_all(o->channel);
        return -EINPROGRESS;
    }
    return wait_for_room(c, o, s);
}

/* ---- accept ---- */
static int acceptable(const struct sock *s)
{
    return s->first_queued && sock_at(s->first_queued)->state != SOCK_WAITING;
}

i64 stream_accept(struct trap *c, struct object *o, u64 flags)
{
    struct sock *s = sock_of(o);
    u8 name[28];
    u64 deadline = wait_deadline(o->value);
    while (s->state == SOCK_LISTENING && !acceptable(s)) {
        if (o->nonblock)
            return -EAGAIN;
        i64 error = park_on_channel(c->t, o->channel, SIDE_EXCLUSIVE, deadline);
        if (error)
            return error == -ETIMEDOUT ? -EAGAIN : error;
    }
    if (s->state != SOCK_LISTENING)
        return -EINVAL;
    i64 fd = raw(__NR_socket, s->family, s->type | SOCK_NONBLOCK_FLAG | (flags & SOCK_CLOEXEC_FLAG), 0);
    if (fd < 0)
        return fd;
    u32 sock = queue_take(s);
    inet_inherit_options(s, (i32)c->a[0], sock_at(sock), fd);
    u32 object = inet_accepted(sock);
    WORLD->objects[object].value = o->value;
    WORLD->objects[object].value2 = o->value2;
    socket_install(c, fd, object, flags);
    u32 bytes = sockaddr_make(sock_at(sock), &sock_at(sock)->peer_address, name);
    i64 error = sockaddr_out(c->a[1], c->a[2], name, bytes);
    if (!error)
        return fd;
    raw(__NR_close, fd);
    fd_forget(c->p, fd);
    return error;
}

/* ---- the end ---- */
/* Unread bytes, or SO_LINGER with 0: the other end is told by a reset. */
void stream_disconnect(struct sock *s)
{
    struct sock *peer = peer_of(s);
    if (s->state == SOCK_WAITING && peer) {
        queue_leave(sock_at(peer->listener), s->peer);
    } else if (peer) {
        peer->peer = 0;
        if (s->bytes || ((s->flags & SOCK_LINGER) && !s->linger_s)) {
            reset_arrives(peer, ECONNRESET);
        } else {
            peer->flags |= SOCK_PEER_GONE;
            end_arrives(peer);
        }
    }
    s->peer = 0;
    s->state = SOCK_CLOSED;
    s->flags &= ~(u32)(SOCK_SHUT_READ | SOCK_SHUT_WRITE | SOCK_FIN | SOCK_PEER_GONE | SOCK_CONNECTING);
    net_queue_drop(WORLD, s);
}

i64 stream_shutdown(struct sock *s, u64 how)
{
    int reads = how != 1, writes = how != 0;
    if (s->state == SOCK_LISTENING && reads) {
        stream_listen_end(s);
        channel_wake_all(sock_channel(s));
        return 0;
    }
    if (s->state != SOCK_CONNECTED)
        return s->state == SOCK_LISTENING ? 0 : -ENOTCONN;
    if (reads)
        s->flags |= SOCK_SHUT_READ;
    if (writes && !(s->flags & SOCK_SHUT_WRITE)) {
        s->flags |= SOCK_SHUT_WRITE;
        if (peer_of(s))
            end_arrives(peer_of(s));
    }
    channel_wake_all(sock_channel(s));
    return 0;
}

/* ---- sending ---- */
/* Into the other end's queue, as much as there is room for; -EFAULT when nothing could be read. */
static i64 put(struct sock *s, struct message *m)
{
    struct sock *peer = peer_of(s);
    u64 left = min_u64(stream_room(s), m->total), done = 0, address;
    while (left) {
        u64 n = left;
        i64 error = message_span(m, &address, &n);
        if (error)
            return done ? (i64)done : error;
        if (peer) {
            u8 *space = stream_space(WORLD, peer, &n);
            if (!space)
                fatal("too much data waits in the simulated network; the limit in bytes is",
                      (i64)NET_BLOCKS_MAX * NET_BLOCK_BYTES);
            error = copy_in(space, address, n);
            stream_added(WORLD, peer, error ? 0 : n);
            if (error)
                return done ? (i64)done : error;
        }
        message_advance(m, n);
        done += n;
        left -= n;
    }
    return (i64)done;
}

static i64 cannot_send(struct trap *c, struct sock *s, u32 flags)
{
    i64 error = take_error(s);
    return broken_pipe(c, error ? error : -EPIPE, flags);
}

static i64 wait_to_send(struct trap *c, struct object *o, struct sock *s, u64 deadline)
{
    s->flags |= SOCK_WANTS_SPACE;
    i64 error = park_on_channel(c->t, o->channel, SIDE_WRITE, deadline);
    return error == -ETIMEDOUT ? -EAGAIN : error;
}

/* Sent to who is not there any more: it answers with a reset. */
static void sent_to_nobody(struct sock *s)
{
    if (s->flags & SOCK_PEER_GONE)
        reset_arrives(s, ECONNRESET);
}

i64 stream_send(struct trap *c, struct object *o, struct message *m)
{
    struct sock *s = sock_of(o);
    u64 deadline = wait_deadline(o->value2);
    i64 done = 0, error = 0;
    if (m->flags & MSG_OOB_FLAG)
        return -EOPNOTSUPP; /* urgent data: refused plainly */
    while (!error && (m->total || !done)) {
        if (s->state == SOCK_WAITING) {
            error = message_waits(o, m) ? park_on_channel(c->t, o->channel, SIDE_WRITE, deadline) : -EAGAIN;
            continue;
        }
        if (s->error || s->state != SOCK_CONNECTED || (s->flags & SOCK_SHUT_WRITE))
            return done ? done : cannot_send(c, s, m->flags);
        i64 n = put(s, m);
        if (n > 0) {
            done += n;
            if (s->peer)
                arrive(peer_of(s));
            else
                sent_to_nobody(s);
        }
        if (n < 0 || !m->total)
            error = n < 0 ? n : 0;
        else if (!message_waits(o, m))
            error = -EAGAIN;
        else
            error = wait_to_send(c, o, s, deadline);
        if (!m->total)
            break;
    }
    if (m->total && s->state == SOCK_CONNECTED)
        s->flags |= SOCK_WANTS_SPACE;
    return done || !error ? done : error == -ETIMEDOUT ? -EAGAIN : error;
}

/* ---- receiving ---- */
static i64 get(struct sock *s, struct message *m, u64 skip)
{
    u64 done = 0, address, n;
    while (m->total) {
        n = m->total;
        const u8 *from = stream_data(WORLD, s, skip + done, &n);
        if (!n)
            break;
        i64 error = message_span(m, &address, &n);
        if (!error && !(m->flags & MSG_TRUNC_FLAG))
            error = copy_out(address, from, n);
        if (error)
            return done ? (i64)done : error;
        message_advance(m, n);
        done += n;
    }
    return (i64)done;
}

void stream_taken(struct sock *s, u64 bytes)
{
    stream_remove(WORLD, s, bytes);
    if (s->peer)
        room_arrives(peer_of(s));
}

/* Nothing to read: 0 at the end, an error, or -EAGAIN: it may come. */
static i64 nothing(struct sock *s)
{
    if (s->flags & SOCK_FIN)
        return 0;
    if (s->error)
        return take_error(s);
    if (s->flags & SOCK_SHUT_READ)
        return 0;
    return s->state == SOCK_CONNECTED || s->state == SOCK_WAITING ? -EAGAIN : -ENOTCONN;
}

i64 stream_receive(struct trap *c, struct object *o, struct message *m)
{
    struct sock *s = sock_of(o);
    u64 deadline = wait_deadline(o->value), all = m->flags & MSG_WAITALL_FLAG, peek = m->flags & MSG_PEEK_FLAG;
    u32 flags = m->flags;
    i64 done = 0, error = 0;
    if (flags & MSG_OOB_FLAG)
        return -EINVAL;
    if (s->state == SOCK_LISTENING)
        return -ENOTCONN;
    while (m->total) {
        i64 n = get(s, m, peek ? (u64)done : 0);
        if (n < 0) {
            error = n;
            break;
        }
        done += n;
        if (n && !peek)
            stream_taken(s, (u64)n);
        if (!m->total || (done && !all))
            break;
        error = nothing(s);
        if (error != -EAGAIN || !message_waits(o, m))
            break;
        error = park_on_channel(c->t, o->channel, SIDE_READ, deadline);
        if (error)
            break;
    }
    if (!done && error)
        return error == -ETIMEDOUT ? -EAGAIN : error;
    m->flags = 0;
    error = message_answer(m, 0, 0);
    return error ? error : done;
}

/* ---- readiness: Linux's tcp_poll ---- */
u32 stream_ready(struct sock *s)
{
    u32 ready = 0;
    if (s->state == SOCK_LISTENING)
        return acceptable(s) ? POLLIN_BIT | POLLRDNORM_BIT : 0;
    if (s->state == SOCK_CLOSED || !(~s->flags & (SOCK_SHUT_READ | SOCK_SHUT_WRITE)))
        ready |= POLLHUP_BIT;
    if (s->flags & SOCK_SHUT_READ)
        ready |= POLLIN_BIT | POLLRDNORM_BIT | POLLRDHUP_BIT;
    if (s->error)
        ready |= POLLERR_BIT;
    if (s->state == SOCK_WAITING)
        return ready;
    if (s->bytes)
        ready |= POLLIN_BIT | POLLRDNORM_BIT;
    if ((s->flags & SOCK_SHUT_WRITE) || is_writable(s))
        ready |= POLLOUT_BIT | POLLWRNORM_BIT;
    else
        s->flags |= SOCK_WANTS_SPACE;
    return ready;
}
