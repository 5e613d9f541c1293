/* inet_stream.c: TCP.
 *
 * A connection is a pair of socks. What one sends is put straight into the other's queue, until the
 * two buffers are full; what the receiver's has no room for has not arrived, in the sense that the
 * stream's end behind it has not either. A connect makes the server's side at once, in the
 * listener's queue; beyond the backlog the client waits until there is room. */
#include "inet.h"

#define CONNECT_TIMEOUT_NS (127 * NS_PER_SECOND) /* six retransmissions of a SYN */
#define SEND_TIMEOUT_NS (924 * NS_PER_SECOND)    /* fifteen of data */

static struct sock *peer_of(const struct sock *s) { return s->peer ? sock_at(s->peer) : 0; }

/* ---- buffers ---- */
static u64 window(const struct sock *s) { return s->receive_max / 2; }

/* Sent and not yet read: the sender's buffer and the receiver's window are one. */
static u64 capacity(const struct sock *s, const struct sock *peer)
{
    return s->send_max + window(peer);
}

u64 stream_unsent(const struct sock *s)
{
    const struct sock *peer = peer_of(s);
    return peer && peer->bytes > window(peer) ? peer->bytes - window(peer) : 0;
}

u64 stream_room(const struct sock *s)
{
    const struct sock *peer = peer_of(s);
    u64 most;
    if (unlikely(s->flags & SOCK_CUT))
        return s->send_max > s->lost ? s->send_max - s->lost : 0;
    if (!peer)
        return s->send_max; /* the other end is gone: it is taken, and lost */
    most = capacity(s, peer);
    return most > peer->bytes ? most - peer->bytes : 0;
}

/* Linux wakes a sender when a third is free, so that it does not write a few bytes at a time. */
static int is_writable(const struct sock *s)
{
    const struct sock *peer = peer_of(s);
    if (unlikely(s->flags & SOCK_CUT))
        return stream_room(s) * 3 >= s->send_max;
    return !peer || stream_room(s) * 3 >= capacity(s, peer);
}

/* ---- what one end does to the other ---- */
static void arrive(struct sock *to)
{
    channel_wake(sock_channel(to), SIDE_READ);
}

/* A connection is no more. A port that connect or accept gave it is free. */
static void over(struct sock *s)
{
    s->state = SOCK_CLOSED;
    s->flags |= SOCK_SHUT_READ | SOCK_SHUT_WRITE;
    s->flags &= ~(u32)(SOCK_PEER_GONE | SOCK_END_COMING | SOCK_CUT);
    s->peer = 0;
    if (!(s->flags & SOCK_BOUND))
        port_remove(WORLD, s);
    channel_wake_all(sock_channel(s));
}

/* Both ends have arrived: a regular end. The one that was sent first leaves a TIME_WAIT. */
static void both_ended(struct sock *first, struct sock *last)
{
    if (first)
        time_wait_start(WORLD, first, 0);
    else
        time_wait_again(WORLD, last->time_wait);
    if (first)
        over(first);
    if (last)
        over(last);
}

static void end_arrives(struct sock *to)
{
    struct sock *from = peer_of(to);
    to->flags |= SOCK_SHUT_READ | SOCK_FIN;
    to->flags &= ~(u32)SOCK_END_COMING;
    if (!(to->flags & SOCK_END_SENT) || (from && !(from->flags & SOCK_FIN))) {
        channel_wake(sock_channel(to), SIDE_READ);
        if (to->flags & SOCK_SHUT_WRITE)
            channel_wake_all(sock_channel(to));
        if (from)
            channel_wake(sock_channel(from), SIDE_WRITE); /* a close that lingers */
    } else if (to->time_wait) {
        both_ended(0, to);
    } else {
        both_ended(to, from);
    }
}

static void end_sent(struct sock *s)
{
    struct sock *peer = peer_of(s);
    if (s->flags & SOCK_END_SENT)
        return;
    s->flags |= SOCK_END_SENT;
    if (!peer && (s->flags & SOCK_FIN))
        both_ended(0, s);
    else if (peer && stream_unsent(s))
        peer->flags |= SOCK_END_COMING;
    else if (peer)
        end_arrives(peer);
}

/* No connection any more, and why. What had arrived before can still be read. */
static void reset_arrives(struct sock *to, u32 error)
{
    int half_closed = (to->flags & (SOCK_FIN | SOCK_END_SENT)) == SOCK_FIN;
    to->error = half_closed ? EPIPE : error;
    time_wait_end(WORLD, to->time_wait);
    over(to);
}

/* Ends a connection by a reset to the other end. */
static void abort_connection(struct sock *s)
{
    if (s->peer)
        reset_arrives(peer_of(s), ECONNRESET);
    time_wait_end(WORLD, s->time_wait);
    over(s);
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

static void established(struct sock *s)
{
    s->state = SOCK_CONNECTED;
    if (!(s->flags & SOCK_SEND_SET))
        s->send_max = TCP_SEND_MAX;
    if (s->object)
        timer_cancel(WORLD, &WORLD->objects[s->object].timer);
    channel_wake_all(sock_channel(s));
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
        established(waiting);
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
        struct sock *queued = sock_at(s->first_queued);
        s->first_queued = queued->next_queued;
        if (queued->state == SOCK_WAITING)
            reset_arrives(peer_of(queued), ECONNREFUSED);
        else
            abort_connection(queued);
        sock_release(queued);
    }
    s->last_queued = s->first_waiting = s->queued = 0;
    s->state = SOCK_CLOSED;
}

/* ---- connect ---- */
/* The server's side of a new connection, in the listener's queue. */
static void server_side(struct sock *client, struct sock *listener)
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
    n->receive_low = listener->receive_low;
    n->local = client->peer_address;
    n->peer_address = client->local;
    n->peer = sock_index(client);
    n->listener = sock_index(listener);
    client->peer = sock;
    port_add_accepted(WORLD, n);
    queue_add(listener, sock);
    if (listener->first_waiting) {
        n->state = client->state = SOCK_WAITING;
        return;
    }
    established(n);
    established(client);
    channel_wake(sock_channel(listener), SIDE_READ);
}

/* A connect that will not succeed: who does not wait for it learns of it later. */
static void refused(struct sock *s, u32 error)
{
    s->error = error;
    unname(s);
    s->flags |= SOCK_SHUT_READ | SOCK_SHUT_WRITE;
    channel_wake_all(sock_channel(s));
}

/* A client beyond the backlog: its SYNs get no answer, for so long. */
static void has_patience(struct sock *s, u64 for_ns)
{
    struct object *o = &WORLD->objects[s->object];
    if (!timer_arm(WORLD, &o->timer, WORLD->now_ns + for_ns, TIMER_OBJECT, s->object))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
}

static void leave_queue(struct sock *client)
{
    if (client->peer)
        queue_leave(sock_at(peer_of(client)->listener), client->peer);
    timer_cancel(WORLD, &WORLD->objects[client->object].timer);
    client->peer = 0;
}

void inet_timer_fired(struct object *o)
{
    struct sock *s = sock_of(o);
    if (s->state == SOCK_WAITING)
        leave_queue(s);
    reset_arrives(s, ETIMEDOUT);
}

/* How a connect went, when it may wait for that; `meanwhile`: what it says before. */
static i64 outcome(struct trap *c, struct object *o, struct sock *s, i64 meanwhile)
{
    u64 deadline = wait_deadline(o->value2);
    while (s->state == SOCK_WAITING) {
        i64 error = o->nonblock ? -EAGAIN : socket_park(c, o, o->channel, SIDE_WRITE, deadline);
        if (error) /* it goes on without us */
            return error == -EAGAIN ? meanwhile : error;
    }
    s->flags &= ~(u32)SOCK_CONNECTING;
    if (s->state == SOCK_CONNECTED) {
        s->flags |= SOCK_JOINED;
        return 0;
    }
    i64 error = take_error(s);
    stream_disconnect(s);
    return error ? error : -ECONNABORTED;
}

/* It has its names, and a SYN goes out. */
static i64 prepare(struct sock *s, struct net_address *to)
{
    struct net_address from;
    i64 error = route(s, to, &from);
    if (error)
        return error;
    s->peer_address = *to;
    error = bind_ephemeral(s);
    if (error)
        return error;
    from.port = s->local.port;
    s->local = from;
    s->error = 0;
    s->flags |= SOCK_CONNECTING;
    return 0;
}

static i64 begin(struct sock *s, struct net_address *to)
{
    i64 error = prepare(s, to);
    if (error)
        return error;
    struct sock *listener = port_listener(WORLD, &s->local, to);
    if (listener) {
        server_side(s, listener);
    } else if (to->port == s->local.port && address_same_ip(to, &s->local)) {
        s->peer = sock_index(s); /* its SYN meets itself */
        established(s);
    } else {
        refused(s, ECONNREFUSED);
    }
    if (s->state == SOCK_WAITING)
        has_patience(s, CONNECT_TIMEOUT_NS);
    return 0;
}

i64 stream_connect(struct trap *c, struct object *o, struct net_address *to, i64 name_error)
{
    struct sock *s = sock_of(o);
    if (s->flags & SOCK_CONNECTING)
        return outcome(c, o, s, -EALREADY);
    if ((s->flags & SOCK_JOINED) || s->state != SOCK_CLOSED)
        return -EISCONN;
    i64 error = name_error ? name_error : begin(s, to);
    if (error)
        return error;
    return o->nonblock ? -EINPROGRESS : outcome(c, o, s, -EINPROGRESS);
}

i64 stream_connect_fails(struct trap *c, struct object *o, struct net_address *to, u32 error,
                         u64 after_ns)
{
    struct sock *s = sock_of(o);
    i64 failed = prepare(s, to);
    if (failed)
        return failed;
    if (after_ns) {
        s->state = SOCK_WAITING;
        has_patience(s, after_ns);
    } else {
        refused(s, error);
    }
    return o->nonblock ? -EINPROGRESS : outcome(c, o, s, -EINPROGRESS);
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
        i64 error = socket_park(c, o, o->channel, SIDE_EXCLUSIVE, deadline);
        if (error)
            return error;
    }
    if (s->state != SOCK_LISTENING)
        return -EINVAL;
    i64 fd = raw(__NR_socket, s->family, s->type | SOCK_NONBLOCK_FLAG | (flags & SOCK_CLOEXEC_FLAG), 0);
    if (fd < 0)
        return fd;
    u32 sock = queue_take(s);
    inet_inherit_options(s, (i32)c->a[0], sock_at(sock), fd);
    u32 object = inet_accepted(sock);
    sock_at(sock)->flags |= SOCK_JOINED;
    sock_at(sock)->uid = c->p->uid;
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
void stream_close(struct sock *s)
{
    if (s->state == SOCK_WAITING)
        leave_queue(s);
    if (s->state != SOCK_CONNECTED)
        return;
    if (s->bytes || ((s->flags & SOCK_LINGER) && !s->linger_s)) {
        abort_connection(s);
        return;
    }
    int first = !(s->flags & SOCK_FIN);
    end_sent(s);
    struct sock *peer = peer_of(s);
    if (!peer || peer == s)
        return;
    peer->flags |= SOCK_PEER_GONE;
    peer->peer = 0;
    if (first)
        time_wait_start(WORLD, s, sock_index(peer));
}

/* connect to AF_UNSPEC, and what a failed connect leaves. */
void stream_disconnect(struct sock *s)
{
    int had_one = s->state == SOCK_WAITING || s->state == SOCK_CONNECTED;
    if (s->state == SOCK_LISTENING)
        stream_listen_end(s);
    else if (s->state == SOCK_WAITING)
        leave_queue(s);
    else if (s->state == SOCK_CONNECTED)
        abort_connection(s);
    if (had_one)
        s->error = ECONNRESET;
    s->state = SOCK_CLOSED;
    s->flags &= ~(u32)(SOCK_SHUT_READ | SOCK_SHUT_WRITE | SOCK_FIN | SOCK_PEER_GONE |
                       SOCK_CONNECTING | SOCK_JOINED | SOCK_END_SENT | SOCK_END_COMING);
    net_queue_drop(WORLD, s);
    address_any(&s->peer_address, s->family == AF_INET_K);
    s->peer_address.port = 0;
    unname(s);
}

i64 stream_shutdown(struct sock *s, u64 how)
{
    int reads = how != 1, writes = how != 0;
    i64 error = s->state == SOCK_CLOSED ? -ENOTCONN : 0;
    if (s->state == SOCK_WAITING || (s->state == SOCK_LISTENING && reads)) {
        stream_disconnect(s);
    } else if (s->state != SOCK_LISTENING) { /* also without a connection: who waits there wakes */
        s->flags |= (reads ? SOCK_SHUT_READ : 0) | (writes ? SOCK_SHUT_WRITE : 0);
        if (writes && s->state == SOCK_CONNECTED)
            end_sent(s);
    }
    channel_wake_all(sock_channel(s));
    return error;
}

int stream_lingers(const struct sock *s)
{
    return is_stream(s) && (s->flags & SOCK_LINGER) && s->linger_s &&
           s->state == SOCK_CONNECTED && !s->bytes && stream_unsent(s);
}

void stream_linger(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    u64 deadline = WORLD->now_ns + s->linger_s * NS_PER_SECOND;
    end_sent(s);
    while (s->state == SOCK_CONNECTED && stream_unsent(s))
        if (socket_park(c, o, o->channel, SIDE_WRITE, deadline))
            return;
}

/* ---- faults ---- */
void stream_reset(struct sock *s)
{
    abort_connection(s);
}

static void cut_off(struct sock *s)
{
    s->flags |= SOCK_CUT;
    s->flags &= ~(u32)SOCK_END_COMING;
    s->lost = 0;
    s->peer = 0;
}

void stream_cut(struct sock *s, u64 timeout_ns)
{
    struct sock *peer = peer_of(s);
    if (peer)
        cut_off(peer);
    cut_off(s);
    if (timeout_ns)
        has_patience(s, timeout_ns);
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
    if (unlikely(s->flags & SOCK_CUT) && done) {
        if (!s->lost && s->object && !WORLD->objects[s->object].timer.heap_pos)
            has_patience(s, SEND_TIMEOUT_NS);
        s->lost += done;
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
    return socket_park(c, o, o->channel, SIDE_WRITE, deadline);
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
    if (m->control_bytes) {
        struct sending unused;
        error = control_in(s, m, &unused);
    }
    while (!error && (m->total || !done)) {
        if (s->state == SOCK_WAITING) {
            error = -EAGAIN;
            if (message_waits(o, m))
                error = socket_park(c, o, o->channel, SIDE_WRITE, deadline);
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
    return done || !error ? done : error;
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
    if ((s->flags & SOCK_END_COMING) && s->bytes <= window(s))
        end_arrives(s);
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

/* How much a receive waits for: SO_RCVLOWAT, or all (MSG_WAITALL); at least a byte. */
static u64 least(const struct sock *s, const struct message *m)
{
    u64 mark = m->flags & MSG_WAITALL_FLAG ? m->total : min_u64(s->receive_low, m->total);
    return mark ? mark : 1;
}

/* Waits for what there is to be had. Errors count only when nothing has come. */
static i64 receive(struct trap *c, struct object *o, struct message *m)
{
    struct sock *s = sock_of(o);
    u64 deadline = wait_deadline(o->value), enough = least(s, m), wanted = m->total;
    i64 done = 0, error = 0, peek = m->flags & MSG_PEEK_FLAG;
    for (;;) {
        i64 n = get(s, m, peek ? (u64)done : 0);
        if (n < 0)
            return done ? done : n;
        done += n;
        if (n && !peek)
            stream_taken(s, (u64)n);
        if ((u64)done >= enough || (wanted ? !m->total : s->bytes != 0))
            return done;
        error = nothing(s);
        if (error == -EAGAIN && message_waits(o, m)) {
            error = socket_park(c, o, o->channel, SIDE_READ, deadline);
            if (!wanted)
                return 0; /* whatever woke it: no bytes is what was asked for */
        } else if (!error) {
            return done;
        }
        if (error)
            return done ? done : error;
    }
}

i64 stream_receive(struct trap *c, struct object *o, struct message *m)
{
    if (m->flags & MSG_OOB_FLAG)
        return -EINVAL;
    if (sock_of(o)->state == SOCK_LISTENING)
        return -ENOTCONN;
    i64 n = receive(c, o, m);
    m->flags = 0;
    i64 error = n < 0 ? n : message_answer(m, 0, 0);
    return error ? error : n;
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
    if (s->bytes && (s->bytes >= s->receive_low || s->bytes >= window(s)))
        ready |= POLLIN_BIT | POLLRDNORM_BIT;
    if ((s->flags & SOCK_SHUT_WRITE) || is_writable(s))
        ready |= POLLOUT_BIT | POLLWRNORM_BIT;
    else
        s->flags |= SOCK_WANTS_SPACE;
    return ready;
}
