/* fifo: first ready, first served. The holder keeps the token until it blocks, or until it has made
 * calls for a whole slice of virtual time while others were ready: a task that asks again and again
 * whether another has done its work must not keep that one from doing it. */
#include "sched.h"

#define FIFO_SLICE_NS 2000000ul

int fifo_may_preempt(const struct world *w)
{
    return w->now_ns - w->slice_start_ns >= FIFO_SLICE_NS;
}

u32 fifo_choose(struct world *w, u32 running)
{
    if (running && !(w->sched.count && fifo_may_preempt(w)))
        return running;
    return sched_take_nth(w, 0);
}
