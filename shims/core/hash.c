#include "hash.h"

#define P1 0x9E3779B185EBCA87ul
#define P2 0xC2B2AE3D27D4EB4Ful
#define P3 0x165667B19E3779F9ul
#define P4 0x85EBCA77C2B2AE63ul
#define P5 0x27D4EB2F165667C5ul

static inline u64 rotl(u64 x, int r) { return (x << r) | (x >> (64 - r)); }

static inline u64 load64(const u8 *p)
{
    u64 v;
    __builtin_memcpy(&v, p, 8);
    return v;
}

static inline u32 load32(const u8 *p)
{
    u32 v;
    __builtin_memcpy(&v, p, 4);
    return v;
}

static inline u64 round64(u64 acc, u64 input) { return rotl(acc + input * P2, 31) * P1; }
static inline u64 merge(u64 acc, u64 lane) { return (acc ^ round64(0, lane)) * P1 + P4; }

void hash_start(struct hash_state *h, u64 seed)
{
    h->lane[0] = seed + P1 + P2;
    h->lane[1] = seed + P2;
    h->lane[2] = seed;
    h->lane[3] = seed - P1;
    h->total = 0;
    h->filled = 0;
    h->seed = seed;
}

static const u8 *add_blocks(struct hash_state *h, const u8 *p, const u8 *end)
{
    u64 a = h->lane[0], b = h->lane[1], c = h->lane[2], d = h->lane[3];
    for (; p + 32 <= end; p += 32) {
        a = round64(a, load64(p));
        b = round64(b, load64(p + 8));
        c = round64(c, load64(p + 16));
        d = round64(d, load64(p + 24));
    }
    h->lane[0] = a;
    h->lane[1] = b;
    h->lane[2] = c;
    h->lane[3] = d;
    return p;
}

void hash_add(struct hash_state *h, const void *data, u64 n)
{
    const u8 *p = data, *end = p + n;
    h->total += n;
    while (h->filled && p < end) {
        h->block[h->filled++] = *p++;
        if (h->filled == 32) {
            add_blocks(h, h->block, h->block + 32);
            h->filled = 0;
        }
    }
    p = add_blocks(h, p, end);
    while (p < end)
        h->block[h->filled++] = *p++;
}

u64 hash_end(const struct hash_state *h)
{
    u64 acc = h->seed + P5;
    if (h->total >= 32) {
        const u64 *v = h->lane;
        acc = rotl(v[0], 1) + rotl(v[1], 7) + rotl(v[2], 12) + rotl(v[3], 18);
        for (int i = 0; i < 4; i++)
            acc = merge(acc, v[i]);
    }
    acc += h->total;
    const u8 *p = h->block, *end = p + h->filled;
    for (; p + 8 <= end; p += 8)
        acc = rotl(acc ^ round64(0, load64(p)), 27) * P1 + P4;
    if (p + 4 <= end) {
        acc = rotl(acc ^ (u64)load32(p) * P1, 23) * P2 + P3;
        p += 4;
    }
    for (; p < end; p++)
        acc = rotl(acc ^ *p * P5, 11) * P1;
    acc = (acc ^ (acc >> 33)) * P2;
    acc = (acc ^ (acc >> 29)) * P3;
    return acc ^ (acc >> 32);
}

u64 hash_bytes(const void *data, u64 n, u64 seed)
{
    struct hash_state h;
    hash_start(&h, seed);
    hash_add(&h, data, n);
    return hash_end(&h);
}
