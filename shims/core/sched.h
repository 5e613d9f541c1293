/* sched.h: which task runs next. One small interface, a file per strategy, pure.
 *
 * The ready set holds tasks that could run; the holder of the token is not in it. Where more than
 * one task could run is a *point*: there the strategy chooses. It is a function of the set, the seed
 * and what it keeps in the world. Costs are constant or logarithmic in the number of tasks, or as it
 * says.
 */
#ifndef DST_SCHED_H
#define DST_SCHED_H
#include "abi.h"

void sched_add(struct world *w, u32 task);
/* Takes a task out of the ready set whatever its turn (it was killed or stopped). In a ring it
 * looks at all of them. */
void sched_remove(struct world *w, u32 task);
/* The next task, removed from the set. `running`: the holder, which could go on (it is returned
 * when it is to go on, else it is in the set now), or 0 when it cannot; then 0 is returned when the
 * set is empty. */
u32 sched_choose(struct world *w, u32 running);
/* Whether who is woken of several that wait for the same is drawn from the seed, and which of `count`
 * it is then; otherwise it is the oldest. */
int sched_chooses_waiters(const struct world *w);
u32 sched_choose_waiter(struct world *w, u32 count);

/* Whether the strategy is to be asked although the holder could go on. */
int sched_asks(struct world *w);
/* The same at a clock read, which is no call and no point by itself: but who does nothing but look
 * at the clock must let the others go on in the end. */
int sched_read_asks(const struct world *w);

/* The holder gives its turn away; it is not in the set yet. */
void sched_yields(struct world *w, u32 task);
/* The holder asked for something and found nothing: if it goes on like this it spins. */
void sched_found_nothing(struct world *w, u32 task);

/* A task by the draws' reckoning: which child it is of whom. What others do does not change it. */
u64 sched_identity(u64 parent, u64 child_number);
#endif
