/* faults_record.c: an injection is counted, and an event. */
#include "faults.h"

static void count_firing(const struct firing *g)
{
    struct fault_state *s = &FAULTS->states[g->rule];
    if (g->overruled && !g->did) {
        s->overruled++;
        return;
    }
    if (!s->fired++)
        s->first_ns = WORLD->now_ns;
    s->last_ns = WORLD->now_ns;
    if (FAULTS->rules[g->rule].flags & FAULT_STICKY)
        s->is_stuck = 1;
}

void faults_record(struct faulting *f, struct firing *g)
{
    struct fault_record r = {
        .rule = g->rule, .did = g->did, .match = g->match, .before = g->before, .after = g->after,
        .amount = g->amount, .victim = g->victim, .after_call = g->phase == PHASE_EXIT};
    if (!g->counted)
        count_firing(g);
    g->counted = 1;
    f->c->injected = 1;
    record_fault(f->c->t, (u32)f->c->nr, &r);
    g->did = 0;
    g->amount = 0;
}
