/* delay: delay-bounded scheduling.
 *
 * Source: Emmi, Qadeer, Rakamaric, "Delay-bounded scheduling" (POPL 2011).
 *
 * The base is fifo: who runs goes on until it blocks (or its slice is over), then the longest ready
 * is next. At d points of a round of k, drawn from the seed, the task that would run is delayed: it
 * goes to the end. With d delays in k points exactly the schedules of at most d delays can come,
 * each with probability 1/k^d at least; two that fall on one point delay two tasks.
 */
#include "rounds.h"
#include "strategy.h"

u32 delay_choose(struct world *w, u32 running)
{
    if (round_is_over(w))
        round_begin(w, w->config.sched.depth, 0);
    if (running && fifo_slice_is_over(w))
        ring_add(w, running);
    else if (running)
        ring_add_first(w, running);
    while (round_draw_here(w))
        ring_add(w, ring_take(w, 0));
    return ring_take(w, 0);
}
