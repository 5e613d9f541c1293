/* signals.c: virtual signals.
 *
 * The kernel knows only the shim's handlers. Pending sets, masks, actions and alternate stacks of
 * the program are in the world; sending sets a bit and wakes the target's task, which acts at the
 * end of its trap: sigframe.c builds the program's frame. SIGKILL is real.
 */
#include "process.h"
#include "tracing.h"

static u64 bit(int signo) { return 1ul << (signo - 1); }

enum default_action default_action(int signo)
{
    switch (signo) {
    case SIG_CHLD:
    case SIG_URG:
    case SIG_WINCH:
    case SIG_CONT:
        return DEFAULT_IGNORE;
    case SIG_STOP:
    case SIG_TSTP:
    case SIG_TTIN:
    case SIG_TTOU:
        return DEFAULT_STOP;
    default:
        return DEFAULT_TERMINATE;
    }
}

static int is_ignored(const struct proc *p, int signo)
{
    u64 handler = p->actions[signo].handler;
    return handler == HANDLER_IGNORE || (handler == HANDLER_DEFAULT && default_action(signo) == DEFAULT_IGNORE);
}

/* ---- queues ---- */
static void queue_add(u32 *first, const struct siginfo_bytes *info)
{
    struct world *w = WORLD;
    u32 slot = w->free_signal;
    if (slot)
        w->free_signal = w->signals[slot].next;
    else if (w->used_signals + 1 < SIGNALS_QUEUED_MAX)
        slot = ++w->used_signals;
    else
        return; /* as the kernel does at RLIMIT_SIGPENDING: the bit stays, the value is lost */
    w->signals[slot].info = *info;
    w->signals[slot].next = 0;
    while (*first)
        first = &w->signals[*first].next;
    *first = slot;
}

/* Takes the first queued signal of this number. `more`: another one waits. */
static void queue_take(u32 *first, int signo, struct siginfo_bytes *info, int *more)
{
    struct world *w = WORLD;
    int found = 0;
    *more = 0;
    memset(info, 0, sizeof *info);
    info->signo = signo;
    while (*first) {
        struct queued_signal *q = &w->signals[*first];
        if (q->info.signo != signo) {
            first = &q->next;
        } else if (found) {
            *more = 1;
            return;
        } else {
            found = 1;
            *info = q->info;
            u32 slot = *first;
            *first = q->next;
            q->next = w->free_signal;
            w->free_signal = slot;
        }
    }
}

static void queue_drop(u32 *first, u64 signals)
{
    for (int signo = 1; signo <= 64; signo++) {
        struct siginfo_bytes ignored;
        int more = (signals & bit(signo)) != 0;
        while (more)
            queue_take(first, signo, &ignored, &more);
    }
}

void signals_forget(struct proc *p, u64 signals)
{
    if (p->sig_pending & signals)
        queue_drop(&p->sig_first, signals & p->sig_pending);
    p->sig_pending &= ~signals;
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc) {
        struct task *t = task_at(i);
        if (t->sig_pending & signals)
            queue_drop(&t->sig_first, signals & t->sig_pending);
        t->sig_pending &= ~signals;
    }
}

void signals_drop_all(struct proc *p)
{
    signals_forget(p, ~0ul);
}

/* ---- stopping and continuing ---- */
void siginfo_kill(struct siginfo_bytes *info, int signo, int code, u32 pid, u32 uid)
{
    memset(info, 0, sizeof *info);
    info->signo = signo;
    info->code = code;
    info->body[0] = pid | (u64)uid << 32;
}

static void tell_parent_of_stop(struct proc *p, int signo, int code)
{
    struct proc *parent = &WORLD->procs[p->parent];
    struct siginfo_bytes info;
    if (!p->parent)
        return;
    siginfo_kill(&info, SIG_CHLD, code, p->pid, p->uid);
    info.body[1] = (u64)signo;
    if (!(parent->actions[SIG_CHLD].flags & SA_NOCLDSTOP_FLAG))
        signal_send(parent, 0, &info);
    wake_child_waiters(parent);
}

static void stop_process(struct proc *p, int signo)
{
    if (p->state == PROC_STOPPED)
        return;
    if (signo != SIG_STOP && group_is_orphaned(p->pgid, 0))
        return; /* nobody could continue it */
    p->state = PROC_STOPPED;
    p->stop_signal = (u32)signo;
    p->stop_reported = 0;
    p->continued = 0;
    p->stops++;
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc) {
        if (task_at(i)->state == TASK_READY) {
            sched_remove(WORLD, i);
            task_at(i)->state = TASK_STOPPED;
        }
        lock_stopped(task_at(i));
        turn_stopped(task_at(i));
    }
    tell_parent_of_stop(p, signo, CLD_STOPPED_CODE);
}

static void continue_process(struct proc *p)
{
    signals_forget(p, STOP_SIGNALS);
    if (p->state != PROC_STOPPED)
        return;
    p->state = PROC_LIVE;
    p->continued = 1;
    p->stop_signal = 0;
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        if (task_at(i)->state == TASK_STOPPED && !is_trace_stopped(task_at(i)))
            sched_add(WORLD, i);
    tty_readers_restart(p);
    tell_parent_of_stop(p, SIG_CONT, CLD_CONTINUED_CODE);
}

/* ---- sending ---- */
/* The victim is parked (only the sender runs), so it is gone when its pidfd says so. */
void process_kill(struct proc *p, u32 signo)
{
    struct task *t = current_task();
    if (p == proc_of(t))
        process_exit(t, signo);
    robust_locks_die(p); /* while its memory is there */
    raw(__NR_kill, p->pid, SIG_KILL);
    wait_until_dead(p->pid);
    process_mark_dead(p, signo);
}

/* sigtimedwait takes a signal though it is blocked. */
static int awaits(const struct task *t, int signo)
{
    return t->wait == WAIT_SIGNAL && (t->wait_arg & bit(signo));
}

static int wants(const struct task *t, int signo)
{
    return awaits(t, signo) || !(t->sigmask & bit(signo));
}

static struct task *pick_target(struct proc *p, int signo)
{
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        if (wants(task_at(i), signo))
            return task_at(i);
    return p->first_task ? task_at(p->first_task) : 0;
}

/* To task t, or to any task of p when t is 0. */
void signal_send(struct proc *p, struct task *t, const struct siginfo_bytes *info)
{
    int signo = info->signo;
    if (p->state == PROC_ZOMBIE || p->state == PROC_FREE)
        return;
    if (signo == SIG_KILL) {
        process_kill(p, SIG_KILL);
        return;
    }
    if (signo == SIG_CONT)
        continue_process(p);
    if (bit(signo) & STOP_SIGNALS)
        signals_forget(p, bit(SIG_CONT));
    struct task *target = t ? t : pick_target(p, signo);
    int blocked = target && (target->sigmask & bit(signo));
    int to_tracer = !blocked && target && is_traced_for(target, signo);
    if (!blocked && !to_tracer && is_ignored(p, signo))
        return;
    if (!blocked && !to_tracer && p->actions[signo].handler == HANDLER_DEFAULT && default_action(signo) == DEFAULT_STOP) {
        stop_process(p, signo);
        return;
    }
    u64 *pending = t ? &t->sig_pending : &p->sig_pending;
    if (signo < 32 && (*pending & bit(signo)))
        return;
    *pending |= bit(signo);
    queue_add(t ? &t->sig_first : &p->sig_first, info);
    signalfds_wake(signo);
    if (to_tracer)
        trace_signal_came(target);
    else if (target && target->state == TASK_PARKED && target->wait != WAIT_VFORK && wants(target, signo))
        wake(target, WAKE_SIGNAL);
}

void signal_self(struct task *t, int signo)
{
    struct siginfo_bytes info;
    siginfo_kill(&info, signo, SI_USER_CODE, proc_of(t)->pid, proc_of(t)->uid);
    signal_send(proc_of(t), t, &info);
}

/* ---- taking ---- */
u64 signals_pending(const struct task *t)
{
    return t->sig_pending | proc_of(t)->sig_pending;
}

int signal_waits(struct task *t)
{
    return (signals_pending(t) & ~t->sigmask) != 0 || t->call_fault == CALL_ENDED;
}

/* Takes the next signal of `set`: synchronous ones first, then the lowest number, as the kernel does. */
int signal_take(struct task *t, u64 set, struct siginfo_bytes *info)
{
    struct proc *p = proc_of(t);
    u64 candidates = signals_pending(t) & set;
    if (!candidates)
        return 0;
    u64 first = candidates & SYNCHRONOUS_SIGNALS ? candidates & SYNCHRONOUS_SIGNALS : candidates;
    int signo = __builtin_ctzl(first) + 1, more;
    int own = (t->sig_pending & bit(signo)) != 0;
    queue_take(own ? &t->sig_first : &p->sig_first, signo, info, &more);
    if (!more)
        *(own ? &t->sig_pending : &p->sig_pending) &= ~bit(signo);
    if (info->code == SI_TIMER_CODE)
        posix_timer_signal_taken(info);
    return signo;
}

static void restart_call(struct trap *c)
{
    c->uc->regs.ip -= 2; /* the syscall instruction */
    c->uc->regs.ax = c->nr;
}

/* What an interrupted call comes to when a handler with these flags runs. */
static void settle_result(struct trap *c, i64 *result, u64 flags)
{
    if (*result == -ERESTARTSYS && (flags & SA_RESTART_FLAG))
        restart_call(c);
    else if (*result == -ERESTARTSYS || *result == -ERESTARTNOHAND)
        c->uc->regs.ax = (u64)-EINTR;
    *result = 0;
}

static void act_by_default(struct trap *c, int signo)
{
    enum default_action what = default_action(signo);
    if (what == DEFAULT_TERMINATE) {
        record_plain(c->t, EVENT_SIGNAL, (u32)signo, 0, 0);
        process_exit(c->t, (u32)signo);
    }
    if (what == DEFAULT_STOP) {
        stop_process(c->p, signo);
        if (c->p->state == PROC_STOPPED)
            stop_self(c->t);
    }
}

static void act(struct trap *c, int signo, struct siginfo_bytes *info, i64 *result)
{
    struct task *t = c->t;
    if (unlikely(t->tracer)) {
        if (is_traced_for(t, signo) && !(signo = trace_signal_taken(c, signo, info, result)))
            return;
        t->tracee.passed &= ~bit(signo);
    }
    struct sigaction_k action = c->p->actions[signo];
    if (action.handler == HANDLER_IGNORE)
        return;
    if (action.handler == HANDLER_DEFAULT) {
        act_by_default(c, signo);
        return;
    }
    settle_result(c, result, action.flags);
    record_plain(t, EVENT_SIGNAL, (u32)signo, 1, 0);
    WORLD->signals_delivered++;
    if (action.flags & SA_RESETHAND_FLAG)
        c->p->actions[signo].handler = HANDLER_DEFAULT;
    u64 mask = t->restore_mask ? t->saved_sigmask : t->sigmask;
    t->restore_mask = 0;
    u32 steps = t->trace_flags & TRACEE_STEPS;
    if (unlikely(steps))
        c->uc->regs.flags &= ~FLAG_TF;
    if (sigframe_push(c, &action, info, mask))
        process_exit(t, SIG_SEGV); /* no room for the frame */
    t->sigmask |= action.mask | (action.flags & SA_NODEFER_FLAG ? 0 : bit(signo));
    t->sigmask &= ~UNBLOCKABLE;
    if (unlikely(steps))
        trace_stepped(c, result); /* into the handler */
}

/* Back from a wait with another mask. */
static void restore_mask(struct task *t)
{
    t->sigmask = t->saved_sigmask;
    t->restore_mask = 0;
}

/* At the end of every trap. `result`: what the call came to, a restart code among them. A wait with
 * another mask delivers by that one only what interrupted it. */
void signals_deliver(struct trap *c, i64 result)
{
    struct task *t = c->t;
    struct siginfo_bytes info;
    int signo;
    if (unlikely(t->restore_mask) && result != -EINTR && result != -ERESTARTNOHAND)
        restore_mask(t);
    if (unlikely(c->steps)) {
        c->steps = 0;
        trace_stepped(c, &result);
    }
    do {
        while (unlikely(signal_waits(t)) && (signo = signal_take(t, ~t->sigmask, &info)))
            act(c, signo, &info, &result);
        if (unlikely(result == -ERESTARTSYS || result == -ERESTARTNOHAND))
            restart_call(c);
        result = 0;
        if (likely(!t->restore_mask))
            return;
        restore_mask(t);
    } while (signal_waits(t));
}

/* A synchronous fault of the program's own: cannot be blocked or ignored. */
void fault_signal(struct trap *c, struct siginfo_bytes *info)
{
    int signo = info->signo;
    i64 result = 0;
    c->steps = 0;
    struct sigaction_k *action = &c->p->actions[signo];
    if ((c->t->sigmask & bit(signo)) || action->handler == HANDLER_IGNORE) {
        c->t->sigmask &= ~bit(signo);
        action->handler = HANDLER_DEFAULT;
    }
    act(c, signo, info, &result);
    signals_deliver(c, 0);
}

void actions_reset(struct proc *p)
{
    for (int i = 1; i <= 64; i++) {
        struct sigaction_k *action = &p->actions[i];
        u64 kept = action->handler == HANDLER_IGNORE ? HANDLER_IGNORE : HANDLER_DEFAULT;
        memset(action, 0, sizeof *action);
        action->handler = kept;
    }
}

void signals_exec(struct proc *p, struct task *t)
{
    actions_reset(p);
    memset(&t->altstack, 0, sizeof t->altstack);
    t->altstack.flags = SS_DISABLE_FLAG;
    t->restore_mask = 0;
}
