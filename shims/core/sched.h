/* sched.h: which task runs next. One small interface, a file per strategy, pure.
 *
 * The ready set holds tasks that could run; the holder of the token is not in it. A strategy is a
 * function of the set, the seed and how many choices were made; costs are constant, or as it says.
 */
#ifndef DST_SCHED_H
#define DST_SCHED_H
#include "abi.h"

void sched_add(struct world *w, u32 task);
/* Takes a task out of the ready set whatever its turn (it was killed or stopped). O(ready). */
void sched_remove(struct world *w, u32 task);
/* The next task, removed from the set. `running`: the holder, which could go on (it is returned when
 * it is to go on), or 0 when it cannot; then 0 is returned when the set is empty. */
u32 sched_choose(struct world *w, u32 running);
/* Takes the k-th of the ready set, 0 <= k < count, in constant time. */
u32 sched_take_nth(struct world *w, u32 k);

/* Whether the strategy is to be asked although the holder could go on. */
int sched_may_preempt(const struct world *w);
/* The same at a clock read, which is no call and no point by itself: but who does nothing but look at
 * the clock must let the others go on in the end. */
int sched_read_may_preempt(const struct world *w);

/* The strategies. */
int fifo_may_preempt(const struct world *w);
u32 fifo_choose(struct world *w, u32 running);
int random_read_may_preempt(const struct world *w);
u32 random_choose(struct world *w, u32 running);
#endif
