/* timers.h: a binary heap of virtual deadlines in the world. Pure; every operation O(log n).
 *
 * Equal deadlines fire in the order in which they were armed (`seq`).
 */
#ifndef DST_TIMERS_H
#define DST_TIMERS_H
#include "abi.h"

/* Arms (or re-arms) the timer whose place is kept in `ref`. False: the table is full. */
int timer_arm(struct world *w, struct timer_ref *ref, u64 deadline_ns, u32 kind, u32 id);
void timer_cancel(struct world *w, struct timer_ref *ref);
/* Where the place of a timer of this kind and id is kept. */
struct timer_ref *timer_ref_of(struct world *w, u32 kind, u32 id);
/* The earliest deadline, or ~0 when there is none. */
static inline u64 timer_next_ns(const struct world *w)
{
    return w->timers_count ? w->timers[1].deadline_ns : ~0ul;
}
/* Takes the earliest timer when its deadline has come. False: none is due. */
int timer_take_due(struct world *w, u64 now_ns, struct timer *due);
#endif
