/* hash.h: XXH64, for the data that calls move and for the identity of events.
 *
 * Source: the xxHash specification (Yann Collet). Pure.
 */
#ifndef DST_HASH_H
#define DST_HASH_H
#include "abi.h"

struct hash_state {
    u64 lane[4];
    u64 total;
    u8 block[32];
    u32 filled;
    u64 seed;
};

void hash_start(struct hash_state *h, u64 seed);
void hash_add(struct hash_state *h, const void *data, u64 n);
u64 hash_end(const struct hash_state *h);
u64 hash_bytes(const void *data, u64 n, u64 seed);

/* One step of the running hash of a trace: cheap, order-dependent. */
static inline u64 hash_mix(u64 h, u64 v)
{
    h = (h ^ v) * 0x9E3779B185EBCA87ul;
    h ^= h >> 29;
    return h * 0xC2B2AE3D27D4EB4Ful + 0x165667B19E3779F9ul;
}
#endif
