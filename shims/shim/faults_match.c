/* faults_match.c: which rules let a call pass. */
#include "faults.h"

int faults_candidates(struct trap *c, struct fault_set *to)
{
    const struct fault_set *named = &FAULTS->call_rules[c->nr];
    u64 any = 0;
    for (u32 i = 0; i < FAULTS->words_used; i++)
        any |= to->words[i] = named->words[i] & FAULTS->no_object.words[i];
    return any != 0;
}

int faults_matches(struct trap *c, u32 rule)
{
    const struct fault_rule *r = &FAULTS->rules[rule];
    u64 since = WORLD->now_ns - WORLD->config.boot_ns;
    (void)c;
    return since >= r->not_before_ns && since < r->not_after_ns;
}
