/* fifo: first ready, first served. The holder keeps the token until it blocks, or until it has made
 * calls for a whole slice of virtual time while others were ready: a task that asks again and again
 * whether another has done its work must not keep that one from doing it. */
#include "strategy.h"

int fifo_slice_is_over(const struct world *w)
{
    u64 slice_ns = w->config.sched.slice_ns;
    return slice_ns && w->now_ns - w->slice_start_ns >= slice_ns;
}

u32 fifo_choose(struct world *w, u32 running)
{
    if (running && !fifo_slice_is_over(w))
        return running;
    if (running)
        ring_add(w, running);
    return ring_take(w, 0);
}
