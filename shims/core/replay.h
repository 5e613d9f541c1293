/* replay.h: the decisions of a trace, looked up by their keys (abi_replay.h). Pure. */
#ifndef DST_REPLAY_H
#define DST_REPLAY_H
#include "abi.h"

#define REPLAY ((const struct replay_image *)REPLAY_BASE)

static inline int is_replay(const struct world *w)
{
    return w->config.sched.chooser == STRATEGY_REPLAY;
}
static inline u64 decision_number(const struct decision *d)
{
    return (u64)d->number_high << 32 | d->number;
}
/* The decision of that key; 0: the trace has none. Logarithmic in the number of decisions. */
const struct decision *decision_find(u32 kind, u64 entity, u64 number);

/* A strategy like the others (strategy.h): what the trace says, and where it says nothing the holder
 * goes on, or who is ready longest. */
u32 replay_choose(struct world *w, u32 running);
void replay_add(struct world *w, u32 task);
#endif
