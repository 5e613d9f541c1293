/* channel.h: waiting for readiness, and telling of it. */
#ifndef DST_CHANNEL_H
#define DST_CHANNEL_H
#include "shim.h"

/* ---- the kernel's POLL bits; epoll's are the same ---- */
#define POLLIN_BIT 1u
#define POLLPRI_BIT 2u
#define POLLOUT_BIT 4u
#define POLLERR_BIT 8u
#define POLLHUP_BIT 0x10u
#define POLLNVAL_BIT 0x20u
#define POLLRDNORM_BIT 0x40u
#define POLLRDBAND_BIT 0x80u
#define POLLWRNORM_BIT 0x100u
#define POLLWRBAND_BIT 0x200u
#define POLLMSG_BIT 0x400u
#define POLLRDHUP_BIT 0x2000u
#define POLL_ALWAYS (POLLERR_BIT | POLLHUP_BIT) /* told whether asked for or not */
#define POLL_READ_EVENTS \
    (POLLIN_BIT | POLLPRI_BIT | POLLRDNORM_BIT | POLLRDBAND_BIT | POLLMSG_BIT | POLLRDHUP_BIT)
#define POLL_WRITE_EVENTS (POLLOUT_BIT | POLLWRNORM_BIT | POLLWRBAND_BIT)

/* ---- channel.c ---- */
void channel_unref(u32 channel) HIDDEN;
/* Queues a task that is about to park; `side`: enum wait_side. */
void wait_on_channel(struct task *t, u32 channel, u32 side) HIDDEN;
/* A wait that ends by a wake, a signal (-ERESTARTSYS) or its deadline (-ETIMEDOUT). */
i64 park_on_channel(struct task *t, u32 channel, u32 side, u64 deadline_ns) HIDDEN;
void channel_wake(u32 channel, u32 side) HIDDEN;
void channel_wake_first(u32 channel, u32 side) HIDDEN; /* the longest waiting, and no other */
void channel_wake_one(u32 channel) HIDDEN; /* of the exclusive ones */
void channel_wake_all(u32 channel) HIDDEN;
void channel_has_room(u32 channel) HIDDEN;

/* ---- holds.c ---- */
/* A call about to sleep holds an open file until it is over. `fd`: a descriptor of it, or -1. */
void hold(struct task *t, u32 object, i64 fd) HIDDEN;
/* async.c */
void async_tell(u32 channel, u32 side) HIDDEN; /* those who asked for a signal */
void async_set(u32 object, i64 fd, int on) HIDDEN;
i64 async_set_owner(struct object *o, i64 id) HIDDEN; /* id < 0: a group's */
i64 async_owner(const struct object *o) HIDDEN;
i64 async_set_owner_ex(struct object *o, u64 from) HIDDEN;
i64 async_owner_ex(const struct object *o, u64 to) HIDDEN;
i64 async_set_signal(struct object *o, u64 signo) HIDDEN;

/* As park_on_channel, in a call on the open file that its argument `arg` leads to: that is held,
 * and the argument is a descriptor of it afterwards, too. */
i64 park_holding(struct trap *c, u32 arg, struct object *o, u32 channel, u32 side,
                 u64 deadline_ns) HIDDEN;
static inline i64 park_on_fd(struct trap *c, u32 arg, struct object *o, u32 side, u64 deadline_ns)
{
    return park_holding(c, arg, o, o->channel, side, deadline_ns);
}

/* ---- outside.c ---- */
/* Parks a task that has queued on all that it waits for; `outside`: something of that can change from
 * outside. How long it is to ask the kernel in earnest (ms of real time) when it looks again. */
i64 park_for_events(struct task *t, int outside, u64 deadline_ns) HIDDEN;
/* poll(2) that may wait in real time. */
void poll_outside(struct task *t, struct pollfd_k *polls, u64 count, i64 timeout_ms) HIDDEN;
u32 outside_ready(struct task *t, i64 fd, u32 events) HIDDEN; /* revents */

/* ---- sys_epoll.c ---- */
void epoll_tell(u32 channel, u32 events) HIDDEN;
int epoll_wants(u32 channel, u32 events) HIDDEN; /* some epoll watches it for these */
u32 epoll_ready(struct task *t, struct object *o) HIDDEN; /* POLL bits of the epoll itself */
void epoll_drop(struct object *o) HIDDEN;      /* its last descriptor is closed */
void epoll_forget(u32 object) HIDDEN;          /* so is that of something watched */
void epoll_now_outside(u32 object) HIDDEN;     /* what is watched was not when it was added */

/* ---- readiness.c ---- */
/* What is ready now, of `events` and what is always told. `fd`: a descriptor of the object, -1:
 * this process has none. NOT_KNOWN: nobody could be asked. */
#define NOT_KNOWN ~0u
u32 object_ready(struct task *t, i64 fd, struct object *o, u32 events) HIDDEN;
/* The same for up to POLL_CHUNK of them, which may lie at the start of t->polls, in place; how many
 * have something. `timeout_ms`: how long to wait, in real time, for those that the kernel is asked of. */
#define POLL_CHUNK 8192u
i64 poll_ready(struct task *t, struct pollfd_k *polls, u64 count, i64 timeout_ms) HIDDEN;
/* Its readiness may change from outside the simulation. */
int is_outside(const struct object *o) HIDDEN;
#endif
