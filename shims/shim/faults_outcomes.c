/* faults_outcomes.c: what a call gives when a fault rule decides it. */
#include "faults.h"

static i64 do_call(struct trap *c)
{
    return syscall_rows[c->nr].handler(c);
}

/* What a rule makes the result, done or not. */
static i64 other_result(struct firing *g, i64 before)
{
    const struct fault_action *a = g->action;
    u32 what = a->what & (FAULT_ERROR | FAULT_RETVAL);
    g->did |= what;
    g->before = before;
    g->after = what & FAULT_ERROR ? -(i64)action_errno(a, g->draws[DRAW_CHOICE]) : a->retval;
    return g->after;
}

i64 faults_entry_outcome(struct faulting *f)
{
    struct firing *g = f->outcome[PHASE_ENTRY];
    if (g && (g->action->what & (FAULT_ERROR | FAULT_RETVAL)))
        return other_result(g, 0);
    return do_call(f->c);
}

i64 faults_exit_outcome(struct faulting *f, i64 result)
{
    struct firing *g = f->outcome[PHASE_EXIT];
    if (g && (g->action->what & (FAULT_ERROR | FAULT_RETVAL)))
        return other_result(g, result);
    return result;
}
