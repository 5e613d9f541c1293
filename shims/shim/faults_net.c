/* faults_net.c: what befalls a connection. */
#include "faults.h"
#include "inet.h"

static struct object *object_of(struct trap *c)
{
    return &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
}

static u32 errno_of(u32 net)
{
    switch (net) {
    case NET_REFUSED:
        return ECONNREFUSED;
    case NET_RESET:
        return ECONNRESET;
    case NET_TIMED_OUT:
        return ETIMEDOUT;
    default:
        return EHOSTUNREACH;
    }
}

static i64 net_did(struct firing *g, i64 before, i64 after)
{
    g->did |= FAULT_NET;
    g->before = before;
    g->after = after;
    g->amount = g->action->net == NET_TIMED_OUT ? g->action->net_ns : 0;
    return after;
}

/* ---- a connection that is there ---- */
static i64 unix_reset(struct trap *c)
{
    struct trap end = *c;
    end.nr = __NR_shutdown;
    end.a[1] = 2; /* SHUT_RDWR */
    return trap_handle(&end) ? 0 : -ECONNRESET;
}

/* The call waits, if it may, until the time is over. */
static i64 waits_in_vain(struct trap *c, struct object *o)
{
    struct sock *s = sock_of(o);
    while (!o->nonblock && s->state == SOCK_CONNECTED) {
        i64 error = socket_park(c, o, o->channel, SIDE_READ, ~0ul);
        if (error)
            return error;
    }
    return o->nonblock ? -EAGAIN : take_error(s);
}

static i64 befalls_unix(struct trap *c, const struct fault_action *a, struct object *o)
{
    switch (a->net) {
    case NET_RESET:
        return unix_reset(c);
    case NET_TIMED_OUT:
        return unix_cut(o, a->net_ns) ? unix_cut_wait(c, o) : 0;
    case NET_HALF_OPEN:
        return unix_cut(o, 0);
    default:
        return 0;
    }
}

/* 0: nothing that could happen to it; 1: it has, and the call goes on. */
static i64 befalls(struct trap *c, struct firing *g, struct object *o)
{
    u32 net = g->action->net;
    if (o->kind == OBJECT_UNIX)
        return befalls_unix(c, g->action, o);
    if (o->kind != OBJECT_INET)
        return 0;
    struct sock *s = sock_of(o);
    if (!is_stream(s))
        return (net == NET_REFUSED && s->state == SOCK_CONNECTED) || net == NET_UNREACHABLE ? -(i64)errno_of(net) : 0;
    if (s->state != SOCK_CONNECTED || net == NET_REFUSED)
        return 0;
    switch (net) {
    case NET_RESET:
        stream_reset(s);
        return -ECONNRESET;
    case NET_TIMED_OUT:
        stream_cut(s, g->action->net_ns);
        return waits_in_vain(c, o);
    case NET_HALF_OPEN:
        stream_cut(s, 0);
        return 1;
    default:
        return -EHOSTUNREACH;
    }
}

/* ---- connect ---- */
/* It is made, and then nothing comes through. */
static i64 connect_cut(struct trap *c, struct firing *g, struct object *o)
{
    i64 result = trap_handle(c);
    return !result && befalls(c, g, o) ? net_did(g, 0, 0) : result;
}

/* As when there is never room in the listener's queue. */
static i64 unix_connect_in_vain(struct trap *c, struct object *o, u64 for_ns)
{
    u64 deadline = WORLD->now_ns + for_ns;
    i64 error = o->nonblock ? -EAGAIN : 0;
    while (!error && WORLD->now_ns < deadline)
        error = socket_park(c, o, o->channel, SIDE_WRITE, deadline);
    return o->nonblock || (error && error != -EAGAIN) ? error : -ETIMEDOUT;
}

static i64 connect_fails(struct trap *c, struct firing *g)
{
    struct object *o = object_of(c);
    struct net_address to;
    u32 net = g->action->net, error = errno_of(net);
    if (net == NET_HALF_OPEN)
        return connect_cut(c, g, o);
    if (net == NET_TIMED_OUT && unix_is_connecting(o))
        return net_did(g, 0, unix_connect_in_vain(c, o, g->action->net_ns));
    if (net == NET_UNREACHABLE || (net == NET_REFUSED && o->kind != OBJECT_INET))
        return net_did(g, 0, -(i64)error);
    if (o->kind != OBJECT_INET || !is_stream(sock_of(o)))
        return trap_handle(c);
    const struct sock *s = sock_of(o);
    if ((s->flags & (SOCK_CONNECTING | SOCK_JOINED)) || s->state != SOCK_CLOSED ||
        sockaddr_in(s, c->a[1], (u32)c->a[2], &to, 0))
        return trap_handle(c);
    return net_did(g, 0, stream_connect_fails(c, o, &to, error, net == NET_TIMED_OUT ? g->action->net_ns : 0));
}

/* What ends it cannot fail. */
static int ends_it(u64 nr)
{
    return nr == __NR_close || nr == __NR_shutdown;
}

i64 faults_net_outcome(struct faulting *f, struct firing *g)
{
    struct trap *c = f->c;
    if (c->nr == __NR_connect)
        return connect_fails(c, g);
    i64 result = befalls(c, g, object_of(c));
    if (!result)
        return trap_handle(c);
    if (result > 0 || ends_it(c->nr))
        result = trap_handle(c);
    return net_did(g, 0, result);
}

i64 faults_net_after(struct faulting *f, struct firing *g, i64 result)
{
    i64 after = result < 0 && f->c->nr != __NR_connect ? 0 : befalls(f->c, g, object_of(f->c));
    if (!after)
        return result;
    return net_did(g, result, after > 0 || ends_it(f->c->nr) ? result : after);
}

/* ---- accept, when the other end is known ---- */
static i64 refuse(struct trap *c, i64 fd, i64 error)
{
    raw(__NR_close, fd);
    fd_forget(c->p, fd);
    return error;
}

i64 faults_accept_outcome(struct faulting *f, struct firing *g, i64 fd)
{
    const struct fault_action *a = g->action;
    struct object *o = &WORLD->objects[fd_object(f->c->p, fd)];
    if (a->what & (FAULT_ERROR | FAULT_RETVAL))
        return refuse(f->c, fd, faults_other_result(g, fd));
    if (!(a->what & FAULT_NET) || o->kind != OBJECT_INET)
        return fd;
    if (a->net == NET_REFUSED || a->net == NET_UNREACHABLE)
        return net_did(g, fd, refuse(f->c, fd, -(i64)errno_of(a->net)));
    if (a->net == NET_RESET)
        stream_reset(sock_of(o));
    else
        stream_cut(sock_of(o), a->net == NET_TIMED_OUT ? a->net_ns : 0);
    return net_did(g, fd, fd);
}
