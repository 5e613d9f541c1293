/* inet.c: TCP and UDP sockets: made, named, closed.
 *
 * The descriptor is a real socket of the same kind that is never bound nor connected: the kernel
 * knows how long it lives, and keeps and checks its options (inet_options.c).
 */
#include "inet.h"

#define IPPROTO_ICMP_K 1
#define IPPROTO_MPTCP_K 262
#define TCP_SEND_MAX 2626560u /* what Linux grows to on the loopback device */
#define TCP_RECEIVE_MAX 131072u
#define UDP_BUFFER_MAX 212992u
#define SOCKADDR_IN_BYTES 16u
#define SOCKADDR_IN6_BYTES 28u
#define SOCKADDR_IN6_BYTES_MIN 24u
#define PORT_PRIVILEGED 1024u
#define BACKLOG_MAX 4096u /* net.core.somaxconn */

/* ---- struct sockaddr_in, sockaddr_in6 ---- */
i64 sockaddr_in(const struct sock *s, u64 user, u32 bytes, struct net_address *a)
{
    u8 raw_bytes[SOCKADDR_IN6_BYTES] = {0};
    int v6 = s->family == AF_INET6_K;
    if (bytes < 2)
        return -EINVAL;
    if (bytes > SOCKADDR_BYTES_MAX)
        return -EINVAL;
    if (copy_in(raw_bytes, user, min_u64(bytes, sizeof raw_bytes)))
        return -EFAULT;
    u32 family = raw_bytes[0] | (u32)raw_bytes[1] << 8;
    memset(a, 0, sizeof *a);
    if (family == AF_UNSPEC_K)
        return 1; /* what that means is the caller's */
    if (family == AF_INET_K && (!v6 || s->type == SOCK_DGRAM_K)) {
        if (bytes < SOCKADDR_IN_BYTES)
            return -EINVAL;
        address_any(a, 1);
        memcpy(a->ip + 12, raw_bytes + 4, 4);
    } else if (family == AF_INET6_K && v6) {
        if (bytes < SOCKADDR_IN6_BYTES_MIN)
            return -EINVAL;
        memcpy(a->ip, raw_bytes + 8, 16);
        memcpy(&a->scope, raw_bytes + 24, 4);
    } else {
        return -EAFNOSUPPORT;
    }
    a->port = (u16)(raw_bytes[2] << 8 | raw_bytes[3]);
    return 0;
}

u32 sockaddr_make(const struct sock *s, const struct net_address *a, u8 out[28])
{
    int v6 = s->family == AF_INET6_K;
    memset(out, 0, SOCKADDR_IN6_BYTES);
    out[0] = (u8)s->family;
    out[2] = (u8)(a->port >> 8);
    out[3] = (u8)a->port;
    memcpy(out + (v6 ? 8 : 4), v6 ? a->ip : a->ip + 12, v6 ? 16 : 4);
    return v6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES;
}

/* ---- life ---- */
static i64 protocol_error(u64 type, u64 protocol)
{
    u64 own = type == SOCK_STREAM_K ? IPPROTO_TCP_K : IPPROTO_UDP_K;
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
    s->family = (u16)c->a[0];
    s->type = (u16)type;
    address_any(&s->local, s->family == AF_INET_K);
    address_any(&s->peer_address, s->family == AF_INET_K);
    s->send_max = is_stream(s) ? TCP_SEND_MAX : UDP_BUFFER_MAX;
    s->receive_max = is_stream(s) ? TCP_RECEIVE_MAX : UDP_BUFFER_MAX;
    return socket_install(c, fd, object_with_sock(sock), c->a[1]);
}

void sock_release(struct sock *s)
{
    port_remove(WORLD, s);
    net_queue_drop(WORLD, s);
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
        stream_disconnect(s);
    sock_release(s);
}

i64 take_error(struct sock *s)
{
    i64 error = s->error;
    s->error = 0;
    return -error;
}

/* ---- addresses ---- */
i64 route(struct sock *s, struct net_address *to, struct net_address *from)
{
    if (address_is_any(to))
        address_loopback(to, address_is_v4(to) || s->family == AF_INET_K);
    if (address_is_v4(to) && s->family == AF_INET6_K && (s->flags & SOCK_V6_ONLY))
        return -ENETUNREACH;
    if (!address_is_v4(to) && !address_is_any(&s->local) && address_is_v4(&s->local))
        return -ENETUNREACH;
    if (!address_is_local(to))
        return -ENETUNREACH;
    *from = s->local;
    if (address_is_any(from))
        address_loopback(from, address_is_v4(to));
    return 0;
}

i64 bind_ephemeral(struct sock *s)
{
    if (s->local.port)
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

static i64 unspecified_port(u64 user, u32 bytes, u16 *port)
{
    u8 name[SOCKADDR_IN_BYTES];
    if (bytes < sizeof name)
        return -EINVAL;
    if (copy_in(name, user, sizeof name))
        return -EFAULT;
    *port = (u16)(name[2] << 8 | name[3]);
    return name[4] | name[5] | name[6] | name[7] ? -EAFNOSUPPORT : 0;
}

i64 inet_bind(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    struct net_address a;
    i64 error = sockaddr_in(s, c->a[1], (u32)c->a[2], &a);
    if (error < 0)
        return error;
    if (error && s->family == AF_INET6_K)
        return -EAFNOSUPPORT;
    if (error) { /* AF_UNSPEC: old programs leave the family out, for the unspecified address */
        address_any(&a, 1);
        error = unspecified_port(c->a[1], (u32)c->a[2], &a.port);
    }
    if (error)
        return error;
    if (!address_is_any(&a) && !address_is_local(&a) && !address_is_multicast(&a))
        return -EADDRNOTAVAIL;
    if (a.port && a.port < PORT_PRIVILEGED && raw(__NR_geteuid))
        return -EACCES;
    if (s->local.port || s->state != SOCK_CLOSED)
        return -EINVAL;
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
    if (s->state != SOCK_CLOSED && s->state != SOCK_LISTENING)
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

i64 inet_connect(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    struct net_address to, from;
    i64 error = sockaddr_in(s, c->a[1], (u32)c->a[2], &to);
    if (error < 0)
        return error;
    if (error) { /* AF_UNSPEC: no connection any more */
        if (s->state == SOCK_LISTENING)
            stream_listen_end(s);
        else if (is_stream(s))
            stream_disconnect(s);
        s->state = SOCK_CLOSED;
        memset(&s->peer_address, 0, sizeof s->peer_address);
        unname(s);
        return 0;
    }
    if (is_stream(s))
        return stream_connect(c, o, &to);
    error = route(s, &to, &from);
    if (!error)
        error = bind_ephemeral(s);
    if (error)
        return error;
    from.port = s->local.port;
    s->local = from;
    s->peer_address = to;
    s->state = SOCK_CONNECTED;
    return 0;
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
    if (s->state != SOCK_CONNECTED)
        return -ENOTCONN;
    s->flags |= c->a[1] == 0 ? SOCK_SHUT_READ : c->a[1] == 1 ? SOCK_SHUT_WRITE : SOCK_SHUT_READ | SOCK_SHUT_WRITE;
    channel_wake_all(o->channel);
    return 0;
}

i64 inet_send(struct trap *c, struct object *o, struct message *m)
{
    return is_stream(sock_of(o)) ? stream_send(c, o, m) : dgram_send(c, o, m);
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
