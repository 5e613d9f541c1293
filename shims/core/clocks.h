/* clocks.h: a clock that a fault rule has moved: it runs ahead or behind, faster, slower, not at all. Pure.
 *
 * `base` is the simulation's own time. A clock shows base + clock_ahead(base).
 */
#ifndef DST_CLOCKS_H
#define DST_CLOCKS_H
#include "abi.h"

#define CLOCK_STANDS_PPB (-1000000000l)
#define CLOCK_FOR_EVER (~0ul / 2)

i64 clock_ahead(const struct fault_clock *k, u64 base_ns);
/* How long it takes until the clock has moved on by `left_ns`. Where it stands for good, until a time beyond
 * CLOCK_FOR_EVER which tells what is left when it goes on. */
u64 clock_takes(const struct fault_clock *k, u64 base_ns, u64 left_ns);
/* The inverse: how far it moves on until then. */
i64 clock_left(const struct fault_clock *k, u64 base_ns, u64 until_ns);
/* It jumps, and from now on (for so long, 0: for good) runs faster or slower by so many billionths. */
void clock_change(struct fault_clock *k, u64 base_ns, i64 jump_ns, i64 ppb, u64 for_ns);
#endif
