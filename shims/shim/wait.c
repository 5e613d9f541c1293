/* wait.c: wait4 and waitid. The kernel's zombie is reaped together with ours. */
#include "process.h"
#include "tracing.h"

#define WAIT_NOHANG 1ul
#define WAIT_UNTRACED 2ul
#define WAIT_EXITED 4ul
#define WAIT_CONTINUED 8ul
#define WAIT_NOWAIT 0x01000000ul
#define WAIT_NOTHREAD 0x20000000ul
#define WAIT_ALL 0x40000000ul
#define WAIT_CLONE 0x80000000ul
enum id_type { P_ALL, P_PID, P_PGID, P_PIDFD };

struct waited {
    struct proc *child;
    struct task *tracee; /* 0: it is about the child */
    u32 pid, uid;
    u32 status; /* as wait4 gives it */
    u32 code;   /* CLD_* */
    u64 cpu_ns;
};

static int matches(const struct proc *p, u32 type, u32 id, u64 options)
{
    int is_clone_child = p->exit_signal != SIG_CHLD;
    if (!(options & WAIT_ALL) && is_clone_child != !!(options & WAIT_CLONE))
        return 0;
    return type == P_ALL || (type == P_PID && p->pid == id) || (type == P_PGID && p->pgid == id);
}

static int ready(struct proc *p, u64 options, struct waited *out)
{
    *out = (struct waited){.child = p, .pid = p->pid, .uid = p->uid, .cpu_ns = p->cpu_ns + p->children_cpu_ns};
    if (p->state == PROC_ZOMBIE && (options & WAIT_EXITED)) {
        out->status = p->exit_status;
        out->code = p->exit_status & 0x7f ? CLD_KILLED_CODE : CLD_EXITED_CODE;
    } else if (p->state == PROC_STOPPED && (options & WAIT_UNTRACED) && !p->stop_reported) {
        out->status = p->stop_signal << 8 | 0x7f;
        out->code = CLD_STOPPED_CODE;
    } else if (p->state == PROC_LIVE && (options & WAIT_CONTINUED) && p->continued) {
        out->status = 0xffff;
        out->code = CLD_CONTINUED_CODE;
    }
    return out->code != 0;
}

static void consume(struct proc *self, const struct waited *w)
{
    struct proc *p = w->child;
    int status;
    if (w->tracee) {
        w->tracee->trace_flags |= TRACEE_TOLD;
    } else if (w->code == CLD_STOPPED_CODE) {
        p->stop_reported = 1;
    } else if (w->code == CLD_CONTINUED_CODE) {
        p->continued = 0;
    } else {
        raw_killable(__NR_wait4, p->pid, &status, WAIT_ALL, 0);
        self->children_cpu_ns += w->cpu_ns;
        children_remove(p);
        proc_free(p);
    }
}

/* A task that we trace, whatever else it is to us. */
static int tracee_ready(const struct trap *c, u32 type, u32 id, u64 options, struct waited *out, int *any)
{
    for (u32 i = c->p->first_tracee; i; i = task_at(i)->tracee.next) {
        struct task *t = task_at(i);
        struct proc *p = proc_of(t);
        if (((options & WAIT_NOTHREAD) && t->tracer != c->t->index) || (type == P_PID && t->tid != id) ||
            (type == P_PGID && p->pgid != id))
            continue;
        *any = 1;
        if (!is_trace_stopped(t) || (t->trace_flags & TRACEE_TOLD))
            continue;
        *out = (struct waited){.child = p, .tracee = t, .pid = t->tid, .uid = p->uid,
                               .status = t->tracee.status << 8 | 0x7f, .code = CLD_TRAPPED_CODE,
                               .cpu_ns = p->cpu_ns};
        return 1;
    }
    return 0;
}

/* 1: found; 0: nothing yet (WNOHANG); or an error. The kernel's order: the oldest child first. */
static i64 do_wait(struct trap *c, u32 type, u32 id, u64 options, struct waited *out)
{
    struct proc *procs = WORLD->procs;
    for (;;) {
        int any = 0;
        for (u32 i = c->p->first_child; i; i = procs[i].next_sibling) {
            if (!matches(&procs[i], type, id, options))
                continue;
            if ((options & WAIT_NOTHREAD) && procs[i].parent_task != c->t->index)
                continue;
            any = 1;
            if (!ready(&procs[i], options, out))
                continue;
            if (!(options & WAIT_NOWAIT))
                consume(c->p, out);
            return 1;
        }
        if (tracee_ready(c, type, id, options, out, &any)) {
            if (!(options & WAIT_NOWAIT))
                consume(c->p, out);
            return 1;
        }
        if (!any)
            return -ECHILD;
        if (options & WAIT_NOHANG)
            return 0;
        if (signal_waits(c->t))
            return -ERESTARTSYS;
        park(c->t, WAIT_CHILD, id, ~0ul);
        if (c->t->wake_result == WAKE_SIGNAL)
            return -ERESTARTSYS;
    }
}

static i64 rusage_out(u64 user, u64 cpu_ns)
{
    u64 usage[18];
    if (!user)
        return 0;
    memset(usage, 0, sizeof usage);
    usage[0] = cpu_ns / NS_PER_SECOND;
    usage[1] = cpu_ns % NS_PER_SECOND / 1000;
    return copy_out(user, usage, sizeof usage);
}

i64 sys_wait4(struct trap *c)
{
    i32 pid = (i32)c->a[0];
    u64 options = (u32)c->a[2];
    struct waited w;
    if (options & ~(WAIT_NOHANG | WAIT_UNTRACED | WAIT_CONTINUED | WAIT_NOTHREAD | WAIT_ALL | WAIT_CLONE))
        return -EINVAL;
    u32 type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
    u32 id = pid > 0 ? (u32)pid : pid == 0 ? c->p->pgid : (u32)-pid;
    i64 found = do_wait(c, type, id, options | WAIT_EXITED, &w);
    if (found <= 0)
        return found;
    if (c->a[1] && copy_out(c->a[1], &w.status, 4))
        return -EFAULT;
    return rusage_out(c->a[3], w.cpu_ns) ? -EFAULT : (i64)w.pid;
}

static u64 status_for_siginfo(const struct waited *w)
{
    switch (w->code) {
    case CLD_CONTINUED_CODE:
        return SIG_CONT;
    case CLD_TRAPPED_CODE:
        return w->status >> 8;
    case CLD_KILLED_CODE:
        return w->status & 0x7f;
    default:
        return w->status >> 8 & 0xff;
    }
}

i64 sys_waitid(struct trap *c)
{
    u32 type = (u32)c->a[0], id = (u32)c->a[1];
    u64 options = (u32)c->a[3];
    int at_once = 0; /* a non-blocking pidfd */
    struct siginfo_bytes info;
    struct waited w;
    if (!(options & (WAIT_EXITED | WAIT_UNTRACED | WAIT_CONTINUED)) || type > P_PIDFD)
        return -EINVAL;
    if ((type == P_PID && (i32)id <= 0) || ((type == P_PGID || type == P_PIDFD) && (i32)id < 0))
        return -EINVAL;
    if (type == P_PIDFD) {
        struct object *o = &WORLD->objects[fd_object(c->p, (i32)id)];
        if (o->kind != OBJECT_PIDFD)
            return -EBADF;
        id = o->is_thread ? 0 : (u32)o->value;
        type = P_PID;
        at_once = o->nonblock && !(options & WAIT_NOHANG);
        options |= at_once ? WAIT_NOHANG : 0;
    }
    if (type == P_PGID && !id)
        id = c->p->pgid;
    i64 found = do_wait(c, type, id, options, &w);
    if (found < 0 || (!found && at_once))
        return found ? found : -EAGAIN;
    memset(&info, 0, sizeof info);
    if (found) {
        siginfo_kill(&info, SIG_CHLD, (int)w.code, w.pid, w.uid);
        info.body[1] = status_for_siginfo(&w);
    }
    if (c->a[2] && copy_out(c->a[2], &info, sizeof info))
        return -EFAULT;
    return found && rusage_out(c->a[4], w.cpu_ns) ? -EFAULT : 0;
}
