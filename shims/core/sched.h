/* sched.h: which task runs next. One small interface, a file per strategy, pure.
 *
 * The ready set holds tasks that could run; the holder of the token is not in it. Costs are
 * constant, or as the strategy says.
 */
#ifndef DST_SCHED_H
#define DST_SCHED_H
#include "abi.h"

enum strategy { STRATEGY_FIFO = 0 };

void sched_add(struct world *w, u32 task);
/* Takes a task out of the ready set whatever its turn (it was killed or stopped). O(ready). */
void sched_remove(struct world *w, u32 task);
/* The next task, removed from the set; 0 when the set is empty. */
u32 sched_take(struct world *w);
#endif
