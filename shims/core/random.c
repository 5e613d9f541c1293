/* random: at every point each task that could run is as likely as any other. */
#include "rng.h"
#include "strategy.h"

u32 random_choose(struct world *w, u32 running)
{
    u32 candidates = w->sched.count + (running != 0);
    u64 seed = w->config.sched_seed, k = 0;
    if (candidates > 1)
        k = rng_below(seed, RNG_SCHEDULE, 0, w->sched.choices, candidates);
    if (k == w->sched.count)
        return running;
    u32 next = ring_take(w, (u32)k);
    if (running)
        ring_add(w, running);
    return next;
}
