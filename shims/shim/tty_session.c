/* tty_session.c: controlling terminals: sessions, the foreground group, and job control. */
#include "tty.h"

static int is_leader(const struct proc *p) { return p->pid == p->sid; }

/* The process ignores the signal, or blocks it. */
static int does_not_hear(const struct task *task, int signo)
{
    const struct sigaction_k *action = &proc_of(task)->actions[signo];
    return (task->sigmask & SIG_BIT(signo)) || action->handler == HANDLER_IGNORE;
}

i64 tty_check_background(struct task *task, const struct tty *t, int signo)
{
    struct proc *p = proc_of(task);
    if (p->tty != tty_index(t) || !t->group || p->pgid == t->group)
        return 0;
    if (does_not_hear(task, signo))
        return signo == SIG_TTIN ? -EIO : 0;
    if (group_is_orphaned(p->pgid, 0))
        return -EIO;
    signal_group(p->pgid, signo);
    return -ERESTARTSYS;
}

void tty_take_as_controlling(struct proc *p, struct tty *t)
{
    p->tty = tty_index(t);
    p->lost_group = 0;
    t->session = p->sid;
    t->group = p->pgid;
}

void tty_forget_session(struct tty *t)
{
    struct world *w = WORLD;
    t->session = t->group = 0;
    for (u32 i = 1; i <= w->used_procs; i++)
        if (w->procs[i].tty == tty_index(t))
            w->procs[i].tty = 0;
}

/* The session's leader is told, and tells the others when it ends. */
void tty_hung_up(struct tty *t)
{
    struct proc *leader = t->session ? proc_by_pid(t->session) : 0;
    struct siginfo_bytes info;
    u32 group = t->group, index = tty_index(t);
    t->flags |= TTY_MASTER_GONE;
    tty_flush_typed(t);
    tty_flush_input(t);
    int is_its = leader && leader->tty == index;
    tty_forget_session(t);
    if (!is_its)
        return;
    leader->lost_group = group;
    siginfo_kill(&info, SIG_HUP, SI_KERNEL_CODE, 0, 0);
    signal_send(leader, 0, &info);
    siginfo_kill(&info, SIG_CONT, SI_KERNEL_CODE, 0, 0);
    signal_send(leader, 0, &info);
}

void tty_leader_died(struct proc *p)
{
    u32 group = p->lost_group;
    if (!is_leader(p))
        return;
    p->lost_group = 0;
    if (p->tty) {
        struct tty *t = tty_at(p->tty);
        group = t->group;
        tty_forget_session(t);
        if (group)
            signal_group(group, SIG_HUP);
    } else if (group) {
        signal_group(group, SIG_HUP);
        signal_group(group, SIG_CONT);
    }
}

/* As the kernel restarts a read that was interrupted by a stop. */
void tty_readers_restart(struct proc *p)
{
    u32 channel = tty_at(p->tty)->slave_channel;
    for (u32 i = p->tty ? p->first_task : 0; i; i = task_at(i)->next_in_proc)
        if (task_at(i)->wait == WAIT_OBJECT && task_at(i)->wait_arg == channel)
            wake(task_at(i), WAKE_SIGNAL);
}

/* ---- ioctls ---- */
i64 tty_set_controlling(struct trap *c, const struct object *o)
{
    struct tty *t = tty_of(o);
    struct proc *p = c->p;
    int is_root = !raw(__NR_geteuid);
    if (is_leader(p) && p->sid == t->session)
        return 0;
    if (!is_leader(p) || p->tty)
        return -EPERM;
    if (t->session) {
        if ((u32)c->a[2] != 1 || !is_root)
            return -EPERM;
        tty_forget_session(t); /* stolen */
    }
    tty_take_as_controlling(p, t);
    return 0;
}

i64 tty_give_up(struct trap *c, struct tty *t)
{
    struct proc *p = c->p;
    u32 group = t->group;
    if (p->tty != tty_index(t))
        return -ENOTTY;
    p->tty = 0;
    if (!is_leader(p))
        return 0;
    tty_forget_session(t);
    if (group) {
        signal_group(group, SIG_HUP);
        signal_group(group, SIG_CONT);
    }
    return 0;
}

/* Of the slave's own descriptors, only that of one's controlling terminal answers. */
static int may_ask(const struct proc *p, const struct object *o)
{
    return is_master(o) || p->tty == o->part;
}

i64 tty_get_group(struct trap *c, const struct object *o)
{
    return may_ask(c->p, o) ? copy_out(c->a[2], &tty_of(o)->group, 4) : -ENOTTY;
}

i64 tty_get_session(struct trap *c, const struct object *o)
{
    const struct tty *t = tty_of(o);
    return may_ask(c->p, o) && t->session ? copy_out(c->a[2], &t->session, 4) : -ENOTTY;
}

/* The session of a process group that exists; 0: there is none. */
static u32 session_of_group(u32 group)
{
    struct world *w = WORLD;
    for (u32 i = 1; i <= w->used_procs; i++)
        if (w->procs[i].state != PROC_FREE && w->procs[i].pgid == group)
            return w->procs[i].sid;
    return 0;
}

i64 tty_set_group(struct trap *c, struct tty *t)
{
    struct proc *p = c->p;
    i32 group;
    i64 error = tty_check_background(c->t, t, SIG_TTOU);
    if (error)
        return error == -EIO ? -ENOTTY : error;
    if (copy_in(&group, c->a[2], sizeof group))
        return -EFAULT;
    if (group < 0)
        return -EINVAL;
    if (p->tty != tty_index(t) || t->session != p->sid)
        return -ENOTTY;
    u32 session = session_of_group((u32)group);
    if (!session)
        return -ESRCH;
    if (session != p->sid)
        return -EPERM;
    t->group = (u32)group;
    return 0;
}
