/* inet.c: TCP and UDP sockets: made, named, closed.
 *
 * The descriptor is a real socket of the same kind that is never bound nor connected: the kernel
 * knows how long it lives, and keeps and checks its options (inet_options.c).
 */
#include "inet.h"

#define IPPROTO_ICMP_K 1
#define IPPROTO_MAX_K 263u
#define TCP_RECEIVE_MAX 131072u
#define UDP_BUFFER_MAX 212992u
#define SOCKADDR_IN_BYTES 16u
#define SOCKADDR_IN6_BYTES 28u
#define SOCKADDR_IN6_BYTES_MIN 24u
#define PORT_PRIVILEGED 1024u
#define BACKLOG_MAX 4096u /* net.core.somaxconn */

/* ---- struct sockaddr_in, sockaddr_in6 ---- */
i64 sockaddr_in(const struct sock *s, u64 user, u32 bytes, struct net_address *a, int mixed)
{
    u8 raw_bytes[SOCKADDR_IN6_BYTES] = {0};
    if (bytes < 2 || bytes > SOCKADDR_BYTES_MAX)
        return -EINVAL;
    if (copy_in(raw_bytes, user, min_u64(bytes, sizeof raw_bytes)))
        return -EFAULT;
    u32 family = raw_bytes[0] | (u32)raw_bytes[1] << 8;
    int v6 = s->family == AF_INET6_K && !(mixed && family == AF_INET_K);
    memset(a, 0, sizeof *a);
    if (mixed && family == AF_UNSPEC_K)
        return 1;
    if (bytes < (v6 ? SOCKADDR_IN6_BYTES_MIN : SOCKADDR_IN_BYTES))
        return -EINVAL;
    a->port = (u16)(raw_bytes[2] << 8 | raw_bytes[3]);
    if (v6) {
        memcpy(a->ip, raw_bytes + 8, 16);
        memcpy(&a->scope, raw_bytes + 24, 4);
    } else {
        address_any(a, 1);
        memcpy(a->ip + 12, raw_bytes + 4, 4);
    }
    if (family == AF_UNSPEC_K)
        return 1;
    return family == (v6 ? AF_INET6_K : AF_INET_K) ? 0 : -EAFNOSUPPORT;
}

u32 sockaddr_make(const struct sock *s, const struct net_address *a, u8 out[28])
{
    return sockaddr_make_as(s->family, a, out);
}

u32 sockaddr_make_as(u32 family, const struct net_address *a, u8 out[28])
{
    int v6 = family == AF_INET6_K;
    memset(out, 0, SOCKADDR_IN6_BYTES);
    out[0] = (u8)family;
    out[2] = (u8)(a->port >> 8);
    out[3] = (u8)a->port;
    memcpy(out + (v6 ? 8 : 4), v6 ? a->ip : a->ip + 12, v6 ? 16 : 4);
    return v6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES;
}

/* ---- life ---- */
static i64 protocol_error(u64 type, u64 protocol)
{
    u64 own = type == SOCK_STREAM_K ? IPPROTO_TCP_K : IPPROTO_UDP_K;
    if ((u32)protocol >= IPPROTO_MAX_K)
        return -EINVAL;
    if (!protocol || protocol == own)
        return 0;
    return type == SOCK_DGRAM_K && protocol == IPPROTO_ICMP_K ? -EACCES : -EPROTONOSUPPORT;
}

static u32 object_with_sock(u32 sock)
{
    u32 object = object_alloc(OBJECT_INET);
    struct object *o = &WORLD->objects[object];
    o->channel = channel_alloc();
    o->part = sock;
    o->kept_nonblock = 1;
    sock_at(sock)->object = object;
    return object;
}

i64 inet_socket(struct trap *c)
{
    u64 type = c->a[1] & SOCK_TYPE_BITS;
    i64 error = protocol_error(type, c->a[2]);
    if (error)
        return error;
    i64 fd = raw(__NR_socket, c->a[0], c->a[1] | SOCK_NONBLOCK_FLAG, c->a[2]);
    if (fd < 0)
        return fd;
    u32 sock = sock_alloc();
    struct sock *s = sock_at(sock);
    s->uid = c->p->uid;
    s->family = (u16)c->a[0];
    s->type = (u16)type;
    address_any(&s->local, s->family == AF_INET_K);
    address_any(&s->peer_address, s->family == AF_INET_K);
    s->send_max = is_stream(s) ? TCP_SEND_FIRST : UDP_BUFFER_MAX;
    s->receive_max = is_stream(s) ? TCP_RECEIVE_MAX : UDP_BUFFER_MAX;
    return socket_install(c, fd, object_with_sock(sock), c->a[1]);
}

void sock_release(struct sock *s)
{
    port_remove(WORLD, s);
    net_queue_drop(WORLD, s);
    dgram_drop_corked(s);
    if (!is_stream(s) && WORLD->host.first_membership)
        groups_leave(WORLD, s);
    WORLD->time_waits[s->time_wait].other = 0;
    s->type = 0; /* free */
    s->next_queued = WORLD->free_sock;
    WORLD->free_sock = sock_index(s);
}

void inet_close(struct object *o)
{
    struct sock *s = sock_of(o);
    s->object = 0;
    if (s->state == SOCK_LISTENING)
        stream_listen_end(s);
    else if (is_stream(s))
        stream_close(s);
    sock_release(s);
}

i64 take_error(struct sock *s)
{
    i64 error = s->error;
    s->error = 0;
    return -error;
}

i64 inet_error(struct object *o) { return take_error(sock_of(o)); }
void inet_error_is(struct object *o, i64 error) { sock_of(o)->error = (u32)-error; }

/* ---- addresses ---- */
/* Of its own link: says nothing without the link. */
static int lacks_scope(const struct net_address *a)
{
    int link_local = (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80) ||
                     (a->ip[0] == 0xff && (a->ip[1] & 0xf) == 2);
    return !address_is_v4(a) && link_local && !a->scope;
}

static int has_own_address(const struct sock *s)
{
    const struct net_address *a = &s->local;
    return !address_is_any(a) && !address_is_multicast(a) && !address_is_broadcast(a);
}

/* "To any address": to oneself. */
static void name_myself(const struct sock *s, struct net_address *to)
{
    if (address_is_v4(to) && has_own_address(s) && address_is_v4(&s->local))
        memcpy(to->ip, s->local.ip, 16);
    else
        address_loopback(to, address_is_v4(to) || s->family == AF_INET_K ||
                             (address_is_v4(&s->local) && has_own_address(s)));
}

/* Groups and broadcasts go where the sender's address is, or where it was told to send them. */
static i64 route_to_many(const struct sock *s, const struct net_address *to)
{
    if (is_stream(s) || !address_is_v4(to))
        return -ENETUNREACH;
    if (address_is_broadcast(to) && !(s->flags & SOCK_BROADCAST))
        return -EACCES;
    int knows_from_where = has_own_address(s) || (s->flags & SOCK_MULTICAST_IF);
    return address_is_local(to) || knows_from_where ? 0 : -ENETUNREACH;
}

i64 route(const struct sock *s, struct net_address *to, struct net_address *from)
{
    if (address_is_any(to))
        name_myself(s, to);
    if (address_is_v4(to) && s->family == AF_INET6_K && (s->flags & SOCK_V6_ONLY))
        return -ENETUNREACH;
    if (has_own_address(s) && address_is_v4(to) != address_is_v4(&s->local))
        return address_is_v4(to) ? -ENETUNREACH : -EAFNOSUPPORT;
    if (lacks_scope(to) && is_stream(s))
        return -EINVAL;
    i64 error = address_is_multicast(to) || address_is_broadcast(to) ? route_to_many(s, to)
                : address_is_local(to)                               ? 0
                                                                     : -ENETUNREACH;
    *from = s->local;
    if (!has_own_address(s))
        address_loopback(from, address_is_v4(to));
    from->port = s->local.port;
    return error;
}

i64 bind_ephemeral(struct sock *s)
{
    if (s->port_use != PORT_NONE)
        return 0;
    u16 port = port_ephemeral(WORLD, s);
    if (!port)
        return is_stream(s) ? -EADDRNOTAVAIL : -EAGAIN;
    s->local.port = port;
    port_add(WORLD, s);
    return 0;
}

/* What a connect chose goes with the connection; what bind chose stays. */
void unname(struct sock *s)
{
    u16 port = s->local.port;
    if (!(s->flags & SOCK_BOUND)) {
        port_remove(WORLD, s);
        port = 0;
    }
    if (!(s->flags & SOCK_BOUND_ADDRESS))
        address_any(&s->local, s->family == AF_INET_K);
    s->local.port = port;
}

/* What bind may not be given. */
static i64 cannot_bind(const struct sock *s, const struct net_address *a)
{
    int many = address_is_multicast(a) || address_is_broadcast(a);
    if (s->family == AF_INET6_K && address_is_v4(a) && (s->flags & SOCK_V6_ONLY))
        return -EINVAL;
    if (!address_is_v4(a) && (lacks_scope(a) || (many && is_stream(s))))
        return -EINVAL;
    if (!address_is_any(a) && !address_is_local(a) && !many)
        return -EADDRNOTAVAIL;
    if (a->port && a->port < PORT_PRIVILEGED && raw(__NR_geteuid))
        return -EACCES;
    return s->port_use != PORT_NONE || s->state != SOCK_CLOSED ? -EINVAL : 0;
}

i64 inet_bind(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    struct net_address a;
    i64 error = sockaddr_in(s, c->a[1], (u32)c->a[2], &a, 0);
    if (error > 0) /* AF_UNSPEC: old programs leave the family out, for the unspecified address */
        error = s->family == AF_INET_K && address_is_any(&a) ? 0 : -EAFNOSUPPORT;
    if (!error)
        error = cannot_bind(s, &a);
    if (error)
        return error;
    s->local = a;
    if (!a.port && (error = bind_ephemeral(s)))
        return error;
    if (a.port && port_conflicts(WORLD, s, a.port, 0)) {
        address_any(&s->local, s->family == AF_INET_K);
        s->local.port = 0;
        return -EADDRINUSE;
    }
    if (a.port)
        port_add(WORLD, s);
    s->flags |= SOCK_BOUND | (address_is_any(&a) ? 0 : SOCK_BOUND_ADDRESS);
    return 0;
}

i64 inet_listen(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    if (!is_stream(s))
        return -EOPNOTSUPP;
    if ((s->flags & (SOCK_JOINED | SOCK_CONNECTING)) ||
        (s->state != SOCK_CLOSED && s->state != SOCK_LISTENING))
        return -EINVAL;
    i64 error = bind_ephemeral(s);
    if (error)
        return error;
    if (s->state == SOCK_CLOSED && port_conflicts(WORLD, s, s->local.port, 1))
        return -EADDRINUSE;
    s->backlog = (u32)min_u64((u32)c->a[1], BACKLOG_MAX);
    s->state = SOCK_LISTENING;
    return 0;
}

static void dgram_disconnect(struct sock *s)
{
    s->state = SOCK_CLOSED;
    memset(&s->peer_address, 0, sizeof s->peer_address);
    unname(s);
}

static i64 dgram_connect(struct sock *s, struct net_address *to)
{
    struct net_address from;
    i64 error = bind_ephemeral(s);
    if (!error)
        error = route(s, to, &from);
    if (error)
        return error;
    s->local = from;
    s->peer_address = *to;
    s->state = SOCK_CONNECTED;
    return 0;
}

static int is_unspecified(u64 user, u64 bytes)
{
    u16 family = 0;
    return bytes >= sizeof family && bytes <= SOCKADDR_BYTES_MAX &&
           !copy_in(&family, user, sizeof family) && family == AF_UNSPEC_K;
}

i64 inet_connect(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    struct net_address to;
    if (is_unspecified(c->a[1], (u32)c->a[2])) { /* no connection any more */
        if (is_stream(s))
            stream_disconnect(s);
        else
            dgram_disconnect(s);
        return 0;
    }
    i64 error = sockaddr_in(s, c->a[1], (u32)c->a[2], &to, !is_stream(s));
    if (is_stream(s))
        return stream_connect(c, o, error ? 0 : &to, error);
    return error ? error : dgram_connect(s, &to);
}

i64 inet_accept(struct trap *c, struct object *o, u64 flags)
{
    return is_stream(sock_of(o)) ? stream_accept(c, o, flags) : -EOPNOTSUPP;
}

/* A connection in a listener's queue is given its descriptor. */
u32 inet_accepted(u32 sock)
{
    return object_with_sock(sock);
}

i64 inet_name(struct trap *c, struct object *o, int peer)
{
    const struct sock *s = sock_of(o);
    u8 name[SOCKADDR_IN6_BYTES];
    if (peer && s->state != SOCK_CONNECTED)
        return -ENOTCONN;
    u32 bytes = sockaddr_make(s, peer ? &s->peer_address : &s->local, name);
    return sockaddr_out(c->a[1], c->a[2], name, bytes);
}

i64 inet_shutdown(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    if (c->a[1] > 2)
        return -EINVAL;
    if (is_stream(s))
        return stream_shutdown(s, c->a[1]);
    s->flags |= c->a[1] == 0 ? SOCK_SHUT_READ : c->a[1] == 1 ? SOCK_SHUT_WRITE : SOCK_SHUT_READ | SOCK_SHUT_WRITE;
    channel_wake_all(o->channel); /* who sleeps wakes even where the call fails */
    return s->state == SOCK_CONNECTED ? 0 : -ENOTCONN;
}

int inet_lingers(const struct object *o)
{
    return o->kind == OBJECT_INET && o->refs == 1 && stream_lingers(sock_of(o));
}

void inet_linger(struct trap *c, struct object *o)
{
    stream_linger(c, o);
}

i64 inet_send(struct trap *c, struct object *o, struct message *m)
{
    return is_stream(sock_of(o)) ? stream_send(c, o, m) : dgram_send(o, m);
}

i64 inet_receive(struct trap *c, struct object *o, struct message *m)
{
    if (m->flags & MSG_ERRQUEUE_FLAG)
        return -EAGAIN; /* IP_RECVERR's queue: always empty */
    return is_stream(sock_of(o)) ? stream_receive(c, o, m) : dgram_receive(c, o, m);
}

u32 inet_ready(struct object *o)
{
    struct sock *s = sock_of(o);
    return is_stream(s) ? stream_ready(s) : dgram_ready(s);
}
