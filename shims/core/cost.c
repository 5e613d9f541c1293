#include "cost.h"

#include "rng.h"

#define MILLION 1000000ul

u64 cost_with_jitter(u64 cost_ns, u64 jitter_ppm, u64 seed, u64 entity, u64 counter)
{
    u64 span = cost_ns * jitter_ppm / MILLION;
    return cost_ns - span + rng_below(seed, RNG_COST, entity, counter, 2 * span + 1);
}
