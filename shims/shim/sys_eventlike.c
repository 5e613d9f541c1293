/* sys_eventlike.c: timerfd and signalfd: descriptors whose readiness is the simulation's.
 *
 * The kernel's own kind stands for the descriptor; it is never armed.
 */
#include "channel.h"
#include "files.h"
#include "sockets.h"

#define TFD_ABSTIME 1u
#define TFD_TIMER_CANCEL_ON_SET 2u
#define CANCELS (TFD_ABSTIME | TFD_TIMER_CANCEL_ON_SET)
#define TFD_CLOEXEC_FLAG 02000000u
#define TFD_NONBLOCK_FLAG 04000u
#define SIGNALFD_INFO_BYTES 128

struct itimerspec_k {
    struct timespec_k interval, value;
};

static i64 install(struct trap *c, i64 fd, u32 kind, u64 flags, u32 *object)
{
    if (fd < 0)
        return fd;
    *object = object_alloc(kind);
    struct object *o = &WORLD->objects[*object];
    o->channel = channel_alloc();
    o->nonblock = (flags & TFD_NONBLOCK_FLAG) != 0;
    fd_install(c->p, fd, *object, (flags & TFD_CLOEXEC_FLAG) != 0);
    return fd;
}

/* ---- timerfd: value: deadline; value2: expirations not read ---- */
i64 sys_timerfd_create(struct trap *c)
{
    u64 ignored;
    u32 object;
    if (clock_value(c->a[0], &ignored) || (c->a[1] & ~(u64)(TFD_CLOEXEC_FLAG | TFD_NONBLOCK_FLAG)))
        return -EINVAL;
    i64 fd = raw(__NR_timerfd_create, 1 /* CLOCK_MONOTONIC */, c->a[1]);
    fd = install(c, fd, OBJECT_TIMERFD, c->a[1], &object);
    if (fd >= 0)
        WORLD->objects[object].clock = (u32)c->a[0];
    return fd;
}

static u64 to_ns(const struct timespec_k *ts)
{
    return (u64)ts->sec * NS_PER_SECOND + (u64)ts->nsec;
}

static void arm(u32 index, u64 deadline_ns)
{
    struct object *o = &WORLD->objects[index];
    o->value = deadline_ns;
    if (!timer_arm(WORLD, &o->timer, deadline_ns, TIMER_OBJECT, index))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
}

/* A periodic one that has expired stands still until somebody looks, and then counts the missed. */
static void go_on(struct object *o)
{
    u64 now = WORLD->now_ns, takes = o->interval_ns;
    if (!o->interval_ns || !o->value || o->value > now || o->timer.heap_pos)
        return;
    if (clocks_moved())
        takes = faults_clock_takes(&WORLD->procs[o->part], timer_clock(o->clock, o->timed & TIMED_ABSOLUTE), takes);
    u64 missed = (now - o->value) / takes;
    o->value2 += missed;
    arm((u32)(o - WORLD->objects), o->value + (missed + 1) * takes);
}

static struct itimerspec_k setting_of(struct object *o)
{
    go_on(o);
    u32 clock = timer_clock(o->clock, o->timed & TIMED_ABSOLUTE);
    u64 left = o->value ? time_left(&WORLD->procs[o->part], clock, o->value) : 0;
    left += o->value && !left; /* armed is never shown as 0 */
    struct itimerspec_k v = {
        {(i64)(o->interval_ns / NS_PER_SECOND), (i64)(o->interval_ns % NS_PER_SECOND)},
        {(i64)(left / NS_PER_SECOND), (i64)(left % NS_PER_SECOND)}};
    return v;
}

static i64 timerfd_object(struct trap *c, u32 *index)
{
    *index = fd_object(c->p, (i32)c->a[0]);
    if (!*index)
        return -EBADF;
    return WORLD->objects[*index].kind == OBJECT_TIMERFD ? 0 : -EINVAL;
}

i64 sys_timerfd_settime(struct trap *c)
{
    struct itimerspec_k next, previous;
    u32 index;
    u64 deadline;
    i64 error = timerfd_object(c, &index);
    if (!error)
        error = copy_in(&next, c->a[2], sizeof next);
    if (error)
        return error;
    if (next.value.nsec < 0 || next.value.nsec > 999999999 || next.value.sec < 0 || next.interval.sec < 0 ||
        next.interval.nsec < 0 || next.interval.nsec > 999999999)
        return -EINVAL;
    struct object *o = &WORLD->objects[index];
    previous = setting_of(o);
    timer_cancel(WORLD, &o->timer);
    o->value = o->value2 = 0;
    o->timed = (c->a[1] & TFD_ABSTIME ? TIMED_ABSOLUTE : 0) |
               ((c->a[1] & CANCELS) == CANCELS ? TIMED_CANCEL : 0);
    o->part = c->p->index;
    o->interval_ns = to_ns(&next.interval);
    if (to_ns(&next.value)) {
        error = deadline_on_clock(o->clock, to_ns(&next.value), c->a[1] & TFD_ABSTIME, &deadline);
        if (error)
            return error;
        arm(index, deadline);
    }
    return c->a[3] ? copy_out(c->a[3], &previous, sizeof previous) : 0;
}

i64 sys_timerfd_gettime(struct trap *c)
{
    u32 index;
    i64 error = timerfd_object(c, &index);
    if (error)
        return error;
    struct itimerspec_k v = setting_of(&WORLD->objects[index]);
    return copy_out(c->a[1], &v, sizeof v);
}

void object_timer_fired(u32 index, u64 deadline_ns)
{
    struct object *o = &WORLD->objects[index];
    if (o->kind == OBJECT_INET) {
        inet_timer_fired(o);
        return;
    }
    if (o->kind == OBJECT_UNIX) {
        unix_timer_fired(o);
        return;
    }
    o->value = o->interval_ns ? deadline_ns : 0;
    o->value2++;
    channel_wake(o->channel, SIDE_READ);
}

i64 timerfd_read(struct trap *c, struct object *o)
{
    if (c->a[2] < 8)
        return -EINVAL;
    while (!o->value2) {
        i64 error = o->nonblock ? -EAGAIN : park_on_fd(c, 0, o, SIDE_READ, ~0ul);
        if (error)
            return error;
    }
    go_on(o);
    u64 expirations = o->value2;
    o->value2 = 0;
    if (unlikely(o->timed & TIMED_CANCELLED)) {
        o->timed &= (u8)~TIMED_CANCELLED;
        return -ECANCELED;
    }
    return copy_out(c->a[1], &expirations, 8) ? -EFAULT : 8;
}

/* ---- signalfd: value: the set ---- */
static i64 signalfd(struct trap *c, u64 flags)
{
    u64 set;
    u32 object;
    if (c->a[2] != 8)
        return -EINVAL;
    if (copy_in(&set, c->a[1], sizeof set))
        return -EFAULT;
    set &= ~UNBLOCKABLE;
    if ((i32)c->a[0] != -1) {
        object = fd_object(c->p, (i32)c->a[0]);
        if (!object)
            return -EBADF;
        if (WORLD->objects[object].kind != OBJECT_SIGNALFD)
            return -EINVAL;
        WORLD->objects[object].value = set;
        return (i32)c->a[0];
    }
    u64 none = 0;
    i64 fd = raw(__NR_signalfd4, -1l, &none, sizeof none, flags);
    fd = install(c, fd, OBJECT_SIGNALFD, flags, &object);
    if (fd >= 0) {
        WORLD->objects[object].value = set;
        WORLD->objects[object].part = WORLD->first_signalfd;
        WORLD->first_signalfd = object;
    }
    return fd;
}

i64 sys_signalfd(struct trap *c) { return signalfd(c, 0); }
i64 sys_signalfd4(struct trap *c) { return signalfd(c, (u32)c->a[3]); }

/* What is readable depends on who reads: all that ask for this signal look again. */
void signalfds_wake(int signo)
{
    struct object *objects = WORLD->objects;
    for (u32 i = WORLD->first_signalfd; i; i = objects[i].part)
        if (objects[i].value & SIG_BIT(signo))
            channel_wake(objects[i].channel, SIDE_READ);
}

void signalfd_drop(u32 object)
{
    u32 *link = &WORLD->first_signalfd;
    while (*link != object)
        link = &WORLD->objects[*link].part;
    *link = WORLD->objects[object].part;
}

/* struct signalfd_siginfo, from the signal's siginfo. */
static i64 info_out(u64 user, const struct siginfo_bytes *info)
{
    u32 out[SIGNALFD_INFO_BYTES / 4];
    memset(out, 0, sizeof out);
    out[0] = (u32)info->signo;
    out[1] = (u32)info->error;
    out[2] = (u32)info->code;
    if (info->code == SI_TIMER_CODE) {
        out[6] = (u32)info->body[0];
        out[8] = (u32)(info->body[0] >> 32);
    } else {
        out[3] = (u32)info->body[0];
        out[4] = (u32)(info->body[0] >> 32);
    }
    if (info->signo == SIG_CHLD) {
        out[10] = (u32)info->body[1];
    } else {
        out[11] = (u32)info->body[1];
        memcpy(&out[12], &info->body[1], 8);
    }
    return copy_out(user, out, sizeof out);
}

i64 signalfd_read(struct trap *c, struct object *o)
{
    struct siginfo_bytes info;
    u64 done = 0;
    if (c->a[2] < SIGNALFD_INFO_BYTES)
        return -EINVAL;
    while (!(signals_pending(c->t) & o->value)) {
        i64 error = o->nonblock ? -EAGAIN : park_on_fd(c, 0, o, SIDE_READ, ~0ul);
        if (error)
            return error;
    }
    while (done + SIGNALFD_INFO_BYTES <= c->a[2] && signal_take(c->t, o->value, &info)) {
        if (info_out(c->a[1] + done, &info))
            return -EFAULT;
        done += SIGNALFD_INFO_BYTES;
    }
    return (i64)done;
}
