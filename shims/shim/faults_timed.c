/* faults_timed.c: rules that fire at a time, and stops that end at one. */
#include "decisions.h"
#include "faults.h"
#include "process.h"

#define TO_PROCESSES (FAULT_SIGNAL | FAULT_KILL | FAULT_STOP | FAULT_CONTINUE | FAULT_CLOCK)

static void arm(u32 rule, u64 deadline_ns)
{
    if (!timer_arm(WORLD, &FAULTS->states[rule].timer, deadline_ns, TIMER_FAULT, rule))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
}

/* Rules that were not looked at so far: those of the plan, those that callbacks add. */
void faults_arm_new(void)
{
    for (; FAULTS->timed_armed < FAULTS->rules_count; FAULTS->timed_armed++) {
        u32 rule = FAULTS->timed_armed;
        const struct fault_rule *r = &FAULTS->rules[rule];
        if (!(r->flags & FAULT_TIMED))
            continue;
        if (!r->from_mark)
            arm(rule, WORLD->config.boot_ns + r->at_ns);
        else if (FAULTS->marks[r->from_mark].seen)
            arm(rule, FAULTS->marks[r->from_mark].seen_ns + r->at_ns);
    }
}

void faults_start(void)
{
    faults_arm_new();
}

/* A mark was written for the first time. */
void faults_mark_seen(u32 mark)
{
    for (u32 rule = 0; rule < FAULTS->rules_count; rule++) {
        const struct fault_rule *r = &FAULTS->rules[rule];
        if ((r->flags & FAULT_TIMED) && r->from_mark == mark)
            arm(rule, WORLD->now_ns + r->at_ns);
    }
}

void faults_proc_gone(struct proc *p)
{
    timer_cancel(WORLD, &FAULTS->procs[p->index].stop);
}

/* ---- victims ---- */
static int is_victim(const struct proc *p, u32 rule)
{
    if (p->state != PROC_LIVE && p->state != PROC_STOPPED)
        return 0;
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        if (faults_task_passes(task_at(i), rule))
            return 1;
    return 0;
}

static u32 count_victims(u32 rule)
{
    u32 n = 0;
    for (u32 i = 1; i <= WORLD->used_procs; i++)
        n += (u32)is_victim(&WORLD->procs[i], rule);
    return n;
}

static void record_timed(const struct firing *g, u32 did, u32 victim)
{
    const struct fault_action *a = g->action;
    struct fault_record r = {.rule = g->rule, .did = did, .match = g->match, .victim = victim};
    u64 jump = a->clock_jump_ns < 0 ? -(u64)a->clock_jump_ns : (u64)a->clock_jump_ns;
    r.amount = did & FAULT_CORRUPT ? g->amount : did & FAULT_CLOCK && jump ? jump : did & FAULT_STOP ? a->stop_ns : did & FAULT_SIGNAL ? a->signal : did & FAULT_KILL ? a->kill : 0;
    record_fault(current_task(), NR_TIMED, &r);
}

static void do_to(const struct firing *g, struct proc *p)
{
    const struct fault_action *a = g->action;
    struct siginfo_bytes info;
    record_timed(g, a->what & TO_PROCESSES, p->pid);
    if (a->what & FAULT_CLOCK)
        faults_move_clocks(p, a);
    if (a->what & FAULT_SIGNAL) {
        siginfo_kill(&info, (int)a->signal, SI_USER_CODE, 0, 0);
        signal_send(p, 0, &info);
    }
    faults_do_to_process(a, p);
}

/* The own process comes last: nobody comes back from its end. */
static void do_to_victims(const struct firing *g)
{
    struct proc *own = proc_of(current_task());
    u32 n = count_victims(g->rule);
    if (n)
        faults_count_fired(g);
    u64 chosen = g->action->victims == VICTIMS_ONE ? rng_scale(g->draws[DRAW_CHOICE], n) : ~0ul;
    int own_too = 0;
    if (!n)
        record_timed(g, 0, 0);
    u32 used = WORLD->used_procs;
    for (u32 i = 1, k = 0; i <= used; i++) {
        struct proc *p = &WORLD->procs[i];
        if (!is_victim(p, g->rule) || (chosen != ~0ul && k++ != chosen))
            continue;
        if (p == own)
            own_too = 1;
        else
            do_to(g, p);
    }
    if (own_too)
        do_to(g, own);
}

static void corrupt_file(struct firing *g, const struct fault_rule *r)
{
    int done = faults_corrupt_file(g, faults_text(r->file));
    if (done)
        faults_count_fired(g);
    record_timed(g, done ? FAULT_CORRUPT : 0, 0);
}

static void timed_rule(u32 rule)
{
    const struct fault_rule *r = &FAULTS->rules[rule];
    struct fault_state *s = &FAULTS->states[rule];
    struct faulting f;
    struct firing g = {.rule = (u16)rule, .match = s->matched + 1};
    f.answers = f.targets.count = 0;
    f.is_timed = 1;
    if (!faults_window_is_open(r))
        return;
    rule_draws(g.draws, WORLD->config.fault_seed, r, s->matched, 0);
    u64 n = ++s->matched;
    g.action = choose_fault(r, s, g.match, n, g.draws[DRAW_PROB]);
    if (!g.action)
        return;
    if (!(r->flags & FAULT_CALLBACK))
        s->decided++;
    else if (!faults_ask(&f, &g, 0))
        return;
    if (g.action->what & FAULT_CORRUPT)
        corrupt_file(&g, r);
    if (g.action->what & TO_PROCESSES)
        do_to_victims(&g);
}

void faults_timer_fired(u32 id, u64 deadline_ns)
{
    if (id >= FAULT_RULES_MAX) {
        faults_continue(&WORLD->procs[id - FAULT_RULES_MAX]);
        return;
    }
    if (FAULTS->rules[id].every_ns)
        arm(id, deadline_ns + FAULTS->rules[id].every_ns);
    timed_rule(id);
}
