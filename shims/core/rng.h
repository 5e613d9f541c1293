/* rng.h: counter-based random numbers, Philox4x64-10.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 * A draw is a pure function of (key, stream, entity, counter), so taking one decision away never
 * shifts another. Pure: no syscalls, no state of its own.
 */
#ifndef DST_RNG_H
#define DST_RNG_H
#include "abi.h"

enum rng_stream {
    RNG_SCHEDULE = 1,
    RNG_ENTROPY = 2,
    RNG_EPOCH = 3,
    RNG_AT_RANDOM = 4,
    RNG_BOOT_ID = 5,
    RNG_PORTS = 6,
    RNG_COST = 7,
    RNG_WAITER = 8,
    RNG_IDENTITY = 9,
    RNG_PRIORITY = 10,
    RNG_POINTS = 11,
    RNG_FAULT = 12
};

/* Four 64-bit words of the stream `(seed, stream, entity)` at `counter`. */
void rng_block(u64 out[4], u64 seed, u64 stream, u64 entity, u64 counter);
/* A word of a draw as an integer in [0, n), n > 0 (multiply-shift, Lemire 2019; bias below n/2^64). */
static inline u64 rng_scale(u64 word, u64 n)
{
    return (u64)((unsigned __int128)word * n >> 64);
}
/* One uniform integer in [0, n), n > 0. */
u64 rng_below(u64 seed, u64 stream, u64 entity, u64 counter, u64 n);
#endif
