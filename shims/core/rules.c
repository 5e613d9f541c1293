#include "rules.h"

#include "rng.h"

#define MILLION 1000000ul
#define BLOCK_SHIFT 48

u64 rule_count(struct fault_world *f, u32 rule, u32 task, u32 proc, u64 nr)
{
    u64 matched = ++f->states[rule].matched;
    switch (f->rules[rule].scope) {
    case FAULT_COUNT_PROCESS:
        return ++f->procs[proc].matched[rule];
    case FAULT_COUNT_THREAD:
        return ++f->tasks[task].matched[rule];
    case FAULT_COUNT_STRACE:
        return f->tasks[task].calls[nr];
    default:
        return matched;
    }
}

static int when_takes(const struct fault_rule *r, u64 n)
{
    return n >= r->when_from && n <= r->when_to && (n - r->when_from) % r->when_step == 0;
}

int rule_decides(const struct fault_rule *r, const struct fault_state *s, u64 n, u64 draw)
{
    if (r->at_most && s->decided >= r->at_most)
        return 0;
    if (s->is_stuck)
        return 1;
    return when_takes(r, n) && (draw < r->prob_below || r->prob_below == FAULT_NO_END);
}

void rule_draws(u64 out[4], u64 fault_seed, const struct fault_rule *r, u64 m, u64 more)
{
    rng_block(out, fault_seed, RNG_FAULT, r->stream, m + (more << BLOCK_SHIFT));
}

u32 action_errno(const struct fault_action *a, u64 draw)
{
    u32 i = 0;
    while (i + 1 < a->errors && draw >= a->error_below[i])
        i++;
    return a->error[i];
}

u64 action_delay(const struct fault_world *f, u32 delay, u64 constant_ns, u32 draw)
{
    if (!delay)
        return constant_ns;
    const u64 *q = &f->delays[delay].quantile_ns[draw >> 24];
    return q[0] + (u64)((unsigned __int128)(q[1] - q[0]) * (draw & 0xffffff) >> 24);
}

u64 action_short(const struct fault_action *a, u64 asked, u64 draw)
{
    u64 n = a->short_value;
    if (asked < 2 && a->short_how != SHORT_BYTES)
        return asked;
    if (a->short_how == SHORT_PPM) {
        n = asked / MILLION * a->short_value + asked % MILLION * a->short_value / MILLION;
        n = n ? n : 1;
    } else if (a->short_how == SHORT_RANDOM) {
        n = 1 + rng_scale(draw, asked - 1);
    }
    return n < asked ? n : asked;
}
