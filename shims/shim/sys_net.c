/* sys_net.c: sockets, as far as they go without a network of our own.
 *
 * What these calls bring is not under control yet, and counted; but none may block in the kernel
 * while holding the token, so each first asks whether it would, and looks again a little later.
 */
#include "eventlike.h"
#include "files.h"

#define MSG_DONTWAIT_FLAG 0x40u
#define MSG_NOSIGNAL_FLAG 0x4000u

/* A service that is not there says so in the same way every time. One that is there is not ours. */
i64 sys_connect(struct trap *c)
{
    i64 error = pass(c);
    if (error != -ENOENT && error != -ECONNREFUSED && error != -ENETUNREACH && error != -EAFNOSUPPORT)
        count_uncontrolled(c);
    return error;
}

static i64 when_ready(struct trap *c, i16 events, u64 flags)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    struct pollfd_k p = {.fd = (i32)c->a[0], .events = events};
    if (o->channel)
        return pair_transfer(c, o, events, flags);
    count_uncontrolled(c);
    while (!o->nonblock && !(flags & MSG_DONTWAIT_FLAG) && raw(__NR_poll, &p, 1, 0) == 0) {
        i64 error = park_and_look_again(c->t);
        if (error)
            return error;
    }
    i64 n = pass(c);
    if (n == -EPIPE && events == POLLOUT_BIT && !(flags & MSG_NOSIGNAL_FLAG))
        signal_self(c->t, SIG_PIPE);
    return n;
}

i64 sys_accept(struct trap *c) { return when_ready(c, POLLIN_BIT, 0); }
i64 sys_accept4(struct trap *c) { return when_ready(c, POLLIN_BIT, 0); }
i64 sys_recvfrom(struct trap *c) { return when_ready(c, POLLIN_BIT, c->a[3]); }
i64 sys_recvmsg(struct trap *c) { return when_ready(c, POLLIN_BIT, c->a[2]); }
i64 sys_sendto(struct trap *c) { return when_ready(c, POLLOUT_BIT, c->a[3]); }
i64 sys_sendmsg(struct trap *c) { return when_ready(c, POLLOUT_BIT, c->a[2]); }

/* Both ends may be waited on: the end of file for one, EPIPE for the other. */
i64 sys_shutdown(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    i64 error = pass(c);
    if (!error && o->channel) {
        channel_wake_all(o->channel);
        channel_wake_all(o->peer);
    }
    return error;
}

/* ---- epoll: its members are not known here, so it is looked at again ---- */
static i64 epoll_until(struct trap *c, u64 deadline_ns)
{
    for (;;) {
        eventlike_sync(c->t);
        i64 n = raw(__NR_epoll_wait, c->a[0], c->a[1], c->a[2], 0);
        if (n || WORLD->now_ns >= deadline_ns)
            return n;
        i64 error = park_and_look_again(c->t);
        if (error)
            return -ERESTARTNOHAND;
    }
}

static u64 deadline_of_ms(i64 ms)
{
    return ms < 0 ? ~0ul : ms == 0 ? 0 : WORLD->now_ns + (u64)ms * 1000000;
}

i64 sys_epoll_wait(struct trap *c)
{
    return epoll_until(c, deadline_of_ms((i32)c->a[3]));
}

i64 sys_epoll_pwait(struct trap *c)
{
    u64 set;
    if (c->a[4]) {
        if (c->a[5] != 8)
            return -EINVAL;
        if (copy_in(&set, c->a[4], sizeof set))
            return -EFAULT;
        mask_for_wait(c->t, set);
    }
    return epoll_until(c, deadline_of_ms((i32)c->a[3]));
}
