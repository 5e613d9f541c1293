/* rounds.h: a run's points in rounds of k, and places in each that are drawn from the seed.
 *
 * A strategy's guarantee is about runs of k points. A longer run is one such run after another. Where
 * k is not given the rounds double: 16 points, 32, 64, ... up to a million.
 */
#ifndef DST_ROUNDS_H
#define DST_ROUNDS_H
#include "abi.h"

static inline int round_is_over(const struct world *w)
{
    return w->sched.points > w->sched.round_end;
}
/* The next round, from this point on, of `length_min` points at least. `draws` of its first k are
 * drawn, each as likely as any other, and the same one more than once too. */
void round_begin(struct world *w, u32 draws, u64 length_min);
/* The number, from 1, of a draw that fell on this point; 0 when there is none, or none any more. */
u32 round_draw_here(struct world *w);
#endif
