/* strategy.h: what a strategy is made of. */
#ifndef DST_STRATEGY_H
#define DST_STRATEGY_H
#include "sched.h"

/* The ready set as a ring, the longest waiting first. */
void ring_add(struct world *w, u32 task);
void ring_add_first(struct world *w, u32 task);
void ring_remove(struct world *w, u32 task);
/* Takes the k-th, 0 <= k < count, in constant time; the first comes into its place. */
u32 ring_take(struct world *w, u32 k);

/* `choose` gets a set that is not empty, and keeps to what sched_choose promises. */
u32 fifo_choose(struct world *w, u32 running);
u32 random_choose(struct world *w, u32 running);
u32 sticky_choose(struct world *w, u32 running);
u32 delay_choose(struct world *w, u32 running);
u32 pct_choose(struct world *w, u32 running);
u32 pos_choose(struct world *w, u32 running);

int fifo_slice_is_over(const struct world *w);
void pct_add(struct world *w, u32 task);
void pos_add(struct world *w, u32 task);
void pct_yields(struct world *w, u32 task);
void pct_found_nothing(struct world *w, u32 task);
#endif
