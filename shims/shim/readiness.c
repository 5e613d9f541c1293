/* readiness.c: what poll, select and epoll are told of a descriptor.
 *
 * Of what lives in the world (sockets of the network, timers, signals, epolls) we know; of the rest
 * the kernel is asked with timeout 0.
 */
#include "channel.h"
#include "files.h"
#include "sockets.h"

int is_outside(const struct object *o)
{
    switch (o->kind) {
    case OBJECT_OUTSIDE:
    case OBJECT_DEVICE:
    case OBJECT_OTHER:
        return 1;
    case OBJECT_SOCKET:
        return (WORLD->config.flags & CONFIG_NET_HOST) != 0;
    default:
        return 0;
    }
}

/* Known without the kernel? Then what is ready, else ~0. */
static u32 own_ready(struct task *t, i64 fd, struct object *o)
{
    switch (o->kind) {
    case OBJECT_UNIX:
        return fd >= 0 && unlikely(unix_is_cut(o)) ? unix_cut_ready(o, fd) : ~0u;
    case OBJECT_INET:
        return inet_ready(o);
    case OBJECT_TTY:
        return tty_ready(o);
    case OBJECT_EPOLL:
        return epoll_ready(t, o);
    case OBJECT_TIMERFD:
        return o->value2 ? POLLIN_BIT : 0;
    case OBJECT_SIGNALFD:
        return signals_pending(t) & o->value ? POLLIN_BIT : 0;
    case OBJECT_FILE:
    case OBJECT_DIR:
    case OBJECT_RANDOM:
        return o->path_only ? ~0u : POLLIN_BIT | POLLOUT_BIT | POLLRDNORM_BIT | POLLWRNORM_BIT;
    default:
        return ~0u;
    }
}

static void note_full(struct object *o, u32 events, u32 ready)
{
    if (!o->channel || !(events & POLL_WRITE_EVENTS) || (ready & POLL_WRITE_EVENTS))
        return;
    if (o->kind == OBJECT_UNIX)
        unix_found_full(o);
    else
        WORLD->channels[o->channel].full = 1;
}

/* A descriptor of what only other processes have open; -errno. */
static i64 borrow(u32 object)
{
    struct world *w = WORLD;
    i64 fd = -EBADF;
    for (u32 i = 1; i <= w->used_procs && fd < 0; i++) {
        struct proc *p = &w->procs[i];
        int lives = p->state == PROC_LIVE || p->state == PROC_STOPPED;
        i64 theirs = lives ? fd_of_object(p, object, 0) : -1;
        i64 pidfd = theirs >= 0 ? raw(__NR_pidfd_open, p->pid, 0) : -EBADF;
        if (pidfd < 0)
            continue;
        fd = raw(__NR_pidfd_getfd, pidfd, theirs, 0);
        raw(__NR_close, pidfd);
    }
    return fd;
}

u32 object_ready(struct task *t, i64 fd, struct object *o, u32 events)
{
    u32 ready = own_ready(t, fd, o);
    if (ready != ~0u)
        return ready & (events | POLL_ALWAYS);
    i64 own = fd < 0 ? borrow((u32)(o - WORLD->objects)) : fd;
    if (own < 0) {
        count_hole(HOLE_EPOLL_FOREIGN);
        return NOT_KNOWN;
    }
    if (is_outside(o)) {
        ready = outside_ready(t, own, events);
    } else if (unlikely(unix_is_cut(o))) {
        ready = unix_cut_ready(o, own) & (events | POLL_ALWAYS);
    } else {
        struct pollfd_k p = {.fd = (i32)own, .events = (i16)events};
        raw(__NR_poll, &p, 1, 0);
        ready = (u16)p.revents;
    }
    if (fd < 0)
        raw(__NR_close, own);
    note_full(o, events, ready);
    return ready;
}

#define KERNELS ((i16)-1) /* revents, until the kernel has been asked */

/* Fills in what we know. The kernel's are copied to `asked`; how many there are. */
static u64 split_polls(struct task *t, struct pollfd_k *polls, u64 count, struct pollfd_k *asked)
{
    u64 n = 0;
    for (struct pollfd_k *p = polls; p < polls + count; p++) {
        u32 index = p->fd >= 0 ? fd_object(proc_of(t), p->fd) : 0;
        u32 ready = index ? own_ready(t, p->fd, &WORLD->objects[index]) : ~0u;
        if (p->fd < 0) {
            p->revents = 0;
        } else if (ready == ~0u) {
            p->revents = KERNELS;
            asked[n++] = *p;
        } else {
            p->revents = (i16)(ready & ((u16)p->events | POLL_ALWAYS));
        }
    }
    return n;
}

static void ask_kernel(struct task *t, struct pollfd_k *asked, u64 count, i64 timeout_ms)
{
    t->place = PLACE_KERNEL;
    poll_outside(t, asked, count, timeout_ms);
    t->place = PLACE_SHIM;
    for (struct pollfd_k *p = asked; p < asked + count; p++)
        note_full(&WORLD->objects[fd_object(proc_of(t), p->fd)], (u16)p->events, (u16)p->revents);
}

i64 poll_ready(struct task *t, struct pollfd_k *polls, u64 count, i64 timeout_ms)
{
    struct pollfd_k *asked = (struct pollfd_k *)t->polls + POLL_CHUNK;
    u64 kernels = split_polls(t, polls, count, asked);
    i64 found = 0;
    if (kernels)
        ask_kernel(t, asked, kernels, timeout_ms);
    for (struct pollfd_k *p = polls; p < polls + count; p++) {
        if (p->revents == KERNELS)
            p->revents = asked++->revents;
        found += p->revents != 0;
    }
    return found;
}
