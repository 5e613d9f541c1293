/* sys_timer.c: POSIX timers (timer_create and kin), in virtual time. Their ids are table slots. */
#include "signals.h"

#define TIMER_ABSTIME_FLAG 1u
#define OVERRUN_MAX 0x7fffffffu
enum notify { NOTIFY_SIGNAL = 0, NOTIFY_NONE = 1, NOTIFY_THREAD_ID = 4 };

struct sigevent_k {
    u64 value;
    i32 signo, notify;
    i32 tid;
    i32 pad[11];
};

struct itimerspec_k {
    struct timespec_k interval, value;
};

static u64 to_ns(const struct timespec_k *ts)
{
    return (u64)ts->sec * NS_PER_SECOND + (u64)ts->nsec;
}

static struct timespec_k to_timespec(u64 ns)
{
    return (struct timespec_k){(i64)(ns / NS_PER_SECOND), (i64)(ns % NS_PER_SECOND)};
}

static int valid(const struct timespec_k *ts)
{
    return ts->sec >= 0 && ts->nsec >= 0 && ts->nsec < (i64)NS_PER_SECOND;
}

static struct posix_timer *timer_of(struct trap *c)
{
    u32 id = (u32)c->a[0];
    struct posix_timer *pt = &WORLD->posix_timers[id];
    return id && id <= WORLD->used_posix_timers && pt->proc == c->p->index ? pt : 0;
}

i64 sys_timer_create(struct trap *c)
{
    struct world *w = WORLD;
    struct sigevent_k event;
    u64 ignored;
    memset(&event, 0, sizeof event);
    event.signo = SIG_ALRM;
    if (clock_value(c->a[0], &ignored))
        return -EINVAL;
    if (c->a[1] && copy_in(&event, c->a[1], sizeof event))
        return -EFAULT;
    int notify = event.notify;
    if ((notify != NOTIFY_SIGNAL && notify != NOTIFY_NONE && notify != NOTIFY_THREAD_ID) ||
        (notify != NOTIFY_NONE && (event.signo < 1 || event.signo > 64)))
        return -EINVAL;
    struct task *target = notify == NOTIFY_THREAD_ID ? task_by_tid((u32)event.tid) : 0;
    if (notify == NOTIFY_THREAD_ID && (!target || target->proc != c->p->index))
        return -EINVAL;
    u32 id = w->free_posix_timer;
    if (id)
        w->free_posix_timer = w->posix_timers[id].next;
    else if (w->used_posix_timers + 1 < POSIX_TIMERS_MAX)
        id = ++w->used_posix_timers;
    else
        return -EAGAIN;
    struct posix_timer *pt = &w->posix_timers[id];
    memset(pt, 0, sizeof *pt);
    pt->proc = c->p->index;
    pt->notify = (u32)notify;
    pt->signo = (u32)event.signo;
    pt->target_tid = (u32)event.tid;
    pt->clock = (u32)c->a[0];
    pt->value = c->a[1] ? event.value : id;
    c->p->posix_timers++;
    return copy_out(c->a[2], &id, 4);
}

static void timer_delete(struct posix_timer *pt)
{
    struct world *w = WORLD;
    timer_cancel(w, &pt->ref);
    w->procs[pt->proc].posix_timers--;
    pt->proc = 0;
    pt->next = w->free_posix_timer;
    w->free_posix_timer = (u32)(pt - w->posix_timers);
}

i64 sys_timer_delete(struct trap *c)
{
    struct posix_timer *pt = timer_of(c);
    if (!pt)
        return -EINVAL;
    timer_delete(pt);
    return 0;
}

void posix_timers_drop(struct proc *p)
{
    struct world *w = WORLD;
    for (u32 i = 1; p->posix_timers && i <= w->used_posix_timers; i++)
        if (w->posix_timers[i].proc == p->index)
            timer_delete(&w->posix_timers[i]);
}

static void arm(struct posix_timer *pt, u64 deadline_ns)
{
    pt->deadline_ns = deadline_ns;
    if (!timer_arm(WORLD, &pt->ref, deadline_ns, TIMER_POSIX, (u32)(pt - WORLD->posix_timers)))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
}

static struct itimerspec_k current_setting(const struct posix_timer *pt)
{
    u64 at = pt->deadline_ns;
    u64 left = at ? time_left(&WORLD->procs[pt->proc], timer_clock(pt->clock, (int)pt->is_absolute), at) : 0;
    left += at && !left; /* armed is never shown as 0 */
    return (struct itimerspec_k){to_timespec(pt->interval_ns), to_timespec(left)};
}

i64 sys_timer_gettime(struct trap *c)
{
    struct posix_timer *pt = timer_of(c);
    if (!pt)
        return -EINVAL;
    struct itimerspec_k now = current_setting(pt);
    return copy_out(c->a[1], &now, sizeof now);
}

i64 sys_timer_settime(struct trap *c)
{
    struct posix_timer *pt = timer_of(c);
    struct itimerspec_k next, previous;
    u64 deadline;
    if (!pt || !c->a[2])
        return -EINVAL;
    if (copy_in(&next, c->a[2], sizeof next))
        return -EFAULT;
    if (!valid(&next.value) || !valid(&next.interval))
        return -EINVAL;
    previous = current_setting(pt);
    timer_cancel(WORLD, &pt->ref);
    pt->deadline_ns = 0;
    pt->overrun = 0;
    pt->interval_ns = to_ns(&next.interval);
    if (to_ns(&next.value)) {
        i64 error = deadline_on_clock(pt->clock, to_ns(&next.value), c->a[1] & TIMER_ABSTIME_FLAG, &deadline);
        if (error)
            return error;
        pt->is_absolute = (c->a[1] & TIMER_ABSTIME_FLAG) != 0;
        arm(pt, deadline);
    }
    return c->a[3] ? copy_out(c->a[3], &previous, sizeof previous) : 0;
}

i64 sys_timer_getoverrun(struct trap *c)
{
    struct posix_timer *pt = timer_of(c);
    return pt ? (i64)pt->overrun : -EINVAL;
}

void posix_timer_fired(u32 id, u64 deadline_ns)
{
    struct world *w = WORLD;
    struct posix_timer *pt = &w->posix_timers[id];
    struct proc *p = &w->procs[pt->proc];
    struct siginfo_bytes info;
    pt->deadline_ns = 0;
    if (pt->interval_ns) {
        u64 takes = clocks_moved() ? faults_clock_takes(p, timer_clock(pt->clock, pt->is_absolute), pt->interval_ns) : pt->interval_ns;
        arm(pt, deadline_ns + takes > w->now_ns ? deadline_ns + takes : w->now_ns + takes);
    }
    if (pt->notify == NOTIFY_NONE)
        return;
    if (pt->queued) {
        pt->overrun += pt->overrun < OVERRUN_MAX;
        return;
    }
    struct task *target = pt->notify == NOTIFY_THREAD_ID ? task_by_tid(pt->target_tid) : 0;
    if (pt->notify == NOTIFY_THREAD_ID && !target)
        return;
    siginfo_kill(&info, (int)pt->signo, SI_TIMER_CODE, id, 0);
    info.body[1] = pt->value;
    pt->overrun = 0;
    pt->queued = 1;
    signal_send(p, target, &info);
    u64 bit = SIG_BIT(pt->signo);
    if (!((target ? target->sig_pending : p->sig_pending) & bit))
        pt->queued = 0; /* ignored */
}

/* The timer's signal is about to be delivered: it tells how many expirations it stands for. */
void posix_timer_signal_taken(struct siginfo_bytes *info)
{
    u32 id = (u32)info->body[0];
    if (!id || id > WORLD->used_posix_timers)
        return;
    struct posix_timer *pt = &WORLD->posix_timers[id];
    pt->queued = 0;
    info->body[0] = id | (u64)pt->overrun << 32;
}
