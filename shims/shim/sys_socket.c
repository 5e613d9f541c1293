/* sys_socket.c: the system calls on sockets. What a socket is decides who does them (sockets.h). */
#include "sockets.h"

#include "files.h"

i64 socket_install(struct trap *c, i64 fd, u32 object, u64 flags)
{
    WORLD->objects[object].nonblock = (flags & SOCK_NONBLOCK_FLAG) != 0;
    fd_install(c->p, fd, object, (flags & SOCK_CLOEXEC_FLAG) != 0);
    return fd;
}

i64 broken_pipe(struct trap *c, i64 result, u32 flags)
{
    if (result == -EPIPE && !(flags & MSG_NOSIGNAL_FLAG))
        signal_self(c->t, SIG_PIPE);
    return result;
}

i64 socket_park(struct trap *c, struct object *o, u32 channel, u32 side, u64 deadline_ns)
{
    i64 error = park_holding(c, 0, o, channel, side, deadline_ns);
    if (error == -ETIMEDOUT)
        return -EAGAIN;
    return error == -ERESTARTSYS && deadline_ns != ~0ul ? -EINTR : error;
}

static int is_inet(u64 family)
{
    return (family == AF_INET_K || family == AF_INET6_K) && !(WORLD->config.flags & CONFIG_NET_HOST);
}

/* Whoever makes the kernel write to one wakes it (a message queue's notification by netlink). */
static u32 kernel_object(void)
{
    u32 object = object_alloc(OBJECT_SOCKET);
    WORLD->objects[object].channel = channel_alloc();
    return object;
}

/* The kernel's own: a service of the kernel (netlink), or the machine's network. */
static i64 kernel_socket(struct trap *c)
{
    i64 fd = raw(__NR_socket, c->a[0], c->a[1], c->a[2]);
    if (fd < 0)
        return fd;
    if (c->a[0] != AF_NETLINK_K && c->a[0] != AF_INET_K && c->a[0] != AF_INET6_K)
        count_uncontrolled(c);
    u32 object = kernel_object();
    WORLD->objects[object].part = c->a[0] == AF_NETLINK_K && c->a[2] == NETLINK_ROUTE_PROTOCOL;
    return socket_install(c, fd, object, c->a[1]);
}

static int is_netlink(const struct object *o) { return o->kind == OBJECT_SOCKET && o->part; }

i64 sys_socket(struct trap *c)
{
    u64 type = c->a[1] & SOCK_TYPE_BITS;
    if (c->a[0] == AF_UNIX_K)
        return unix_socket(c);
    if (is_inet(c->a[0]) && (type == SOCK_STREAM_K || type == SOCK_DGRAM_K))
        return inet_socket(c);
    return kernel_socket(c);
}

i64 sys_socketpair(struct trap *c)
{
    return c->a[0] == AF_UNIX_K ? unix_socketpair(c) : pass(c);
}

/* ---- the kernel's own ---- */
/* Of netlink only what comes is from outside. */
static i64 kernels(struct trap *c, const struct object *o)
{
    return is_outside(o) && !is_netlink(o) ? outside_answer(c, pass) : pass(c);
}

/* When it would block: look again in a while. 0 or -errno. */
static i64 foreign_wait(struct trap *c, u32 events, u32 flags)
{
    u32 index = fd_object(c->p, (i32)c->a[0]);
    struct object *o = &WORLD->objects[index];
    struct pollfd_k p = {.fd = (i32)c->a[0], .events = (i16)events};
    i64 timeout_ms = 0;
    if (o->kind == OBJECT_SOCKET && (WORLD->config.flags & CONFIG_NET_HOST))
        count_uncontrolled(c);
    while (o->kind == OBJECT_SOCKET && !o->nonblock && !(flags & MSG_DONTWAIT_FLAG)) {
        poll_outside(c->t, &p, 1, timeout_ms);
        if (p.revents)
            break;
        if (signal_waits(c->t))
            return -ERESTARTSYS;
        if (!c->t->first_hold)
            hold(c->t, index, -1);
        if (o->channel)
            wait_on_channel(c->t, o->channel, events == POLLIN_BIT ? SIDE_READ : SIDE_WRITE);
        timeout_ms = park_for_events(c->t, is_outside(o), wait_deadline(events == POLLIN_BIT ? o->value : o->value2));
        if (c->t->wake_result == WAKE_SIGNAL)
            return -ERESTARTSYS;
        if (c->t->wake_result == WAKE_TIMEOUT)
            return -EAGAIN;
    }
    return 0;
}

static i64 foreign(struct trap *c, u32 events, u32 flags)
{
    i64 error = foreign_wait(c, events, flags);
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    if (error)
        return error;
    if (is_netlink(o) && events == POLLOUT_BIT)
        netlink_before_use(c);
    if (events == POLLOUT_BIT)
        return broken_pipe(c, kernels(c, o), flags);
    i64 n = is_outside(o) ? outside_answer(c, pass) : pass(c);
    if (is_netlink(o))
        netlink_received(c, n);
    return n;
}

static i64 ask_connected(struct trap *c)
{
    i32 error = 0, bytes = 4;
    return raw(__NR_getsockopt, c->a[0], SOL_SOCKET_K, SO_ERROR_K, &error, &bytes) ? -EIO : -(i64)error;
}

/* A connection to the machine's network is waited for outside the kernel, too. */
static i64 foreign_connect(struct trap *c, struct object *o)
{
    if (is_netlink(o))
        netlink_before_use(c);
    if (o->kind != OBJECT_SOCKET || is_netlink(o))
        return kernels(c, o);
    if (WORLD->config.flags & CONFIG_NET_HOST)
        count_uncontrolled(c);
    raw(__NR_fcntl, c->a[0], F_SETFL_CMD, O_NONBLOCK_FLAG);
    i64 result = kernels(c, o);
    if (o->nonblock || result != -EINPROGRESS)
        goto out;
    result = foreign_wait(c, POLLOUT_BIT, 0);
    if (result != -ERESTARTSYS)
        result = is_outside(o) ? outside_answer(c, ask_connected) : ask_connected(c);
out:
    if (!o->nonblock)
        raw(__NR_fcntl, c->a[0], F_SETFL_CMD, 0);
    return result;
}

static struct object *socket_of(struct trap *c)
{
    return &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
}

/* It has another address, or will have. */
static void name_changes(const struct object *o)
{
    if (has_plan())
        faults_object_changed((u32)(o - WORLD->objects));
}

i64 sys_bind(struct trap *c)
{
    struct object *o = socket_of(c);
    name_changes(o);
    return o->kind == OBJECT_INET   ? inet_bind(c, o)
           : o->kind == OBJECT_UNIX ? unix_bind(c, o)
           : is_netlink(o)          ? netlink_bind(c)
                                    : kernels(c, o);
}

i64 sys_listen(struct trap *c)
{
    struct object *o = socket_of(c);
    return o->kind == OBJECT_INET ? inet_listen(c, o) : o->kind == OBJECT_UNIX ? unix_listen(c, o) : kernels(c, o);
}

i64 sys_connect(struct trap *c)
{
    struct object *o = socket_of(c);
    name_changes(o);
    return o->kind == OBJECT_INET   ? inet_connect(c, o)
           : o->kind == OBJECT_UNIX ? unix_connect(c, o)
                                    : foreign_connect(c, o);
}

static i64 do_accept(struct trap *c, u64 flags)
{
    struct object *o = socket_of(c);
    if (flags & ~(u64)(SOCK_NONBLOCK_FLAG | SOCK_CLOEXEC_FLAG))
        return -EINVAL;
    if (o->kind == OBJECT_INET)
        return inet_accept(c, o, flags);
    if (o->kind == OBJECT_UNIX)
        return unix_accept(c, o, flags);
    i64 fd = foreign(c, POLLIN_BIT, 0);
    return fd < 0 ? fd : socket_install(c, fd, kernel_object(), flags);
}

i64 sys_accept(struct trap *c) { return do_accept(c, 0); }
i64 sys_accept4(struct trap *c) { return do_accept(c, (u32)c->a[3]); }

i64 sys_shutdown(struct trap *c)
{
    struct object *o = socket_of(c);
    return o->kind == OBJECT_INET   ? inet_shutdown(c, o)
           : o->kind == OBJECT_UNIX ? unix_shutdown(c, o)
                                    : kernels(c, o);
}

static i64 name(struct trap *c, int peer)
{
    struct object *o = socket_of(c);
    return o->kind == OBJECT_INET ? inet_name(c, o, peer) : kernels(c, o);
}

i64 sys_getsockname(struct trap *c) { return name(c, 0); }
i64 sys_getpeername(struct trap *c) { return name(c, 1); }

/* ---- messages ---- */
static i64 send_message(struct trap *c, struct object *o)
{
    struct message m;
    if (o->kind != OBJECT_INET) {
        u32 flags = (u32)(c->nr == __NR_sendmsg ? c->a[2] : c->a[3]);
        return o->kind == OBJECT_UNIX ? unix_send(c, o, flags) : foreign(c, POLLOUT_BIT, flags);
    }
    i64 error = message_of_call(c, &m);
    return error ? error : inet_send(c, o, &m);
}

static i64 receive_message(struct trap *c, struct object *o)
{
    struct message m;
    if (o->kind != OBJECT_INET) {
        u32 flags = (u32)(c->nr == __NR_recvmsg ? c->a[2] : c->a[3]);
        return o->kind == OBJECT_UNIX ? unix_receive(c, o, flags) : foreign(c, POLLIN_BIT, flags);
    }
    i64 error = message_of_call(c, &m);
    return error ? error : inet_receive(c, o, &m);
}

i64 sys_sendto(struct trap *c) { return send_message(c, socket_of(c)); }
i64 sys_sendmsg(struct trap *c) { return send_message(c, socket_of(c)); }
i64 sys_recvfrom(struct trap *c) { return receive_message(c, socket_of(c)); }
i64 sys_recvmsg(struct trap *c) { return receive_message(c, socket_of(c)); }

i64 socket_read(struct trap *c, struct object *o)
{
    struct message m;
    if (o->kind == OBJECT_UNIX)
        return unix_receive(c, o, 0);
    if (o->kind != OBJECT_INET)
        return foreign(c, POLLIN_BIT, 0);
    i64 error = message_of_call(c, &m);
    return error ? error : !m.total ? 0 : inet_receive(c, o, &m);
}

i64 socket_write(struct trap *c, struct object *o)
{
    struct message m;
    if (o->kind == OBJECT_UNIX)
        return unix_send(c, o, 0);
    if (o->kind != OBJECT_INET)
        return foreign(c, POLLOUT_BIT, 0);
    i64 error = message_of_call(c, &m);
    return error ? error : inet_send(c, o, &m);
}

/* sendmmsg and recvmmsg: one after another; an error counts only when nothing was done before it. */
static i64 many(struct trap *c, i64 (*one)(struct trap *, struct object *), u64 nr,
                u64 deadline_ns, i64 *error)
{
    struct trap each = *c;
    struct object *o = socket_of(c);
    u64 count = min_u64((u32)c->a[2], IOVECS_MAX), at = c->a[1], done = 0;
    each.nr = nr;
    each.a[2] = c->a[3] & ~(u64)MSG_WAITFORONE_FLAG;
    for (; done < count; done++, at += sizeof(struct mmsghdr_k)) {
        each.a[1] = at;
        i64 n = one(&each, o);
        if (n < 0) {
            *error = n;
            return done ? (i64)done : n;
        }
        u32 bytes = (u32)n;
        if (copy_out(at + __builtin_offsetof(struct mmsghdr_k, bytes), &bytes, 4))
            return done ? (i64)done : -EFAULT;
        if (c->a[3] & MSG_WAITFORONE_FLAG)
            each.a[2] |= MSG_DONTWAIT_FLAG;
        if (is_over(c->t, deadline_ns))
            return (i64)done + 1;
    }
    return (i64)done;
}

i64 sys_sendmmsg(struct trap *c)
{
    i64 error;
    return many(c, send_message, __NR_sendmsg, ~0ul, &error);
}

i64 sys_recvmmsg(struct trap *c)
{
    struct object *o = socket_of(c);
    u64 ns, deadline_ns = ~0ul;
    i64 error = c->a[4] ? timespec_in(c->a[4], &ns) : 0;
    if (!error && o->kind == OBJECT_INET)
        error = inet_error(o);
    if (error)
        return error;
    if (c->a[4])
        deadline_ns = deadline_after(1, ns);
    i64 n = many(c, receive_message, __NR_recvmsg, deadline_ns, &error);
    if (error == -EFAULT && n > 0 && o->kind == OBJECT_INET)
        inet_error_is(o, error); /* told by the next call */
    if (n <= 0 || !c->a[4])
        return n;
    return timespec_out(c->a[4], time_left(c->p, 1, deadline_ns)) ? -EFAULT : n;
}

/* ---- options ---- */
i64 timeout_option_set(struct trap *c, struct object *o)
{
    struct timeval_k tv;
    u32 name = (u32)c->a[2];
    int is_send = name == SO_SNDTIMEO_K || name == SO_SNDTIMEO_NEW_K;
    if (c->a[1] != SOL_SOCKET_K || (!is_send && name != SO_RCVTIMEO_K && name != SO_RCVTIMEO_NEW_K))
        return 0;
    i64 error = pass(c); /* it checks, and tells when asked */
    if (error || copy_in(&tv, c->a[3], sizeof tv))
        return error ? error : -EFAULT;
    u64 ns = tv.sec < 0 ? 1 : (u64)tv.sec * NS_PER_SECOND + (u64)tv.usec * 1000;
    *(is_send ? &o->value2 : &o->value) = ns;
    return 1;
}

i64 sys_setsockopt(struct trap *c)
{
    struct object *o = socket_of(c);
    if (o->kind == OBJECT_INET)
        return inet_setsockopt(c, o);
    if (o->kind == OBJECT_UNIX)
        return unix_setsockopt(c, o);
    i64 set = o->kind == OBJECT_SOCKET ? timeout_option_set(c, o) : 0;
    return set ? (set > 0 ? 0 : set) : kernels(c, o);
}

i64 sys_getsockopt(struct trap *c)
{
    struct object *o = socket_of(c);
    return o->kind == OBJECT_INET   ? inet_getsockopt(c, o)
           : o->kind == OBJECT_UNIX ? unix_getsockopt(c, o)
                                    : kernels(c, o);
}
