#include "rounds.h"

#include "rng.h"

#define FIRST_ROUND_POINTS 16ul
#define DOUBLINGS_MAX 16ul

static u64 round_points(const struct world *w)
{
    u64 doublings = w->sched.round - 1;
    if (w->config.sched.points)
        return w->config.sched.points;
    return FIRST_ROUND_POINTS << (doublings < DOUBLINGS_MAX ? doublings : DOUBLINGS_MAX);
}

/* Into the order of the points; at the same one, of the numbers. */
static void insert(struct sched_state *s, u64 at, u32 number)
{
    u32 pos = s->drawn++;
    for (; pos && s->drawn_at[pos - 1] > at; pos--) {
        s->drawn_at[pos] = s->drawn_at[pos - 1];
        s->drawn_number[pos] = s->drawn_number[pos - 1];
    }
    s->drawn_at[pos] = at;
    s->drawn_number[pos] = (u8)number;
}

void round_begin(struct world *w, u32 draws, u64 length_min)
{
    struct sched_state *s = &w->sched;
    u64 seed = w->config.sched_seed;
    s->round++;
    u64 k = round_points(w);
    s->round_end = s->points - 1 + (k > length_min ? k : length_min);
    s->drawn = s->drawn_next = 0;
    for (u32 number = 1; number <= draws; number++)
        insert(s, s->points + rng_below(seed, RNG_POINTS, s->round, number, k), number);
}

u32 round_draw_here(struct world *w)
{
    struct sched_state *s = &w->sched;
    if (s->drawn_next == s->drawn || s->drawn_at[s->drawn_next] != s->points)
        return 0;
    return s->drawn_number[s->drawn_next++];
}
