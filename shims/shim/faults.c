/* faults.c: a call that some fault rule names.
 *
 * Which rules fire is decided before the call; what they do is put together as abi_faults.h says.
 */
#include "faults.h"

static void add_firing(struct faulting *f, u32 rule, u64 match, const u64 draws[4])
{
    const struct fault_rule *r = &FAULTS->rules[rule];
    if (f->count == FIRINGS_MAX)
        fatal("too many fault rules fire at one call; the limit is", FIRINGS_MAX);
    struct firing *g = &f->firings[f->count++];
    *g = (struct firing){.action = &r->action, .rule = (u16)rule, .match = match,
                         .phase = r->flags & FAULT_AFTER_CALL ? PHASE_EXIT : PHASE_ENTRY};
    for (int i = 0; i < 4; i++)
        g->draws[i] = draws[i];
}

/* A rule that the call matches: does it fire? */
static void consider(struct faulting *f, u32 rule)
{
    struct trap *c = f->c;
    const struct fault_rule *r = &FAULTS->rules[rule];
    struct fault_state *s = &FAULTS->states[rule];
    u64 draws[4], m = s->matched;
    u64 n = rule_count(FAULTS, rule, c->t->index, c->p->index, c->nr);
    rule_draws(draws, WORLD->config.fault_seed, r, m, 0);
    if (!rule_decides(r, s, n, draws[DRAW_PROB]))
        return;
    s->decided++;
    add_firing(f, rule, m + 1, draws);
}

static void decide(struct faulting *f)
{
    struct fault_set candidates;
    const struct fault_set *named = &FAULTS->call_rules[f->c->nr];
    u64 strace = 0;
    for (u32 i = 0; i < FAULTS->words_used; i++)
        strace |= named->words[i] & FAULTS->strace_rules.words[i];
    if (strace)
        FAULTS->tasks[f->c->t->index].calls[f->c->nr]++;
    if (!faults_candidates(f, &candidates))
        return;
    for (u32 i = 0; i < FAULTS->words_used; i++)
        for (u64 left = candidates.words[i]; left; left &= left - 1) {
            u32 rule = i * 64 + (u32)__builtin_ctzl(left);
            if (faults_matches(f, rule))
                consider(f, rule);
        }
}

/* A write that is cut short by a kill is: it says so before the call, though the end comes after it. */
static enum phase outcome_phase(const struct firing *g)
{
    const u32 cut = FAULT_SHORT | FAULT_KILL;
    return (g->action->what & cut) == cut ? PHASE_ENTRY : g->phase;
}

/* The first rule in the order that has an outcome decides it, for either side of the call. One that
 * leaves the call out leaves nothing to be done after it. */
static void choose_outcomes(struct faulting *f)
{
    const u32 instead = FAULT_ERROR | FAULT_RETVAL | FAULT_DROP;
    f->outcome[PHASE_ENTRY] = f->outcome[PHASE_EXIT] = 0;
    for (u32 i = 0; i < f->count; i++) {
        struct firing *g = &f->firings[i], **place = &f->outcome[outcome_phase(g)];
        if (!(g->action->what & FAULT_OUTCOMES))
            continue;
        if (*place)
            g->overruled = 1;
        else
            *place = g;
    }
    struct firing *first = f->outcome[PHASE_ENTRY], *last = f->outcome[PHASE_EXIT];
    if (first && last && (first->action->what & instead)) {
        last->overruled = 1;
        f->outcome[PHASE_EXIT] = 0;
    }
}

static void begin(struct faulting *f, struct trap *c)
{
    f->c = c;
    f->count = f->answers = f->targets_count = f->paths_known = 0;
    f->size = SIZE_UNKNOWN;
}

i64 faults_call(struct trap *c)
{
    struct faulting f;
    if (unlikely(faults_has_forgotten(c)))
        return 0;
    begin(&f, c);
    decide(&f);
    if (likely(!f.count))
        return trap_handle(c);
    choose_outcomes(&f);
    faults_entry_acts(&f);
    i64 result = faults_exit_outcome(&f, faults_entry_outcome(&f));
    faults_exit_acts(&f);
    return result;
}

/* A point of the preload library: what asks for memory can fail, of the rest only the acts are done. */
i64 faults_point(struct trap *c)
{
    struct faulting f;
    u64 nr = c->nr;
    i64 result = 0;
    begin(&f, c);
    c->nr = c->a[0];
    f.size = c->nr <= POINT_posix_memalign ? c->a[1] : SIZE_NONE;
    decide(&f);
    choose_outcomes(&f);
    if (f.count) {
        faults_entry_acts(&f);
        result = c->nr <= POINT_posix_memalign ? faults_memory_outcome(&f) : 0;
        faults_exit_acts(&f);
    }
    c->nr = nr;
    return result;
}
