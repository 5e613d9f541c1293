/* random: at every scheduling point each task that could run is as likely as any other. */
#include "rng.h"
#include "sched.h"

/* Reads that have taken as long as a call are worth one. */
int random_read_may_preempt(const struct world *w)
{
    return w->now_ns - w->point_ns >= w->config.cost_syscall_ns;
}

u32 random_choose(struct world *w, u32 running)
{
    u32 candidates = w->sched.count + (running != 0);
    if (candidates == 1)
        return running ? running : sched_take_nth(w, 0);
    u64 k = rng_below(w->config.sched_seed, RNG_SCHEDULE, 0, w->sched.choices, candidates);
    return k == w->sched.count ? running : sched_take_nth(w, (u32)k);
}
