/* sys_signal.c: the calls about signals. */
#include "process.h"

#define SIGSET_BYTES 8
#define ALTSTACK_BYTES_MIN 2048

/* The kernel reaps by itself the children of those who do not want to hear of them. */
static void tell_kernel_of_sigchld(const struct sigaction_k *action)
{
    struct sigaction_k k;
    memset(&k, 0, sizeof k);
    if (action->handler == HANDLER_IGNORE || (action->flags & SA_NOCLDWAIT_FLAG))
        k.handler = HANDLER_IGNORE;
    raw(__NR_rt_sigaction, SIG_CHLD, &k, 0, SIGSET_BYTES);
}

static void set_action(struct proc *p, u32 signo, struct sigaction_k next)
{
    next.mask &= ~UNBLOCKABLE;
    p->actions[signo] = next;
    if (signo == SIG_CHLD)
        tell_kernel_of_sigchld(&next);
    if (next.handler == HANDLER_IGNORE ||
        (next.handler == HANDLER_DEFAULT && default_action((int)signo) == DEFAULT_IGNORE))
        signals_forget(p, SIG_BIT(signo));
}

i64 sys_rt_sigaction(struct trap *c)
{
    u32 signo = (u32)c->a[0];
    struct sigaction_k next, previous;
    if (c->a[3] != SIGSET_BYTES || signo < 1 || signo > 64)
        return -EINVAL;
    previous = c->p->actions[signo];
    if (c->a[1]) {
        if (copy_in(&next, c->a[1], sizeof next))
            return -EFAULT;
        if (signo == SIG_KILL || signo == SIG_STOP)
            return -EINVAL;
        set_action(c->p, signo, next);
    }
    return c->a[2] ? copy_out(c->a[2], &previous, sizeof previous) : 0;
}

i64 sys_rt_sigprocmask(struct trap *c)
{
    u64 previous = c->t->sigmask, set;
    if (c->a[3] != SIGSET_BYTES)
        return -EINVAL;
    if (c->a[1]) {
        if (copy_in(&set, c->a[1], sizeof set))
            return -EFAULT;
        set &= ~UNBLOCKABLE;
        switch ((u32)c->a[0]) {
        case 0: /* SIG_BLOCK */
            c->t->sigmask |= set;
            break;
        case 1: /* SIG_UNBLOCK */
            c->t->sigmask &= ~set;
            break;
        case 2: /* SIG_SETMASK */
            c->t->sigmask = set;
            break;
        default:
            return -EINVAL;
        }
    }
    return c->a[2] ? copy_out(c->a[2], &previous, sizeof previous) : 0;
}

i64 sys_rt_sigreturn(struct trap *c)
{
    record_call(c, 0);
    c->recorded = 1;
    c->keep_registers = 1;
    if (sigframe_pop(c))
        process_exit(c->t, SIG_SEGV);
    return 0;
}

i64 sys_rt_sigpending(struct trap *c)
{
    u64 set = signals_pending(c->t) & c->t->sigmask;
    if (c->a[1] > SIGSET_BYTES)
        return -EINVAL;
    return copy_out(c->a[0], &set, c->a[1]);
}

static i64 wait_for_signal(struct trap *c)
{
    while (!signal_waits(c->t))
        park(c->t, WAIT_SIGNAL, 0, ~0ul);
    return -ERESTARTNOHAND;
}

void mask_for_wait(struct task *t, u64 set)
{
    t->saved_sigmask = t->sigmask;
    t->sigmask = set & ~UNBLOCKABLE;
    t->restore_mask = 1;
}

i64 sys_rt_sigsuspend(struct trap *c)
{
    u64 set;
    if (c->a[1] != SIGSET_BYTES)
        return -EINVAL;
    if (copy_in(&set, c->a[0], sizeof set))
        return -EFAULT;
    mask_for_wait(c->t, set);
    return wait_for_signal(c);
}

i64 sys_pause(struct trap *c)
{
    return wait_for_signal(c);
}

i64 sys_rt_sigtimedwait(struct trap *c)
{
    struct task *t = c->t;
    struct siginfo_bytes info;
    u64 set, ns = 0, deadline = ~0ul;
    if (c->a[3] != SIGSET_BYTES)
        return -EINVAL;
    if (copy_in(&set, c->a[0], sizeof set))
        return -EFAULT;
    set &= ~UNBLOCKABLE;
    if (c->a[2]) {
        i64 error = timespec_in(c->a[2], &ns);
        if (error)
            return error;
        deadline = deadline_after(1, ns);
    }
    for (;;) {
        int signo = signal_take(t, set, &info);
        if (signo)
            return c->a[1] && copy_out(c->a[1], &info, sizeof info) ? -EFAULT : signo;
        if (signal_waits(t))
            return -EINTR;
        if (is_over(t, deadline))
            return -EAGAIN;
        park(t, WAIT_SIGNAL, set, deadline);
    }
}

i64 sys_sigaltstack(struct trap *c)
{
    struct altstack next, previous = c->t->altstack;
    u64 sp = c->uc->regs.sp;
    if (on_altstack(c->t, sp))
        previous.flags |= SS_ONSTACK_FLAG;
    if (c->a[0]) {
        if (copy_in(&next, c->a[0], sizeof next))
            return -EFAULT;
        i64 error = altstack_set(c->t, &next, sp, ALTSTACK_BYTES_MIN);
        if (error)
            return error;
    }
    return c->a[1] ? copy_out(c->a[1], &previous, sizeof previous) : 0;
}

/* ---- sending ---- */
static int may_signal(const struct proc *from, const struct proc *to, int signo)
{
    u32 uid = (u32)raw(__NR_geteuid);
    return !uid || from->uid == to->uid || uid == to->uid || (signo == SIG_CONT && from->sid == to->sid);
}

i64 send_signal(struct trap *c, struct proc *p, struct task *t, const struct siginfo_bytes *info)
{
    if (!may_signal(c->p, p, info->signo))
        return -EPERM;
    if (info->signo)
        signal_send(p, t, info);
    return 0;
}

/* To every process of a group (pgid > 0), or to all but init and the sender (pgid 0). */
i64 send_signal_to_group(struct trap *c, u32 pgid, const struct siginfo_bytes *info)
{
    struct world *w = WORLD;
    i64 result = -ESRCH;
    int self = 0;
    for (u32 i = 1; i <= w->used_procs; i++) {
        struct proc *p = &w->procs[i];
        if (p->state == PROC_FREE || (pgid ? p->pgid != pgid : p == c->p))
            continue;
        if (p == c->p) {
            self = 1; /* last: it may be our end */
            continue;
        }
        i64 error = send_signal(c, p, 0, info);
        if (!error || result == -ESRCH)
            result = error;
    }
    return self ? send_signal(c, c->p, 0, info) : result;
}

i64 sys_kill(struct trap *c)
{
    i32 pid = (i32)c->a[0], signo = (i32)c->a[1];
    struct siginfo_bytes info;
    if (signo < 0 || signo > 64)
        return -EINVAL;
    siginfo_kill(&info, signo, SI_USER_CODE, c->p->pid, c->p->uid);
    if (pid == 1 && (WORLD->config.flags & CONFIG_PID_NS))
        return raw(__NR_geteuid) ? -EPERM : 0; /* our init takes no signals */
    if (pid <= 0)
        return send_signal_to_group(c, pid == 0 ? c->p->pgid : pid == -1 ? 0 : (u32)-pid, &info);
    struct proc *p = proc_by_pid((u32)pid);
    if (!p && task_by_tid((u32)pid))
        p = proc_of(task_by_tid((u32)pid));
    return p ? send_signal(c, p, 0, &info) : -ESRCH;
}

static i64 send_to_thread(struct trap *c, i32 tgid, i32 tid, const struct siginfo_bytes *info)
{
    if (tid <= 0 || info->signo < 0 || info->signo > 64)
        return -EINVAL;
    struct task *t = task_by_tid((u32)tid);
    if (!t) {
        struct proc *zombie = proc_by_pid((u32)tid);
        return zombie && zombie->state == PROC_ZOMBIE ? 0 : -ESRCH;
    }
    if (tgid > 0 && proc_of(t)->pid != (u32)tgid)
        return -ESRCH;
    return send_signal(c, proc_of(t), t, info);
}

i64 sys_tgkill(struct trap *c)
{
    struct siginfo_bytes info;
    if ((i32)c->a[0] <= 0)
        return -EINVAL;
    siginfo_kill(&info, (i32)c->a[2], SI_TKILL_CODE, c->p->pid, c->p->uid);
    return send_to_thread(c, (i32)c->a[0], (i32)c->a[1], &info);
}

i64 sys_tkill(struct trap *c)
{
    struct siginfo_bytes info;
    siginfo_kill(&info, (i32)c->a[1], SI_TKILL_CODE, c->p->pid, c->p->uid);
    return send_to_thread(c, 0, (i32)c->a[0], &info);
}

static i64 queued_info(struct trap *c, u64 user, i32 signo, u32 target, struct siginfo_bytes *info)
{
    if (copy_in(info, user, sizeof *info))
        return -EFAULT;
    info->signo = signo;
    if ((info->code >= 0 || info->code == SI_TKILL_CODE) && target != c->p->pid)
        return -EPERM;
    return signo < 0 || signo > 64 ? -EINVAL : 0;
}

i64 sys_rt_sigqueueinfo(struct trap *c)
{
    struct siginfo_bytes info;
    struct proc *p = proc_by_pid((u32)c->a[0]);
    i64 error = queued_info(c, c->a[2], (i32)c->a[1], (u32)c->a[0], &info);
    return error ? error : p ? send_signal(c, p, 0, &info) : -ESRCH;
}

i64 sys_rt_tgsigqueueinfo(struct trap *c)
{
    struct siginfo_bytes info;
    i64 error = queued_info(c, c->a[3], (i32)c->a[2], (u32)c->a[0], &info);
    return error ? error : send_to_thread(c, (i32)c->a[0], (i32)c->a[1], &info);
}
