#include "clocks.h"

#define BILLION 1000000000l
#define LEFT_MAX (CLOCK_FOR_EVER / 4)

static i64 scaled(u64 ns, i64 ppb)
{
    i64 whole = (i64)(ns / BILLION), rest = (i64)(ns % BILLION);
    return whole * ppb + rest * (ppb / BILLION) + rest * (ppb % BILLION) / BILLION;
}

i64 clock_ahead(const struct fault_clock *k, u64 base_ns)
{
    u64 end = k->until_ns && base_ns > k->until_ns ? k->until_ns : base_ns;
    return k->ahead_ns + (end > k->since_ns ? scaled(end - k->since_ns, k->ppb) : 0);
}

static int stands(const struct fault_clock *k)
{
    return k->ppb <= CLOCK_STANDS_PPB && !k->until_ns;
}

i64 clock_left(const struct fault_clock *k, u64 base_ns, u64 until_ns)
{
    if (stands(k) && until_ns > CLOCK_FOR_EVER)
        return (i64)(until_ns - CLOCK_FOR_EVER);
    return (i64)(until_ns - base_ns) + clock_ahead(k, until_ns) - clock_ahead(k, base_ns);
}

u64 clock_takes(const struct fault_clock *k, u64 base_ns, u64 left_ns)
{
    u64 low = 0, high = CLOCK_FOR_EVER / 2;
    i64 start = clock_ahead(k, base_ns);
    if (stands(k) && left_ns)
        return CLOCK_FOR_EVER + (left_ns < LEFT_MAX ? left_ns : LEFT_MAX) - base_ns;
    if (left_ns >= high)
        return CLOCK_FOR_EVER;
    if (!k->ppb || (k->until_ns && base_ns >= k->until_ns))
        return left_ns;
    if (k->ppb > 0)
        high = left_ns; /* and beyond it what it shows may be more than a number holds */
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
