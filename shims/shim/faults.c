/* faults.c: a call that some fault rule names.
 *
 * Which rules fire is decided before the call; what they do is put together as abi_faults.h says.
 */
#include "decisions.h"
#include "faults.h"

/* A rule that the call matches: does it fire? */
static void consider(struct faulting *f, u32 rule)
{
    struct trap *c = f->c;
    const struct fault_rule *r = &FAULTS->rules[rule];
    struct fault_state *s = &FAULTS->states[rule];
    struct firing g = {.rule = (u16)rule, .match = s->matched + 1,
                       .phase = r->flags & FAULT_AFTER_CALL ? PHASE_EXIT : PHASE_ENTRY,
                       .asks = (r->flags & FAULT_CALLBACK) != 0};
    rule_draws(g.draws, WORLD->config.fault_seed, r, s->matched, 0);
    if (f->is_late)
        g.phase = PHASE_EXIT;
    u64 n = rule_count(FAULTS, rule, c->t->index, c->p->index, c->nr);
    g.action = choose_fault(r, s, g.match, n, g.draws[DRAW_PROB]);
    if (!g.action)
        return;
    if (!g.asks)
        s->decided++;
    else if (g.phase == PHASE_ENTRY && !faults_ask(f, &g, 0))
        return;
    if (f->count == FIRINGS_MAX)
        fatal("too many fault rules fire at one call; the limit is", FIRINGS_MAX);
    f->firings[f->count++] = g;
}

static void decide(struct faulting *f, const struct fault_set *candidates)
{
    for (u32 i = 0; i < FAULTS->words_used; i++)
        for (u64 left = candidates->words[i]; left; left &= left - 1) {
            u32 rule = i * 64 + (u32)__builtin_ctzl(left);
            if (faults_matches(f, rule))
                consider(f, rule);
        }
}

/* strace counts a call whatever its rules say. */
static void count_as_strace(const struct trap *c)
{
    const struct fault_set *named = &FAULTS->call_rules[c->nr];
    u64 any = 0;
    for (u32 i = 0; i < FAULTS->words_used && !c->is_part; i++)
        any |= named->words[i] & FAULTS->strace_rules.words[i];
    if (any)
        FAULTS->tasks[c->t->index].calls[c->nr]++;
}

/* A write that is cut short by a kill is: it says so before the call, though the end comes after it. */
static enum phase outcome_phase(const struct firing *g)
{
    const u32 cut = FAULT_SHORT | FAULT_KILL;
    return (g->action->what & cut) == cut ? PHASE_ENTRY : g->phase;
}

/* The first rule in the order that has an outcome decides it, for either side of the call. */
static struct firing *choose_outcome(struct faulting *f, enum phase phase)
{
    struct firing *first = 0;
    for (u32 i = 0; i < f->count; i++) {
        struct firing *g = &f->firings[i];
        if (outcome_phase(g) != phase || !outcome_of(g->action))
            continue;
        if (first)
            g->overruled = 1;
        else
            first = g;
    }
    return first;
}

/* Functions that are asked when the call has been done. */
static void ask_after(struct faulting *f, i64 result)
{
    static const struct fault_action nothing;
    for (u32 i = 0; i < f->count; i++) {
        struct firing *g = &f->firings[i];
        if (g->asks && g->phase == PHASE_EXIT && !faults_ask(f, g, result))
            g->action = &nothing;
    }
}

/* The call was left out: nothing is to be done after it. */
static void drop_exit(struct faulting *f)
{
    u32 kept = 0;
    for (u32 i = 0; i < f->count; i++) {
        struct firing *g = &f->firings[i];
        if (g->phase == PHASE_EXIT && g->asks)
            continue;
        g->overruled |= g->phase == PHASE_EXIT && outcome_of(g->action);
        f->firings[kept++] = *g;
    }
    f->count = kept;
}

static i64 do_call(struct faulting *f)
{
    struct firing *g = choose_outcome(f, PHASE_ENTRY);
    i64 result = faults_entry_outcome(f, g);
    f->paths_known = 0; /* the call may have used their place, or changed what they lead to */
    if (g && (g->did & (FAULT_ERROR | FAULT_RETVAL | FAULT_DROP))) {
        drop_exit(f);
        return result;
    }
    ask_after(f, result);
    return faults_exit_outcome(f, choose_outcome(f, PHASE_EXIT), result);
}

static void begin(struct faulting *f, struct trap *c)
{
    f->c = c;
    f->count = f->answers = f->paths_known = f->is_timed = f->is_late = 0;
    f->size = SIZE_UNKNOWN;
}

/* Apart, for its frame is large. */
static __attribute__((noinline)) i64 call_with_rules(struct trap *c, const struct targets *targets,
                                                     const struct fault_set *candidates)
{
    struct faulting f;
    begin(&f, c);
    f.targets = *targets;
    decide(&f, candidates);
    if (likely(!f.count))
        return trap_handle(c);
    faults_entry_acts(&f);
    i64 result = do_call(&f);
    faults_exit_acts(&f);
    return result;
}

/* ---- accept: whose connection it is shows when it is there ---- */
/* Those of the rules that ask for the other end, out of the rest. */
static int take_peer_rules(struct fault_set *from, struct fault_set *late)
{
    int any = 0;
    memset(late, 0, sizeof *late);
    for (u32 i = 0; i < FAULTS->rules_count; i++)
        if (set_has(from, i) && FAULTS->rules[i].peers) {
            from->words[i / 64] &= ~(1ul << i % 64);
            set_add(late, i);
            any = 1;
        }
    return any;
}

static __attribute__((noinline)) i64 accepted_with_rules(struct trap *c, i64 fd, const struct fault_set *late)
{
    struct faulting f;
    begin(&f, c);
    f.is_late = 1;
    f.targets.count = 1;
    f.targets.list[0] = (struct target){.fd = fd, .object = fd_object(c->p, fd)};
    decide(&f, late);
    faults_entry_acts(&f);
    ask_after(&f, fd);
    struct firing *g = choose_outcome(&f, PHASE_EXIT);
    i64 result = g ? faults_accept_outcome(&f, g, fd) : fd;
    faults_exit_acts(&f);
    return result;
}

static i64 accept_with_rules(struct trap *c, const struct targets *targets, struct fault_set *candidates)
{
    struct fault_set late;
    if (!take_peer_rules(candidates, &late))
        return call_with_rules(c, targets, candidates);
    i64 fd = call_with_rules(c, targets, candidates);
    return fd < 0 ? fd : accepted_with_rules(c, fd, &late);
}

i64 faults_call(struct trap *c)
{
    struct fault_set candidates;
    struct targets targets;
    if (unlikely(faults_has_forgotten(c)))
        return 0;
    count_as_strace(c);
    if (likely(!faults_candidates(c, &targets, &candidates)))
        return trap_handle(c);
    if (unlikely(c->nr == __NR_accept || c->nr == __NR_accept4))
        return accept_with_rules(c, &targets, &candidates);
    return call_with_rules(c, &targets, &candidates);
}

/* A point of the preload library: what asks for memory can fail, of the rest only the acts are done. */
i64 faults_point(struct trap *c)
{
    struct fault_set candidates;
    struct faulting f;
    u64 nr = c->nr;
    i64 result = 0;
    begin(&f, c);
    c->nr = c->a[0];
    f.size = c->nr <= POINT_posix_memalign ? c->a[1] : SIZE_NONE;
    if (faults_candidates(c, &f.targets, &candidates))
        decide(&f, &candidates);
    if (f.count) {
        faults_entry_acts(&f);
        ask_after(&f, 0);
        result = c->nr <= POINT_posix_memalign ? faults_memory_outcome(choose_outcome(&f, PHASE_ENTRY)) : 0;
        faults_exit_acts(&f);
    }
    c->nr = nr;
    return result;
}
