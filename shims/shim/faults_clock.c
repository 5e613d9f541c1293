/* faults_clock.c: clocks that fault rules move, and the timers that follow them.
 *
 * Each process has its own view of each clock, its children inherit it. All other time of the
 * simulation (the trace's, the timers') stays as it is; deadlines are turned into it when they are set,
 * and again when their clock is moved. */
#include "channel.h"
#include "core/clocks.h"
#include "faults.h"

#define CLOCK_REALTIME_ID 0u
#define CLOCK_MONOTONIC_ID 1u
#define REALTIME_ALARM 8u
#define BOOTTIME_ALARM 9u

static u32 clock_id(u32 clock)
{
    if (clock == REALTIME_ALARM)
        return CLOCK_REALTIME_ID;
    return clock == BOOTTIME_ALARM ? CLOCK_BOOTTIME_ID : clock < FAULT_CLOCKS ? clock : CLOCK_MONOTONIC_ID;
}

static struct fault_clock *clock_of(const struct proc *p, u32 clock)
{
    return &FAULTS->procs[p->index].clocks[clock_id(clock)];
}

u64 faults_clock_shows(u32 clock, u64 base_ns)
{
    i64 shown = (i64)base_ns + clock_ahead(clock_of(proc_of(current_task()), clock), WORLD->now_ns);
    return shown > 0 ? (u64)shown : 0;
}

u64 faults_clock_left(const struct proc *p, u32 clock, u64 until_ns)
{
    i64 left = clock_left(clock_of(p, clock), WORLD->now_ns, until_ns);
    return left > 0 ? (u64)left : 0;
}

u64 faults_clock_takes(const struct proc *p, u32 clock, u64 left_ns)
{
    return clock_takes(clock_of(p, clock), WORLD->now_ns, left_ns);
}

void faults_proc_forked(const struct proc *parent, const struct proc *child)
{
    const struct fault_proc *from = &FAULTS->procs[parent->index];
    struct fault_proc *to = &FAULTS->procs[child->index];
    memcpy(to->clocks, from->clocks, sizeof to->clocks);
    memcpy(to->exe, from->exe, sizeof to->exe);
}

/* ---- timers ---- */
static u32 what_follows(u32 clock, int absolute)
{
    return clock_id(timer_clock(clock, absolute)) | (absolute ? WAIT_ABSOLUTE : 0);
}

/* Which clock a timer of this process follows, WAIT_ABSOLUTE with it; ~0: none of its. */
static u32 follows(const struct timer *t, const struct proc *p)
{
    struct world *w = WORLD;
    const struct posix_timer *pt = &w->posix_timers[t->id];
    const struct object *o = &w->objects[t->id];
    u32 wait;
    switch (t->kind) {
    case TIMER_TASK:
        wait = FAULTS->tasks[t->id].wait_clock;
        return task_at(t->id)->proc != p->index ? ~0u : wait ? wait : CLOCK_MONOTONIC_ID;
    case TIMER_ITIMER_REAL:
        return t->id == p->index ? CLOCK_MONOTONIC_ID : ~0u;
    case TIMER_POSIX:
        return pt->proc == p->index ? what_follows(pt->clock, (int)pt->is_absolute) : ~0u;
    case TIMER_OBJECT:
        if (o->kind != OBJECT_TIMERFD || o->part != p->index)
            return ~0u;
        return what_follows(o->clock, o->timed & TIMED_ABSOLUTE);
    default:
        return ~0u;
    }
}

static u64 *deadline_kept(u32 kind, u32 id)
{
    struct world *w = WORLD;
    return kind == TIMER_TASK          ? &w->tasks[id].wait_deadline_ns
           : kind == TIMER_ITIMER_REAL ? &w->procs[id].itimer_real_deadline_ns
           : kind == TIMER_POSIX       ? &w->posix_timers[id].deadline_ns
                                       : &w->objects[id].value;
}

/* Whoever waits comes back with the deadline that he was given; it is another one now. */
static void wait_moves(u32 task, u64 from_ns, u64 to_ns)
{
    struct fault_task *ft = &FAULTS->tasks[task];
    if (ft->deadline_moved != from_ns)
        ft->deadline = from_ns;
    ft->deadline_moved = to_ns;
}

u64 faults_deadline(const struct task *t, u64 deadline_ns)
{
    const struct fault_task *ft = &FAULTS->tasks[t->index];
    return ft->deadline == deadline_ns ? ft->deadline_moved : deadline_ns;
}

void faults_deadline_made(const struct task *t)
{
    FAULTS->tasks[t->index].deadline = FAULTS->tasks[t->index].deadline_moved = 0;
}

/* An absolute one expires at the same reading of its clock as before, a relative one after the same
 * time on it. */
static void move_timer(const struct timer *t, const struct fault_clock *old, const struct fault_clock *new,
                       int absolute)
{
    u64 now = WORLD->now_ns;
    i64 jump = clock_ahead(new, now) - clock_ahead(old, now);
    i64 left = clock_left(old, now, t->deadline_ns) - (absolute ? jump : 0);
    u64 deadline = now + (left > 0 ? clock_takes(new, now, (u64)left) : 0);
    if (t->kind == TIMER_TASK)
        wait_moves(t->id, t->deadline_ns, deadline);
    *deadline_kept(t->kind, t->id) = deadline;
    if (!timer_arm(WORLD, timer_ref_of(WORLD, t->kind, t->id), deadline, t->kind, t->id))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
}

/* In the order of the heap, which is the same in every run. */
static void move_timers(const struct proc *p, u32 clock, const struct fault_clock *old)
{
    struct timer *list = (struct timer *)current_task()->polls;
    u32 most = sizeof current_task()->polls / sizeof *list, count = 0;
    for (u32 i = 1; i <= WORLD->timers_count && count < most; i++) {
        u32 what = follows(&WORLD->timers[i], p);
        if (what != ~0u && (what & ~(u32)WAIT_ABSOLUTE) == clock)
            list[count++] = WORLD->timers[i];
    }
    for (u32 i = 0; i < count; i++)
        move_timer(&list[i], old, clock_of(p, clock), (follows(&list[i], p) & WAIT_ABSOLUTE) != 0);
}

/* Timerfds that are to be told of a jump (TFD_TIMER_CANCEL_ON_SET). */
static void cancel_timers(const struct proc *p, u32 clock)
{
    for (u32 i = 1; i <= WORLD->used_objects; i++) {
        struct object *o = &WORLD->objects[i];
        if (o->kind != OBJECT_TIMERFD || o->part != p->index || !(o->timed & TIMED_CANCEL) ||
            clock_id(o->clock) != clock)
            continue;
        o->timed |= TIMED_CANCELLED;
        o->value2++;
        channel_wake(o->channel, SIDE_READ);
    }
}

/* ---- what a rule does ---- */
static void move_clock(struct proc *p, u32 clock, const struct fault_action *a)
{
    struct fault_clock *k = clock_of(p, clock), old = *k;
    i64 jump = a->clock_jump_ns;
    if (jump < 0 && (1u << clock & CLOCKS_MONOTONIC))
        jump = 0;
    i64 ppb = a->clock_freeze ? CLOCK_STANDS_PPB : a->clock_drift_ppb;
    clock_change(k, WORLD->now_ns, jump, ppb, a->clock_for_ns);
    move_timers(p, clock, &old);
    if (jump)
        cancel_timers(p, clock);
}

void faults_move_clocks(struct proc *p, const struct fault_action *a)
{
    FAULTS->clocks_moved = 1;
    for (u32 clock = 0; clock < FAULT_CLOCKS; clock++)
        if (a->clocks >> clock & 1)
            move_clock(p, clock, a);
}
