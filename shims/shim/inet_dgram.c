/* inet_dgram.c: UDP. A datagram is put into its receiver's queue, or lost where that is full. */
#include "inet.h"

#define DATAGRAM_BYTES_MAX 65507u /* of IPv4; IPv6 has 20 more */
#define DATAGRAM6_BYTES_MAX 65527u
#define SEGMENTS_MAX 128u

/* ---- sending ---- */
/* From byte `done` on. */
static i64 fill(u32 datagram, u64 done, struct message *m)
{
    u64 left = WORLD->net_blocks[datagram].datagram_bytes - done, address;
    while (left) {
        u64 n = left;
        i64 error = message_span(m, &address, &n);
        u8 *to = datagram_span(WORLD, datagram, done, &n);
        if (!error)
            error = copy_in(to, address, n);
        if (error)
            return error;
        message_advance(m, n);
        done += n;
        left -= n;
    }
    return 0;
}

static void out_of_blocks(void)
{
    fatal("too much data waits in the simulated network; the limit in bytes is",
          (i64)NET_BLOCKS_MAX * NET_BLOCK_BYTES);
}

/* 0: its buffer is full, it is lost. */
static int arrive(struct sock *to, u32 datagram)
{
    if (to->charge > to->receive_max) {
        to->drops++;
        return 0;
    }
    datagram_append(WORLD, to, datagram);
    channel_wake(sock_channel(to), SIDE_READ);
    return 1;
}

/* Nobody has that port: a connected sender is told, by its next call. */
static void unreachable(struct sock *s)
{
    if (s->state != SOCK_CONNECTED)
        return;
    s->error = ECONNREFUSED;
    channel_wake_all(sock_channel(s));
}

/* Each member of the group that has the port gets one; of a broadcast, everybody. */
static void arrive_at_many(u32 datagram, const struct sending *q)
{
    int group = address_is_multicast(&q->to), joined = !group || group_has_members(WORLD, &q->to);
    for (u32 i = joined ? WORLD->host.udp_ports[q->to.port] : 0; i; i = sock_at(i)->next_of_port) {
        struct sock *s = sock_at(i);
        if (!port_receives(s, &q->from, &q->to))
            continue;
        if (group && (s->flags & SOCK_OWN_GROUPS) && !is_member(WORLD, s, &q->to))
            continue;
        u32 copy = datagram_copy(WORLD, datagram);
        if (!copy)
            out_of_blocks();
        if (!arrive(s, copy))
            datagram_free(WORLD, copy);
    }
    datagram_free(WORLD, datagram);
}

static void send_to(struct sock *s, u32 datagram, const struct sending *q)
{
    struct net_block *b = &WORLD->net_blocks[datagram];
    int many = address_is_multicast(&q->to) || address_is_broadcast(&q->to);
    int v6 = !address_is_v4(&q->to);
    b->from = q->from;
    memcpy(b->to, q->to.ip, sizeof b->to);
    b->sent_ns = wall_ns();
    b->hops = (u8)(q->hops ? q->hops : many && !v6 ? s->multicast_hops : s->hops[v6]);
    b->hops = b->hops ? b->hops : many ? 1 : 64;
    b->traffic_class = (u8)(q->traffic_class >= 0 ? q->traffic_class : s->traffic_class[v6]);
    if (many) {
        arrive_at_many(datagram, q);
        return;
    }
    struct sock *receiver = port_receiver(WORLD, &q->from, &q->to);
    if (!receiver)
        unreachable(s);
    if (!receiver || !arrive(receiver, datagram))
        datagram_free(WORLD, datagram);
}

static i64 destination(struct sock *s, const struct message *m, struct net_address *to)
{
    int v6 = s->family == AF_INET6_K, named = m->name && !(m->header && !m->name_bytes);
    i64 error = named ? sockaddr_in(s, m->name, m->name_bytes, to, v6) : 1;
    if (error > 0 && (v6 || !named)) {
        *to = s->peer_address;
        return s->state == SOCK_CONNECTED ? 0 : -EDESTADDRREQ;
    }
    if (error < 0)
        return error == -EAFNOSUPPORT && v6 ? -EINVAL : error;
    return to->port ? 0 : -EINVAL; /* AF_UNSPEC is AF_INET here */
}

/* All that is checked before the first byte is read, in Linux's order. */
static i64 prepare(struct sock *s, const struct message *m, struct sending *q)
{
    if (m->total > 0xffff)
        return -EMSGSIZE;
    if (m->flags & MSG_OOB_FLAG)
        return -EOPNOTSUPP;
    i64 error = bind_ephemeral(s);
    if (!error)
        error = destination(s, m, &q->to);
    if (!error)
        error = control_in(s, m, q);
    if (!error)
        error = route(s, &q->to, &q->from);
    if (!error && q->has_source)
        memcpy(q->from.ip, q->source.ip, sizeof q->from.ip);
    if (!error)
        error = take_error(s);
    if (!error && (s->flags & SOCK_SHUT_WRITE))
        error = -EPIPE; /* without SIGPIPE */
    if (!error && m->total > (address_is_v4(&q->to) ? DATAGRAM_BYTES_MAX : DATAGRAM6_BYTES_MAX))
        error = -EMSGSIZE;
    if (!error && q->segment && m->total > q->segment * SEGMENTS_MAX)
        error = -EINVAL;
    return error;
}

/* ---- several sends that are one datagram ---- */
static void send_corked(struct sock *s)
{
    struct sending q = {.to = s->cork_to, .from = s->cork_from, .hops = s->cork_hops, .traffic_class = s->cork_class};
    u32 datagram = s->corked;
    s->corked = 0;
    if (datagram)
        send_to(s, datagram, &q);
}

void dgram_drop_corked(struct sock *s)
{
    datagram_free(WORLD, s->corked);
    s->corked = 0;
}

void dgram_cork(struct sock *s, int on)
{
    s->flags = on ? s->flags | SOCK_CORKED : s->flags & ~(u32)SOCK_CORKED;
    if (!on)
        send_corked(s);
}

static void begin_corked(struct sock *s, const struct sending *q)
{
    s->corked = datagram_new(WORLD, 0);
    if (!s->corked)
        out_of_blocks();
    s->cork_to = q->to;
    s->cork_from = q->from;
    s->cork_hops = q->hops;
    s->cork_class = q->traffic_class;
}

/* An error loses all that was to be one datagram with it. */
static i64 add_corked(struct sock *s, struct message *m)
{
    u64 bytes = m->total, before = WORLD->net_blocks[s->corked].datagram_bytes;
    u64 most = address_is_v4(&s->cork_to) ? DATAGRAM_BYTES_MAX : DATAGRAM6_BYTES_MAX;
    i64 error = before + bytes > most ? -EMSGSIZE : 0;
    if (!error && !datagram_grow(WORLD, s->corked, bytes))
        out_of_blocks();
    if (!error)
        error = fill(s->corked, before, m);
    if (error)
        dgram_drop_corked(s);
    else if (!(s->flags & SOCK_CORKED) && !(m->flags & MSG_MORE_FLAG))
        send_corked(s);
    return error ? error : (i64)bytes;
}

static i64 send_more(struct sock *s, struct message *m)
{
    if (m->total > 0xffff)
        return -EMSGSIZE;
    return m->flags & MSG_OOB_FLAG ? -EOPNOTSUPP : add_corked(s, m);
}

i64 dgram_send(struct object *o, struct message *m)
{
    struct sock *s = sock_of(o);
    struct sending q = {.segment = s->segment, .traffic_class = -1};
    u64 total = m->total, left = total;
    if (s->corked)
        return send_more(s, m);
    i64 error = prepare(s, m, &q);
    if (!error && ((s->flags & SOCK_CORKED) || (m->flags & MSG_MORE_FLAG))) {
        begin_corked(s, &q);
        return add_corked(s, m);
    }
    while (!error) {
        u64 n = q.segment ? min_u64(left, q.segment) : left;
        u32 datagram = datagram_new(WORLD, n);
        if (!datagram)
            out_of_blocks();
        error = fill(datagram, 0, m);
        if (error) {
            datagram_free(WORLD, datagram);
            break;
        }
        send_to(s, datagram, &q);
        left -= n;
        if (!left)
            return (i64)total;
    }
    return error;
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

/* 1: shut down, nothing will come. */
static i64 wait_for_datagram(struct trap *c, struct object *o, const struct message *m)
{
    struct sock *s = sock_of(o);
    u64 deadline = wait_deadline(o->value);
    while (!s->error && !s->datagrams) {
        if (!message_waits(o, m))
            return -EAGAIN;
        if (s->flags & SOCK_SHUT_READ)
            return 1;
        i64 error = socket_park(c, o, o->channel, SIDE_READ, deadline);
        if (error)
            return error;
    }
    return take_error(s);
}

i64 dgram_receive(struct trap *c, struct object *o, struct message *m)
{
    struct sock *s = sock_of(o);
    u32 flags = m->flags;
    u8 name[28];
    i64 error = wait_for_datagram(c, o, m);
    if (error)
        return error > 0 ? 0 : error;
    u32 datagram = s->first_block;
    u64 whole = WORLD->net_blocks[datagram].datagram_bytes;
    i64 n = copy_datagram(datagram, m);
    if (n >= 0) {
        u32 bytes = sockaddr_make(s, &WORLD->net_blocks[datagram].from, name);
        m->flags = (u64)n < whole ? MSG_TRUNC_FLAG : 0;
        error = control_out(s, m, datagram);
        if (!error)
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
