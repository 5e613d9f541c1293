/* unix.c: AF_UNIX sockets made, connected, accepted and closed.
 *
 * A connect makes the server's side at once, in the listener's queue, as the kernel does: what the
 * client sends before the accept is felt. Both queues have the same order, so that the accept knows
 * whom it got.
 */
#include "unix.h"

#define SHUT_RD_K 0
#define SHUT_WR_K 1
#define SO_INCOMING_CPU_K 49
#define SO_COOKIE_K 57
#define SO_NETNS_COOKIE_K 71

/* ---- ends ---- */
struct unix_end *end_new(u32 type)
{
    struct unix_end *e = end_at(unix_end_alloc());
    e->refs = 1;
    e->type = (u16)(type == SOCK_STREAM_K || type == SOCK_SEQPACKET_K ? type : SOCK_DGRAM_K);
    e->channel = channel_alloc();
    return e;
}

void end_unref(struct unix_end *e)
{
    if (--e->refs)
        return;
    channel_unref(e->channel);
    e->refs = WORLD->af_unix.free_end;
    WORLD->af_unix.free_end = end_index(e);
}

void end_set_peer(struct unix_end *e, struct unix_end *peer)
{
    struct unix_end *before = peer_of(e);
    if (peer)
        peer->refs++;
    e->peer = peer ? end_index(peer) : 0;
    if (before)
        end_unref(before);
}

static u32 object_with_end(struct unix_end *e)
{
    u32 object = object_alloc(OBJECT_UNIX);
    struct object *o = &WORLD->objects[object];
    o->part = end_index(e);
    o->channel = e->channel;
    o->kept_nonblock = 1;
    WORLD->channels[e->channel].refs++;
    return object;
}

i64 unix_socket(struct trap *c)
{
    i64 fd = raw(__NR_socket, c->a[0], c->a[1] | SOCK_NONBLOCK_FLAG, c->a[2]);
    if (fd < 0)
        return fd;
    return socket_install(c, fd, object_with_end(end_new(c->a[1] & SOCK_TYPE_BITS)), c->a[1]);
}

i64 unix_socketpair(struct trap *c)
{
    i32 fds[2];
    i64 error = raw(__NR_socketpair, c->a[0], c->a[1] | SOCK_NONBLOCK_FLAG, c->a[2], c->a[3]);
    if (error)
        return error;
    if (copy_in(fds, c->a[3], sizeof fds))
        return -EFAULT;
    struct unix_end *a = end_new(c->a[1] & SOCK_TYPE_BITS), *b = end_new(c->a[1] & SOCK_TYPE_BITS);
    end_set_peer(a, b);
    end_set_peer(b, a);
    socket_install(c, fds[0], object_with_end(a), c->a[1]);
    socket_install(c, fds[1], object_with_end(b), c->a[1]);
    return 0;
}

/* ---- the end of an end ---- */
/* What the other end learns: end of file, or that nobody will read. */
static void end_gone(struct unix_end *e)
{
    struct unix_end *peer = peer_of(e);
    e->flags |= UNIX_GONE;
    flights_drop(e);
    starved_tell(e);
    if (peer && (!is_datagram(e) || are_mutual(e, peer)))
        channel_wake_all(peer->channel);
    end_set_peer(e, 0);
    end_unref(e);
}

static struct unix_end *queue_take(struct unix_end *listener)
{
    struct unix_end *e = listener->first_queued ? end_at(listener->first_queued) : 0;
    if (!e)
        return 0;
    listener->first_queued = e->next_queued;
    if (!e->next_queued)
        listener->last_queued = 0;
    e->next_queued = 0;
    return e;
}

/* For one that was killed within a call: the other end looks again. */
void unix_wake_peer(const struct object *o)
{
    struct unix_end *peer = peer_of(end_of(o));
    if (peer)
        channel_wake_all(peer->channel);
}

void unix_close(struct object *o)
{
    struct unix_end *e = end_of(o), *queued;
    unix_name_drop(e);
    while ((queued = queue_take(e)))
        end_gone(queued);
    end_gone(e);
}

/* ---- connect ---- */
static void queue_add(struct unix_end *listener, struct unix_end *e)
{
    if (listener->last_queued)
        end_at(listener->last_queued)->next_queued = end_index(e);
    else
        listener->first_queued = end_index(e);
    listener->last_queued = end_index(e);
}

static void stream_connected(struct unix_end *client, struct unix_end *listener)
{
    struct unix_end *server = end_new(client->type);
    server->flags = UNIX_NAMED;
    end_set_peer(client, server);
    end_set_peer(server, client);
    queue_add(listener, server);
    channel_wake(listener->channel, SIDE_READ);
}

/* Messages from whom one is no more connected to are lost, and the other hears of it. */
static void datagram_connected(struct unix_end *e, struct unix_end *peer)
{
    struct unix_end *before = peer_of(e);
    if (before && before != peer) {
        flights_drop(e);
        e->received = e->sent;
        starved_tell(e);
        channel_wake_all(before->channel);
    }
    end_set_peer(e, peer);
    channel_wake_all(e->channel);
}

/* Connected to a socket outside the simulation: only the kernel knows what happens to it. */
static void become_foreign(struct trap *c, struct object *o)
{
    if (!o->nonblock)
        raw(__NR_fcntl, c->a[0], F_SETFL_CMD, 0);
    o->kept_nonblock = 0;
    unix_close(o);
    o->kind = OBJECT_SOCKET;
    o->part = 0;
    epoll_now_outside((u32)(o - WORLD->objects));
}

static i64 connect_once(struct trap *c, struct object *o, const struct unix_address *a,
                        struct unix_end **to)
{
    struct unix_end *e = end_of(o);
    int outside = 0;
    i64 error = unix_find(c, e, a, to, &outside);
    if (!error)
        error = outside ? outside_answer(c, pass) : pass(c);
    if (error)
        return error;
    if (outside)
        become_foreign(c, o);
    else if (is_datagram(e))
        datagram_connected(e, *to);
    else if (*to)
        stream_connected(e, *to);
    return 0;
}

i64 unix_connect(struct trap *c, struct object *o)
{
    struct unix_end *e = end_of(o), *to = 0;
    struct unix_address a;
    u64 deadline_ns = wait_deadline(o->value2);
    i64 error = unix_address_in(c->a[1], c->a[2], &a);
    if (error)
        return error;
    if (a.family == AF_UNSPEC_K && is_datagram(e)) {
        error = pass(c);
        if (!error)
            datagram_connected(e, 0);
        return error;
    }
    if (a.bytes && (e->flags & UNIX_WANTS_NAME) && !(e->flags & UNIX_NAMED))
        unix_autobind(e, (i32)c->a[0]);
    for (;;) {
        error = connect_once(c, o, &a, &to);
        if (error != -EAGAIN || o->nonblock || !to)
            return error;
        /* Until an accept makes room. */
        error = socket_park(c, o, to->channel, SIDE_WRITE, deadline_ns);
        if (error)
            return error;
    }
}

/* ---- listen and accept ---- */
i64 unix_listen(struct trap *c, struct object *o)
{
    struct unix_end *e = end_of(o);
    i64 error = pass(c);
    if (error)
        return error;
    e->flags |= UNIX_LISTENING;
    channel_wake(e->channel, SIDE_WRITE); /* a longer queue may have room */
    return 0;
}

/* As accept(2) tells it. A bad pointer costs the connection. */
static i64 tell_name(struct trap *c, i64 fd)
{
    u8 name[SOCKADDR_BYTES_MAX];
    u32 bytes = sizeof name;
    if (!c->a[1])
        return 0;
    i64 error = raw(__NR_getpeername, fd, name, &bytes);
    return error ? -ECONNABORTED : sockaddr_out(c->a[1], c->a[2], name, bytes);
}

static i64 accepted(struct trap *c, struct object *o, i64 fd, u64 flags)
{
    struct unix_end *listener = end_of(o), *e = queue_take(listener);
    channel_wake_first(listener->channel, SIDE_WRITE); /* one that waits to connect */
    if (e)
        socket_install(c, fd, object_with_end(e), flags);
    else
        socket_install(c, fd, object_alloc(OBJECT_SOCKET), flags); /* from outside the simulation */
    i64 error = tell_name(c, fd);
    if (!error)
        return fd;
    raw(__NR_close, fd);
    fd_forget(c->p, fd);
    return error;
}

i64 unix_accept(struct trap *c, struct object *o, u64 flags)
{
    u64 deadline_ns = wait_deadline(o->value);
    for (;;) {
        i64 fd = raw(__NR_accept4, c->a[0], 0, 0, flags | SOCK_NONBLOCK_FLAG);
        if (fd >= 0)
            return accepted(c, o, fd, flags);
        if (fd != -EAGAIN || o->nonblock)
            return fd;
        if (end_of(o)->flags & UNIX_SHUT_READ)
            return -EINVAL;
        i64 error = socket_park(c, o, o->channel, SIDE_EXCLUSIVE, deadline_ns);
        if (error)
            return error;
    }
}

/* Both ends may be waited on: the end of file for one, EPIPE for the other. */
i64 unix_shutdown(struct trap *c, struct object *o)
{
    struct unix_end *e = end_of(o), *peer = peer_of(e);
    i64 error = pass(c);
    if (error)
        return error;
    if (c->a[1] != SHUT_WR_K)
        e->flags |= UNIX_SHUT_READ;
    if (c->a[1] != SHUT_RD_K)
        e->flags |= UNIX_SHUT_WRITE;
    channel_wake_all(e->channel);
    starved_tell(e);
    if (!peer || is_datagram(e))
        return 0;
    if (c->a[1] != SHUT_WR_K)
        peer->flags |= UNIX_SHUT_WRITE;
    channel_wake_all(peer->channel);
    return 0;
}

/* ---- options ---- */
static u32 option_of(i64 fd, u32 name)
{
    u32 value = 0, bytes = sizeof value;
    return raw(__NR_getsockopt, fd, SOL_SOCKET_K, name, &value, &bytes) ? 0 : value;
}

i64 unix_setsockopt(struct trap *c, struct object *o)
{
    struct unix_end *e = end_of(o);
    i64 fd = (i32)c->a[0], set = timeout_option_set(c, o);
    if (set)
        return set > 0 ? 0 : set;
    i64 error = pass(c);
    if (error || c->a[1] != SOL_SOCKET_K)
        return error;
    switch ((u32)c->a[2]) {
    case SO_PASSCRED_K:
    case SO_PASSPIDFD_K:
        e->flags &= (u16)~UNIX_WANTS_NAME;
        if (option_of(fd, SO_PASSCRED_K) || option_of(fd, SO_PASSPIDFD_K))
            e->flags |= UNIX_WANTS_NAME;
        break;
    case SO_RCVLOWAT_K:
        e->low_water = option_of(fd, SO_RCVLOWAT_K);
        break;
    default:
        break;
    }
    return 0;
}

static i64 peer_pidfd(struct trap *c)
{
    i32 fd;
    i64 error = pass(c);
    if (error || copy_in(&fd, c->a[3], sizeof fd))
        return error;
    pidfd_received(c->p, fd);
    return 0;
}

/* The machine counts its sockets. */
static i64 cookie(struct trap *c, u64 value)
{
    i64 error = pass(c);
    return error ? error : copy_out(c->a[3], &value, sizeof value);
}

i64 unix_getsockopt(struct trap *c, struct object *o)
{
    u64 none = 0;
    if (c->a[1] != SOL_SOCKET_K)
        return pass(c);
    switch ((u32)c->a[2]) {
    case SO_PEERPIDFD_K:
        return peer_pidfd(c);
    case SO_ERROR_K:
        return unix_is_cut(o) ? unix_cut_error(c, o) : pass(c);
    case SO_COOKIE_K:
        return cookie(c, SOCKETS_MAX + o->part); /* none that a socket of the network has */
    case SO_NETNS_COOKIE_K:
        return cookie(c, 1);
    case SO_INCOMING_CPU_K: {
        i64 error = pass(c);
        return error ? error : copy_out(c->a[3], &none, 4);
    }
    default:
        return pass(c);
    }
}
