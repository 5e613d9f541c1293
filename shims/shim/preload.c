/* preload.c: the preload library's points (shims/preload).
 *
 * The library calls them as functions, on the program's stack: where nobody else can run that is a
 * step of the clock and a few tests, no trap and no event. Otherwise it is a call, trapped like any
 * other, and the strategy chooses. An event tells where it chose another task.
 */
#include "preload_abi.h"
#include "shim.h"

long point_passed(unsigned long which, unsigned long object, unsigned long effect) HIDDEN;
long shim_export_point(unsigned long which, unsigned long object, unsigned long effect) HIDDEN;

/* To ask for memory is a point for the sake of the threads that share it. */
static int others_may_run(const struct task *t, u64 point)
{
    struct world *w = WORLD;
    if (timer_next_ns(w) <= w->now_ns)
        return 1;
    if (likely(!w->sched.count))
        return 0;
    return (point > POINT_posix_memalign || proc_of(t)->tasks_live > 1) && sched_asks(w);
}

long point_passed(unsigned long which, unsigned long object, unsigned long effect)
{
    struct task *t = current_task();
    t->points_passed++;
    if (unlikely(effect || others_may_run(t, which)))
        return trapped_call((i64)NR_PRELOAD_POINT, which, object, effect);
    charge(t, WORLD->config.cost_clock_ns);
    return 0;
}

static const struct preload_table table = {PRELOAD_ABI_VERSION, sizeof table, shim_export_point};

i64 preload_announced(struct trap *c)
{
    c->p->flags |= PROC_ANNOUNCED;
    c->recorded = 1;
    return c->a[0] == PRELOAD_ABI_VERSION ? (i64)&table : -ENOSYS;
}

i64 preload_point(struct trap *c)
{
    struct task *t = c->t;
    charge(t, WORLD->config.cost_clock_ns);
    t->at_point = (u32)c->a[0];
    if (c->a[2] == POINT_FAILED)
        sched_found_nothing(WORLD, t->index);
    if (c->a[2] == POINT_WAITS)
        give_way(t, 1);
    else
        scheduling_point(t);
    t->at_point = 0;
    return 0;
}
