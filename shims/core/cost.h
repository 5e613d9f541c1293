/* cost.h: what a call takes on the virtual clock. Pure. */
#ifndef DST_COST_H
#define DST_COST_H
#include "abi.h"

/* `cost_ns`, more or less by up to jitter_ppm parts of a million: draw `counter` of `entity`. */
u64 cost_with_jitter(u64 cost_ns, u64 jitter_ppm, u64 seed, u64 entity, u64 counter);
#endif
