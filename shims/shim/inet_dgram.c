/* inet_dgram.c: UDP. A datagram is put into its receiver's queue, or lost where that is full. */
#include "inet.h"

#define DATAGRAM_BYTES_MAX 65507u

/* ---- sending ---- */
static i64 fill(u32 datagram, struct message *m)
{
    u64 done = 0, address;
    while (m->total) {
        u64 n = m->total;
        i64 error = message_span(m, &address, &n);
        u8 *to = datagram_span(WORLD, datagram, done, &n);
        if (!error)
            error = copy_in(to, address, n);
        if (error)
            return error;
        message_advance(m, n);
        done += n;
    }
    return 0;
}

static int is_full(const struct sock *s)
{
    return s->charge > s->receive_max || (s->flags & SOCK_SHUT_READ);
}

static void arrive(struct sock *to, u32 datagram)
{
    datagram_append(WORLD, to, datagram);
    channel_wake(sock_channel(to), SIDE_READ);
}

/* Nobody has that port: a connected sender is told, by its next call. */
static void unreachable(struct sock *s)
{
    if (s->state != SOCK_CONNECTED)
        return;
    s->error = ECONNREFUSED;
    channel_wake_all(sock_channel(s));
}

static i64 destination(struct sock *s, const struct message *m, struct net_address *to)
{
    if (!m->name) {
        *to = s->peer_address;
        return s->state == SOCK_CONNECTED ? 0 : -EDESTADDRREQ;
    }
    i64 error = sockaddr_in(s, m->name, m->name_bytes, to);
    if (error > 0)
        return -EAFNOSUPPORT;
    if (!error && !to->port)
        return -EINVAL;
    if (!error && address_is_broadcast(to) && !(s->flags & SOCK_BROADCAST))
        return -EACCES;
    return error;
}

i64 dgram_send(struct trap *c, struct object *o, struct message *m)
{
    struct sock *s = sock_of(o);
    struct net_address to, from;
    u64 bytes = m->total;
    if (m->flags & MSG_OOB_FLAG)
        return -EOPNOTSUPP;
    if (bytes > DATAGRAM_BYTES_MAX)
        return -EMSGSIZE;
    i64 error = destination(s, m, &to);
    if (!error && s->error)
        error = take_error(s);
    if (!error && (s->flags & SOCK_SHUT_WRITE))
        return broken_pipe(c, -EPIPE, m->flags);
    if (!error)
        error = route(s, &to, &from);
    if (!error)
        error = bind_ephemeral(s);
    if (error)
        return error;
    from.port = s->local.port;
    struct sock *receiver = port_receiver(WORLD, &from, &to);
    u32 datagram = datagram_new(WORLD, bytes);
    if (!datagram)
        fatal("too much data waits in the simulated network; the limit in bytes is",
              (i64)NET_BLOCKS_MAX * NET_BLOCK_BYTES);
    error = fill(datagram, m);
    WORLD->net_blocks[datagram].from = from;
    if (!error && receiver && !is_full(receiver)) {
        arrive(receiver, datagram);
        return (i64)bytes;
    }
    datagram_free(WORLD, datagram);
    if (!error && !receiver)
        unreachable(s);
    return error ? error : (i64)bytes;
}

/* ---- receiving ---- */
static i64 copy_datagram(u32 datagram, struct message *m)
{
    u64 bytes = WORLD->net_blocks[datagram].datagram_bytes, done = 0, address;
    while (m->total && done < bytes) {
        u64 n = m->total;
        i64 error = message_span(m, &address, &n);
        const u8 *from = datagram_span(WORLD, datagram, done, &n);
        if (!error)
            error = copy_out(address, from, n);
        if (error)
            return error;
        message_advance(m, n);
        done += n;
    }
    return (i64)done;
}

static i64 wait_for_datagram(struct trap *c, struct object *o, const struct message *m)
{
    struct sock *s = sock_of(o);
    u64 deadline = wait_deadline(o->value);
    while (!s->datagrams) {
        if (s->error)
            return take_error(s);
        if (s->flags & SOCK_SHUT_READ)
            return 1;
        i64 error = message_waits(o, m) ? park_on_channel(c->t, o->channel, SIDE_READ, deadline) : -EAGAIN;
        if (error)
            return error == -ETIMEDOUT ? -EAGAIN : error;
    }
    return 0;
}

i64 dgram_receive(struct trap *c, struct object *o, struct message *m)
{
    struct sock *s = sock_of(o);
    u32 flags = m->flags;
    u8 name[28];
    i64 error = wait_for_datagram(c, o, m);
    if (error)
        return error > 0 ? 0 : error; /* shut down: its end */
    u32 datagram = s->first_block;
    u64 whole = WORLD->net_blocks[datagram].datagram_bytes;
    i64 n = copy_datagram(datagram, m);
    if (n >= 0) {
        u32 bytes = sockaddr_make(s, &WORLD->net_blocks[datagram].from, name);
        m->flags = (u64)n < whole ? MSG_TRUNC_FLAG : 0;
        error = message_answer(m, name, bytes);
    }
    if (!(flags & MSG_PEEK_FLAG))
        datagram_remove(WORLD, s);
    if (n < 0 || error)
        return n < 0 ? n : error;
    return flags & MSG_TRUNC_FLAG ? (i64)whole : n;
}

/* ---- readiness ---- */
u32 dgram_ready(const struct sock *s)
{
    u32 ready = POLLOUT_BIT | POLLWRNORM_BIT | POLLWRBAND_BIT;
    if (s->datagrams)
        ready |= POLLIN_BIT | POLLRDNORM_BIT;
    if (s->error)
        ready |= POLLERR_BIT;
    if (s->flags & SOCK_SHUT_READ)
        ready |= POLLIN_BIT | POLLRDNORM_BIT | POLLRDHUP_BIT;
    if (!(~s->flags & (SOCK_SHUT_READ | SOCK_SHUT_WRITE)))
        ready |= POLLHUP_BIT;
    return ready;
}
