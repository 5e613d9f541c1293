/* rules.h: when a fault rule fires, and what it draws (abi_faults.h has the rules of it). Pure. */
#ifndef DST_RULES_H
#define DST_RULES_H
#include "abi.h"

enum rule_draw { DRAW_PROB = 0, DRAW_CHOICE = 1, DRAW_DELAYS = 2, DRAW_SIZE = 3 };

static inline int set_has(const struct fault_set *s, u32 rule)
{
    return (int)(s->words[rule / 64] >> rule % 64 & 1);
}
static inline void set_add(struct fault_set *s, u32 rule)
{
    s->words[rule / 64] |= 1ul << rule % 64;
}
static inline void set_join(struct fault_set *s, const struct fault_set *more)
{
    for (u32 i = 0; i < FAULT_WORDS; i++)
        s->words[i] |= more->words[i];
}

/* Counts a match and gives its number in the rule's scope, from 1. */
u64 rule_count(struct fault_world *f, u32 rule, u32 task, u32 proc, u64 nr);
/* Match number `n` in the scope, with this draw: does it fire? */
int rule_decides(const struct fault_rule *r, const struct fault_state *s, u64 n, u64 draw);
/* The four words of match `m` (of all scopes, from 0); `more`: the k-th block of further words. */
void rule_draws(u64 out[4], u64 fault_seed, const struct fault_rule *r, u64 m, u64 more);

u32 action_errno(const struct fault_action *a, u64 draw);
/* How long: by distribution number `delay`, 0: always constant_ns. */
u64 action_delay(const struct fault_world *f, u32 delay, u64 constant_ns, u32 draw);
/* How many of `asked` bytes are transferred. */
u64 action_short(const struct fault_action *a, u64 asked, u64 draw);
#endif
