/* preload.c: the preload library's points (shims/preload).
 *
 * The library calls them as functions, on the program's stack. Where nobody else can run that is a
 * few tests; else the clock moves and the strategy chooses at once, mostly that the caller goes on. Only where another task is to run, or time has something to do, it is a call, trapped like
 * any other. An event tells where another task was chosen.
 */
#include "decisions.h"
#include "preload_abi.h"

long point_passed(unsigned long which, unsigned long object, unsigned long effect) HIDDEN;
long shim_export_point(unsigned long which, unsigned long object, unsigned long effect) HIDDEN;

static int is_memory(u64 point) { return point <= POINT_posix_memalign; }

/* To ask for memory is a point for the sake of the threads that share it. */
static int is_shared(const struct task *t, u64 point)
{
    return !is_memory(point) || proc_of(t)->tasks_live > 1;
}

/* A loop that takes a lock to look at what another one sets must come to that one's turn. Where there
 * is no other, how often a runtime locks or allocates should not show in what the clock says. */
static int time_matters(u64 point)
{
    return !is_memory(point) && (WORLD->sched.count || WORLD->timers_count);
}

/* Whether the caller goes on; else who runs instead is in `chosen`, for the trap that follows. */
static int goes_on(const struct task *t)
{
    struct world *w = WORLD;
    if (unlikely(w->stopping || w->outside_death || proc_of(t)->state == PROC_STOPPED))
        return 0;
    if (!sched_asks(w))
        return 1;
    u32 next = choose_next(t->index);
    if (next != t->index) {
        w->chosen = next;
        return 0;
    }
    w->point_ns = w->now_ns;
    return 1;
}

long point_passed(unsigned long which, unsigned long object, unsigned long effect)
{
    struct task *t = current_task();
    struct world *w = WORLD;
    t->points_passed++;
    if (time_matters(which))
        charge(t, w->config.cost_clock_ns);
    if (unlikely(effect || timer_next_ns(w) <= w->now_ns || w->now_ns > w->config.end_ns ||
                 w->faults.call_slot[which] || w->faults.first_held))
        return trapped_call((i64)NR_PRELOAD_POINT, which, object, effect);
    if (unlikely(w->sched.count) && is_shared(t, which) && !goes_on(t))
        return trapped_call((i64)NR_PRELOAD_POINT, which, object, effect);
    return 0;
}

static const struct preload_table table = {PRELOAD_ABI_VERSION, sizeof table, shim_export_point};

i64 preload_announced(struct trap *c)
{
    if (c->a[2] != c->uc->regs.ip)
        return -EINVAL;
    c->p->flags |= PROC_ANNOUNCED;
    c->recorded = 1;
    return c->a[1] == PRELOAD_ABI_VERSION ? (i64)&table : -EINVAL;
}

i64 preload_point(struct trap *c)
{
    struct task *t = c->t;
    t->at_point = (u32)c->a[0];
    if (c->a[2] == POINT_FAILED)
        sched_found_nothing(WORLD, t->index);
    if (c->a[2] == POINT_WAITS)
        give_way(t, 1);
    else if (WORLD->chosen)
        run_chosen(t);
    else
        scheduling_point(t);
    t->at_point = 0;
    return c->a[2] == POINT_PASSES && unlikely(WORLD->faults.call_slot[c->a[0]]) ? faults_point(c) : 0;
}
