#include "clocks.h"

#define BILLION 1000000000l
#define FOR_EVER (~0ul / 2)

static i64 scaled(u64 ns, i64 ppb)
{
    i64 whole = (i64)(ns / BILLION), rest = (i64)(ns % BILLION);
    return whole * ppb + rest * ppb / BILLION;
}

i64 clock_ahead(const struct fault_clock *k, u64 base_ns)
{
    u64 end = k->until_ns && base_ns > k->until_ns ? k->until_ns : base_ns;
    return k->ahead_ns + (end > k->since_ns ? scaled(end - k->since_ns, k->ppb) : 0);
}

u64 clock_takes(const struct fault_clock *k, u64 base_ns, u64 left_ns)
{
    u64 low = 0, high = FOR_EVER / 2;
    i64 start = clock_ahead(k, base_ns);
    if (left_ns >= high || (k->ppb <= CLOCK_STANDS_PPB && !k->until_ns && left_ns))
        return FOR_EVER;
    if (!k->ppb || (k->until_ns && base_ns >= k->until_ns))
        return left_ns;
    while (low < high) { /* the first at which it has */
        u64 middle = low + (high - low) / 2;
        i64 moved = (i64)middle + clock_ahead(k, base_ns + middle) - start;
        if (moved >= (i64)left_ns)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

void clock_change(struct fault_clock *k, u64 base_ns, i64 jump_ns, i64 ppb, u64 for_ns)
{
    k->ahead_ns = clock_ahead(k, base_ns) + jump_ns;
    k->since_ns = base_ns;
    k->ppb = ppb;
    k->until_ns = for_ns ? base_ns + for_ns : 0;
}
