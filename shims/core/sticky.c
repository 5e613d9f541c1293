/* sticky: at every point the running task goes on with probability p; else each of the others is as
 * likely to be next. Long stretches of one task and few switches: what `random`, which switches
 * nearly always, leaves out. */
#include "rng.h"
#include "strategy.h"

#define MILLION 1000000ul

u32 sticky_choose(struct world *w, u32 running)
{
    u64 block[4];
    rng_block(block, w->config.sched_seed, RNG_SCHEDULE, 0, w->sched.choices);
    if (running && rng_scale(block[0], MILLION) < w->config.sched.keep_ppm)
        return running;
    u32 next = ring_take(w, (u32)rng_scale(block[1], w->sched.count));
    if (running)
        ring_add(w, running);
    return next;
}
