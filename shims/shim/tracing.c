/* tracing.c: tasks that trace others of the simulation (ptrace), and the stops of these.
 *
 * While one task runs all others sleep in the shim, with their registers in frames in the world. So
 * what stops a tracee stops it where it is, in the middle of a call as well, and that call goes on
 * undisturbed when the tracer lets it. A signal stops a tracee before it acts; one that the tracer
 * lets through is sent to it again. Only what a task does to itself (a fault, raise) stops it at the
 * end of its call, where its registers can be set too.
 */
#include "tracing.h"

#include "files.h"
#include "process.h"

#define FAILURE_NO_TASK (-(i64)ESRCH)
#define TRAP_TRACE_CODE 2

static void tell_tracer(const struct task *t)
{
    struct proc *tracer = proc_of(task_at(t->tracer));
    struct siginfo_bytes info;
    siginfo_kill(&info, SIG_CHLD, CLD_TRAPPED_CODE, t->tid, proc_of(t)->uid);
    info.body[1] = t->tracee.status & 0x7f;
    if (!(tracer->actions[SIG_CHLD].flags & SA_NOCLDSTOP_FLAG))
        signal_send(tracer, 0, &info);
    wake_child_waiters(tracer);
}

static void set_trap_flag(const struct task *t, int on)
{
    struct sigcontext_k *regs = (struct sigcontext_k *)t->trap_registers;
    regs->flags = on ? regs->flags | FLAG_TF : regs->flags & ~FLAG_TF;
}

static void stop(struct task *t, u32 status, const struct siginfo_bytes *info, u32 how)
{
    if (t->trace_flags & TRACEE_STEPS)
        set_trap_flag(t, 0);
    t->trace_flags = (t->trace_flags & TRACEE_SEIZED) | TRACEE_STOPPED | how;
    t->tracee.status = status;
    t->tracee.info = *info;
    record_plain(t, EVENT_SIGNAL, status & 0x7f, SIGNAL_TO_TRACER, 0);
    tell_tracer(t);
}

/* Who is held in vfork is in the kernel. */
static int can_be_stopped(const struct task *t)
{
    return t != current_task() && !is_trace_stopped(t) && t->wait != WAIT_VFORK;
}

static void stop_in_place(struct task *t, u32 status, const struct siginfo_bytes *info)
{
    if (t->state == TASK_READY) {
        sched_remove(WORLD, t->index);
        t->state = TASK_STOPPED;
    }
    stop(t, status, info, 0);
    lock_stopped(t);
    turn_stopped(t);
}

void trace_signal_came(struct task *t)
{
    struct siginfo_bytes info;
    if (!can_be_stopped(t))
        return;
    int signo = signal_take(t, ~(t->sigmask | t->tracee.passed), &info);
    if (signo)
        stop_in_place(t, (u32)signo, &info);
}

int trace_interrupt(struct task *t)
{
    struct siginfo_bytes info;
    if (is_trace_stopped(t))
        return 1;
    if (!can_be_stopped(t))
        return 0;
    siginfo_kill(&info, SIG_TRAP, SIG_TRAP | STOP_EVENT, t->tid, proc_of(t)->uid);
    stop_in_place(t, SIG_TRAP | STOP_EVENT, &info);
    return 1;
}

int trace_signal_taken(struct trap *c, int signo, struct siginfo_bytes *info, i64 *result)
{
    struct task *t = c->t;
    u64 ax = c->uc->regs.ax;
    t->tracee.original_ax = c->nr;
    stop(t, (u32)signo, info, TRACEE_AT_END);
    stop_self(t);
    if (c->uc->regs.ax != ax || t->tracee.original_ax != c->nr)
        *result = 0; /* the tracer has decided what becomes of the call */
    *info = t->tracee.info;
    return (int)t->tracee.resume_signal;
}

void trace_stepped(struct trap *c, i64 *result)
{
    struct siginfo_bytes info;
    memset(&info, 0, sizeof info);
    info.signo = SIG_TRAP;
    info.code = TRAP_TRACE_CODE;
    info.body[0] = c->uc->regs.ip;
    int signo = trace_signal_taken(c, SIG_TRAP, &info, result);
    if (signo) {
        c->t->tracee.passed |= SIG_BIT(signo);
        signal_send(c->p, c->t, &info);
    }
}

/* Sent again, to act this time. It may have nothing to act on. */
static void pass_signal(struct task *t, int signo)
{
    struct siginfo_bytes info = t->tracee.info;
    t->tracee.passed |= SIG_BIT(signo);
    signal_send(proc_of(t), t, &info);
    if (!(t->sig_pending & SIG_BIT(signo)))
        t->tracee.passed &= ~SIG_BIT(signo);
}

static void go_on(struct task *t, int signo)
{
    struct proc *p = proc_of(current_task());
    u32 at_end = t->trace_flags & TRACEE_AT_END;
    t->trace_flags &= TRACEE_SEIZED | TRACEE_STEPS;
    t->tracee.resume_signal = (u32)signo;
    if (signo && signo != t->tracee.info.signo)
        siginfo_kill(&t->tracee.info, signo, SI_USER_CODE, p->pid, p->uid);
    if (t->state == TASK_STOPPED)
        make_ready(t);
    if (signo && !at_end)
        pass_signal(t, signo);
}

void trace_resume(struct task *t, int signo)
{
    u32 at_end = t->trace_flags & TRACEE_AT_END;
    go_on(t, signo);
    if (t->tracer && !at_end)
        trace_signal_came(t); /* another one may have come meanwhile */
}

void trace_step(struct task *t, int signo)
{
    set_trap_flag(t, 1);
    t->trace_flags |= TRACEE_STEPS;
    trace_resume(t, signo);
}

/* ---- who traces whom ---- */
void trace_begin(struct task *tracer, struct task *t, u32 flags, u64 options)
{
    struct proc *p = proc_of(tracer);
    memset(&t->tracee, 0, sizeof t->tracee);
    t->tracer = tracer->index;
    t->trace_flags = flags;
    t->tracee.options = (u32)options;
    t->tracee.next = p->first_tracee;
    if (p->first_tracee)
        task_at(p->first_tracee)->tracee.prev = t->index;
    p->first_tracee = t->index;
}

static void unlink_tracee(struct task *t)
{
    struct proc *p = proc_of(task_at(t->tracer));
    if (t->tracee.prev)
        task_at(t->tracee.prev)->tracee.next = t->tracee.next;
    else
        p->first_tracee = t->tracee.next;
    if (t->tracee.next)
        task_at(t->tracee.next)->tracee.prev = t->tracee.prev;
    t->tracer = 0;
}

void trace_end(struct task *t, int signo)
{
    int was_stopped = is_trace_stopped(t);
    unlink_tracee(t);
    if (t->trace_flags & TRACEE_STEPS)
        set_trap_flag(t, 0);
    if (was_stopped)
        go_on(t, signo);
    t->trace_flags = 0;
    if (t->state == TASK_PARKED && t->wait != WAIT_VFORK && signal_waits(t))
        wake(t, WAKE_SIGNAL); /* it came while it was stopped */
}

static struct task *first_tracee_of(const struct proc *p, const struct task *tracer)
{
    for (u32 i = p->first_tracee; i; i = task_at(i)->tracee.next)
        if (task_at(i)->tracer == tracer->index)
            return task_at(i);
    return 0;
}

void trace_forget(struct proc *p, struct task *t)
{
    struct task *tracee;
    if (t->tracer) {
        struct task *tracer = task_at(t->tracer);
        if (t->trace_flags & TRACEE_SERVES) /* killed from outside meanwhile */
            make_ready(tracer);
        unlink_tracee(t);
        wake_child_waiters(proc_of(tracer));
    }
    while ((tracee = first_tracee_of(p, t))) {
        u64 kills = tracee->tracee.options & PTRACE_O_EXITKILL_FLAG;
        struct siginfo_bytes info;
        siginfo_kill(&info, SIG_KILL, SI_USER_CODE, p->pid, p->uid);
        trace_end(tracee, 0);
        if (kills)
            signal_send(proc_of(tracee), 0, &info);
    }
}

/* It stops when the new program's loader has made its first call. */
void trace_exec(struct task *t)
{
    t->trace_flags &= ~(u32)TRACEE_STEPS;
    if (t->tracer && !(t->trace_flags & TRACEE_SEIZED))
        signal_self(t, SIG_TRAP);
}

/* ---- what only the tracee can do: it is lent the token for it ---- */
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003

/* Breakpoints are written over code that the program itself cannot write. */
static i64 poke(u64 address, const u64 *value)
{
    i64 fd = raw(__NR_openat, AT_FDCWD_K, "/proc/self/mem", 2 /* O_RDWR */ | O_CLOEXEC_FLAG, 0);
    if (fd < 0)
        return copy_out(address, value, sizeof *value);
    i64 written = raw(__NR_pwrite64, fd, value, sizeof *value, address);
    raw(__NR_close, fd);
    return written == sizeof *value ? 0 : -EFAULT;
}

static i64 do_service(struct tracee *me)
{
    switch (me->service) {
    case SERVE_PEEK:
        return copy_in(&me->value, me->address, sizeof me->value);
    case SERVE_POKE:
        return poke(me->address, &me->value);
    case SERVE_GET_FS:
        return raw(__NR_arch_prctl, ARCH_GET_FS, &me->value);
    default:
        return raw(__NR_arch_prctl, ARCH_SET_FS, me->value);
    }
}

struct task *trace_serve(struct task *t)
{
    struct tracee *me = &t->tracee;
    me->result = do_service(me);
    t->trace_flags &= ~(u32)TRACEE_SERVES;
    t->state = me->state;
    return task_at(t->tracer);
}

i64 trace_ask(struct task *t, u32 service, u64 address, u64 *value)
{
    struct tracee *it = &t->tracee;
    it->service = service;
    it->address = address;
    it->value = *value;
    it->state = t->state;
    it->result = FAILURE_NO_TASK;
    t->trace_flags |= TRACEE_SERVES;
    if (!lend_token(current_task(), t))
        return FAILURE_NO_TASK;
    *value = it->value;
    return it->result;
}
