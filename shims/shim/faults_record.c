/* faults_record.c: an injection is counted, and an event. */
#include "faults.h"

void faults_count_fired(const struct firing *g)
{
    struct fault_state *s = &FAULTS->states[g->rule];
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
    if (g->overruled && !g->is_told)
        FAULTS->states[g->rule].overruled++;
    g->is_told = 1;
    if (g->did && !g->is_counted)
        faults_count_fired(g);
    g->is_counted |= g->did != 0;
    f->c->injected = 1;
    record_fault(f->c->t, (u32)f->c->nr, &r);
    g->did = 0;
    g->amount = 0;
}
