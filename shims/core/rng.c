#include "rng.h"

static u64 mul_hi_lo(u64 a, u64 b, u64 *lo)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    *lo = (u64)product;
    return (u64)(product >> 64);
}

void rng_block(u64 out[4], u64 seed, u64 stream, u64 entity, u64 counter)
{
    u64 key0 = seed, key1 = stream;
    u64 c0 = counter, c1 = entity, c2 = 0, c3 = 0;
    for (int round = 0; round < 10; round++) {
        u64 lo0, lo1;
        u64 hi0 = mul_hi_lo(0xD2E7470EE14C6C93ul, c0, &lo0);
        u64 hi1 = mul_hi_lo(0xCA5A826395121157ul, c2, &lo1);
        c0 = hi1 ^ c1 ^ key0;
        c1 = lo1;
        c2 = hi0 ^ c3 ^ key1;
        c3 = lo0;
        key0 += 0x9E3779B97F4A7C15ul;
        key1 += 0xBB67AE8584CAA73Bul;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

u64 rng_below(u64 seed, u64 stream, u64 entity, u64 counter, u64 n)
{
    u64 block[4];
    rng_block(block, seed, stream, entity, counter);
    return rng_scale(block[0], n);
}
