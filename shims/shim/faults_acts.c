/* faults_acts.c: what fault rules do besides the call's outcome. */
#include "faults.h"
#include "process.h"

#define ENTRY_DRAW(g) ((u32)((g)->draws[DRAW_DELAYS] >> 32))
#define EXIT_DRAW(g) ((u32)(g)->draws[DRAW_DELAYS])

/* ---- one process ---- */
static void stop(struct proc *p, u64 for_ns)
{
    struct siginfo_bytes info;
    siginfo_kill(&info, SIG_STOP, SI_USER_CODE, 0, 0);
    signal_send(p, 0, &info);
    if (for_ns && !timer_arm(WORLD, &FAULTS->procs[p->index].stop, WORLD->now_ns + for_ns, TIMER_FAULT,
                             FAULT_RULES_MAX + p->index))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
}

void faults_continue(struct proc *p)
{
    struct siginfo_bytes info;
    siginfo_kill(&info, SIG_CONT, SI_USER_CODE, 0, 0);
    signal_send(p, 0, &info);
}

void faults_do_to_process(const struct fault_action *a, struct proc *p)
{
    if (a->what & FAULT_STOP)
        stop(p, a->stop_ns);
    if (a->what & FAULT_CONTINUE)
        faults_continue(p);
    if (a->what & FAULT_KILL)
        process_kill(p, a->kill);
}

/* ---- the caller ---- */
static void poke(struct faulting *f, struct firing *g, int at_exit)
{
    const struct fault_action *a = g->action;
    if (!(a->what & (FAULT_POKE_ENTER | FAULT_POKE_EXIT)))
        return;
    for (u32 i = a->first_poke; i < a->first_poke + a->pokes; i++) {
        const struct fault_poke *p = &FAULTS->pokes[i];
        if (p->at_exit == (u32)at_exit && !copy_out(f->c->a[p->argument], faults_text(p->text), p->bytes))
            g->did |= at_exit ? FAULT_POKE_EXIT : FAULT_POKE_ENTER;
    }
}

/* Of all that fire, waited for once. */
static void delay(struct faulting *f, int at_exit)
{
    u32 what = at_exit ? FAULT_DELAY_EXIT : FAULT_DELAY_ENTER;
    u64 total = 0;
    for (u32 i = 0; i < f->count; i++) {
        struct firing *g = &f->firings[i];
        const struct fault_action *a = g->action;
        if (!(a->what & what))
            continue;
        g->amount = at_exit ? action_delay(FAULTS, a->delay_exit, a->delay_exit_ns, EXIT_DRAW(g))
                            : action_delay(FAULTS, a->delay_enter, a->delay_enter_ns, ENTRY_DRAW(g));
        g->did |= what;
        total += g->amount;
    }
    u64 until = WORLD->now_ns + total;
    while (WORLD->now_ns < until)
        park(f->c->t, WAIT_SLEEP, 0, until);
}

static void send(struct task *t, u32 signo)
{
    struct siginfo_bytes info;
    struct proc *p = proc_of(t);
    siginfo_kill(&info, (int)signo, SI_TKILL_CODE, p->pid, p->uid);
    signal_send(p, t, &info);
}

static void note(struct firing *g, u32 what, u64 amount)
{
    g->did |= what;
    if (!g->amount)
        g->amount = amount;
}

/* What may end or stop the process: it is on record before. */
static void end_or_stop(struct faulting *f, struct firing *g)
{
    const struct fault_action *a = g->action;
    struct task *t = f->c->t;
    u32 what = a->what & (FAULT_STOP | FAULT_KILL);
    if (!what)
        return;
    note(g, what, what & FAULT_STOP ? a->stop_ns : what & FAULT_KILL ? a->kill : 0);
    faults_record(f, g);
    if (a->what & FAULT_KILL)
        record_plain(t, EVENT_SIGNAL, a->kill, 0, 0);
    faults_do_to_process(a, f->c->p);
    if (f->c->p->state == PROC_STOPPED)
        stop_self(t);
}

static void act(struct faulting *f, struct firing *g)
{
    const struct fault_action *a = g->action;
    if ((a->what & FAULT_CORRUPT) && a->corrupt_where == CORRUPT_REST)
        faults_corrupt_at_rest(f, g);
    if (a->what & FAULT_SIGNAL) {
        note(g, FAULT_SIGNAL, a->signal);
        if (a->signal == SIG_KILL || a->signal == SIG_STOP)
            faults_record(f, g);
        send(f->c->t, a->signal);
        if (f->c->p->state == PROC_STOPPED)
            stop_self(f->c->t);
    }
    if (a->what & FAULT_CLOCK) {
        note(g, FAULT_CLOCK, a->clock_jump_ns < 0 ? -(u64)a->clock_jump_ns : (u64)a->clock_jump_ns);
        faults_move_clocks(f->c->p, a);
    }
    end_or_stop(f, g);
    if (a->what & FAULT_HOLD) {
        note(g, FAULT_HOLD, 0);
        faults_hold(f->c->t, a->hold_points);
    }
}

static void act_all(struct faulting *f, int at_exit)
{
    for (u32 i = 0; i < f->count; i++)
        if (f->firings[i].phase == (at_exit ? PHASE_EXIT : PHASE_ENTRY))
            act(f, &f->firings[i]);
}

static void record_all(struct faulting *f)
{
    for (u32 i = 0; i < f->count; i++) {
        struct firing *g = &f->firings[i];
        if (g->did || (g->overruled && !g->is_told))
            faults_record(f, g);
    }
}

void faults_entry_acts(struct faulting *f)
{
    for (u32 i = 0; i < f->count; i++)
        poke(f, &f->firings[i], 0);
    delay(f, 0);
    act_all(f, 0);
    record_all(f);
}

void faults_exit_acts(struct faulting *f)
{
    record_all(f);
    act_all(f, 1);
    for (u32 i = 0; i < f->count; i++)
        poke(f, &f->firings[i], 1);
    delay(f, 1);
    record_all(f);
}
