/* fork.c: fork, vfork, clone: one more process or thread.
 *
 * The clone is issued from the handler with the child's own stack in the world as its stack. A copy
 * of the trap's frame waits there; the child takes its place in the simulation, waits for the token
 * and returns through that copy, with 0 in RAX.
 */
#include "process.h"
#include "urgency.h"

/* Done by us, at the same moment of the simulation. */
#define OURS_TO_DO                                                                  \
    (CLONE_EXIT_SIGNAL_MASK | CLONE_CHILD_CLEARTID_FLAG | CLONE_CHILD_SETTID_FLAG | \
     CLONE_PARENT_SETTID_FLAG)

struct clone_request {
    u64 flags, stack, parent_tid, child_tid, tls, exit_signal;
    u64 pidfd; /* where the program wants it */
};

static struct proc *new_proc(struct proc *parent, const struct clone_request *q)
{
    struct proc *p = proc_alloc();
    if (has_plan())
        faults_proc_forked(parent, p);
    p->mm = q->flags & CLONE_VM_FLAG ? parent->mm : p->index;
    if (p->mm == p->index)
        shm_forked(&WORLD->procs[parent->mm], p);
    p->parent = q->flags & CLONE_PARENT_FLAG ? parent->parent : parent->index;
    p->parent_task = q->flags & CLONE_PARENT_FLAG ? parent->parent_task : current_task()->index;
    p->pgid = parent->pgid;
    p->sid = parent->sid;
    p->tty = parent->tty;
    p->exit_signal = (u32)q->exit_signal;
    p->dumpable = parent->dumpable;
    p->uid = parent->uid;
    p->flags = parent->flags & PROC_ANNOUNCED;
    p->start_ns = clock_shown(CLOCK_BOOTTIME_ID);
    memcpy(p->comm, parent->comm, sizeof p->comm);
    memcpy(p->exe, parent->exe, sizeof p->exe);
    memcpy(p->rlimit_as, parent->rlimit_as, sizeof p->rlimit_as);
    memcpy(p->rlimit_nofile, parent->rlimit_nofile, sizeof p->rlimit_nofile);
    memcpy(p->rlimit_stack, parent->rlimit_stack, sizeof p->rlimit_stack);
    memcpy(p->actions, parent->actions, sizeof p->actions);
    if (q->flags & CLONE_CLEAR_SIGHAND_FLAG)
        actions_reset(p);
    if (q->flags & CLONE_FILES_FLAG) {
        p->fd_table = parent->fd_table;
        WORLD->fd_tables[p->fd_table].refs++;
    } else {
        p->fd_table = fd_table_copy(parent->fd_table);
    }
    return p;
}

/* Who is held in vfork cannot write its own memory; the child, which shares it, can. */
static int child_tells_parent(const struct clone_request *q)
{
    u64 all = CLONE_PARENT_SETTID_FLAG | CLONE_VFORK_FLAG | CLONE_VM_FLAG;
    return (q->flags & all) == all;
}

static struct task *new_task(struct proc *p, struct trap *c, const struct clone_request *q)
{
    struct task *t = task_alloc();
    t->proc = p->index;
    t->sched.identity = sched_identity(c->t->sched.identity, ++c->t->sched.children_made);
    t->sigmask = c->t->sigmask;
    t->altstack = c->t->altstack;
    if ((q->flags & CLONE_VM_FLAG) && !(q->flags & CLONE_VFORK_FLAG)) {
        memset(&t->altstack, 0, sizeof t->altstack);
        t->altstack.flags = SS_DISABLE_FLAG;
    }
    memcpy(t->comm, c->t->comm, sizeof t->comm);
    urgency_forked(c->t, t);
    if (q->flags & CLONE_CHILD_CLEARTID_FLAG)
        t->clear_tid = q->child_tid;
    if (q->flags & CLONE_CHILD_SETTID_FLAG)
        t->set_tid = q->child_tid;
    if (child_tells_parent(q))
        t->set_parent_tid = q->parent_tid;
    tasks_add(p, t);
    return t;
}

/* The child's stack: its frame, and below it the word that start_child is given. */
static u64 child_stack(struct task *t, const struct trap *c, const struct clone_request *q)
{
    struct ucontext_k *uc = sigframe_clone(c->uc, (u8 *)t);
    uc->regs.ax = 0;
    if (c->t->trace_flags & TRACEE_STEPS)
        uc->regs.flags &= ~FLAG_TF;
    if (q->stack)
        uc->regs.sp = q->stack;
    uc->stack.sp = task_stack(t);
    uc->stack.flags = 0;
    uc->stack.size = TASK_STACK_BYTES;
    t->start_frame = (u64)uc;
    t->trap_nr = c->nr;
    t->trap_registers = (u64)&uc->regs;
    u64 *word = (u64 *)(((u64)uc - 256) & ~15ul);
    *word = (u64)t;
    return (u64)word;
}

static void undo(struct proc *p, struct task *t)
{
    fd_table_drop(p->fd_table);
    shm_detach_all(p);
    tasks_remove(p, t);
    task_free(t);
    proc_free(p);
}

static void enter_tables(struct proc *p, struct task *t)
{
    struct world *w = WORLD;
    if (t->tid >= PIDS_MAX)
        fatal("a process id beyond the limit:", t->tid);
    p->pid = t->tid;
    w->proc_of_pid[p->pid] = (u16)p->index;
    w->task_of_tid[t->tid] = (u16)t->index;
    w->live_procs++;
    w->forks++;
    children_add(&w->procs[p->parent], p);
}

static void clone_starts(struct task *cloner, struct task *child)
{
    cloner->cloning = child->index;
    child->cloner = cloner->index;
}

static struct task *clone_ends(struct task *cloner)
{
    struct task *child = task_at(cloner->cloning);
    cloner->cloning = child->cloner = 0;
    return child;
}

/* What is to be done after the clone of a process; by a deputy where either was killed before it
 * was done. The kernel has written the child's id before the cloner could die, if there is a child. */
void clone_finish(struct task *cloner)
{
    struct task *child = clone_ends(cloner);
    if (child->tid) {
        enter_tables(proc_of(child), child);
        sched_add(WORLD, child->index);
    } else {
        undo(proc_of(child), child);
    }
}

static i64 clone_killable(struct task *t, struct task *child, u64 flags, u64 stack,
                          const struct clone_request *q)
{
    clone_starts(t, child);
    t->place = PLACE_KERNEL;
    i64 pid = clone_raw(flags, stack, (u64)&child->tid, q->child_tid, q->tls);
    t->place = PLACE_SHIM;
    clone_finish(t);
    return pid;
}

/* vfork: the kernel holds us until the child execs or ends; the child runs on with the token. */
static i64 clone_and_lend(struct task *t, struct task *child, u64 flags, u64 stack,
                          const struct clone_request *q)
{
    struct world *w = WORLD;
    child->state = TASK_RUNNING;
    child->lent_token = t->tid | ROBUST_WAITERS;
    proc_of(child)->vfork_waiter = t->index;
    clone_starts(t, child);
    t->state = TASK_PARKED;
    t->wait = WAIT_VFORK;
    t->wait_since_ns = w->now_ns;
    w->token_task = child->index;
    t->place = PLACE_PARKED;
    i64 pid = clone_raw(flags, stack, (u64)&child->tid, q->child_tid, q->tls);
    if (pid < 0) {
        t->place = PLACE_SHIM;
        t->state = TASK_RUNNING;
        t->wait = WAIT_NONE;
        w->token_task = t->index;
        clone_finish(t);
        return pid;
    }
    token_wait(t);
    return pid;
}

/* False: our parent was killed meanwhile, and its deputy gives us our place (clone_finish). */
static int take_lent_token(struct task *t)
{
    struct world *w = WORLD;
    u32 theirs = t->lent_token;
    if (!__atomic_compare_exchange_n(&w->token, &theirs, t->tid | ROBUST_WAITERS, 0,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return 0;
    t->place = PLACE_SHIM;
    clone_ends(task_at(t->cloner));
    enter_tables(proc_of(t), t);
    return 1;
}

static i64 clone_process(struct trap *c, const struct clone_request *q)
{
    struct proc *p = new_proc(c->p, q);
    struct task *child = new_task(p, c, q);
    u64 stack = child_stack(child, c, q);
    /* The kernel's exit signal is always SIGCHLD, which it drops: ours is virtual. */
    u64 flags = (q->flags & ~OURS_TO_DO) | CLONE_PARENT_SETTID_FLAG | SIG_CHLD;
    return q->flags & CLONE_VFORK_FLAG ? clone_and_lend(c->t, child, flags, stack, q)
                                       : clone_killable(c->t, child, flags, stack, q);
}

/* A thread: the kernel's CLEARTID goes to a word of ours, by which its successor knows it gone. */
static i64 clone_thread(struct trap *c, const struct clone_request *q)
{
    struct task *child = new_task(c->p, c, q);
    u64 stack = child_stack(child, c, q);
    u64 flags = (q->flags & ~OURS_TO_DO) | CLONE_CHILD_CLEARTID_FLAG;
    child->kernel_tid = 1;
    c->t->place = PLACE_KERNEL; /* killed here, all threads die */
    i64 tid = clone_raw(flags, stack, 0, (u64)&child->kernel_tid, q->tls);
    c->t->place = PLACE_SHIM;
    if (tid < 0) {
        tasks_remove(c->p, child);
        task_free(child);
        return tid;
    }
    if (tid >= PIDS_MAX)
        fatal("a thread id beyond the limit:", tid);
    child->tid = (u32)tid;
    WORLD->task_of_tid[tid] = (u16)child->index;
    sched_add(WORLD, child->index);
    return tid;
}

void start_child(struct task *t)
{
    struct proc *p = proc_of(t);
    t->tid = (u32)raw(__NR_gettid);
    task_enter_control(t);
    if (!t->lent_token || !take_lent_token(t))
        token_wait(t);
    if (t->set_parent_tid)
        copy_out(t->set_parent_tid, &t->tid, 4);
    if (t->set_tid)
        copy_out(t->set_tid, &t->tid, 4);
    struct ucontext_k *uc = (struct ucontext_k *)t->start_frame;
    struct trap c = {.t = t, .p = p, .uc = uc};
    t->trap_rip = uc->regs.ip;
    record_plain(t, EVENT_FORK, 0, t->tid == p->pid ? WORLD->procs[p->parent].pid : p->pid, 0);
    scheduling_point(t);
    signals_deliver(&c, 0);
    t->place = PLACE_PROGRAM;
    sigreturn_to(uc);
}

static i64 do_clone(struct trap *c, const struct clone_request *q)
{
    i64 tid = q->flags & CLONE_THREAD_FLAG ? clone_thread(c, q) : clone_process(c, q);
    if (tid > 0 && (q->flags & CLONE_PARENT_SETTID_FLAG) && !child_tells_parent(q))
        copy_out(q->parent_tid, &tid, 4);
    return tid;
}

/* The pidfd is opened when the child is there; whether there is room for it is tried before. */
static i64 clone_with_pidfd(struct trap *c, const struct clone_request *q)
{
    struct clone_request k = *q;
    u64 kind = q->flags & CLONE_THREAD_FLAG ? PIDFD_THREAD_FLAG : 0;
    u32 old;
    int both = (q->flags & CLONE_PARENT_SETTID_FLAG) != 0;
    if ((q->flags & CLONE_DETACHED_FLAG) || (both && q->pidfd == q->parent_tid))
        return -EINVAL;
    if (copy_in(&old, q->pidfd, 4) || copy_out(q->pidfd, &old, 4))
        return -EFAULT;
    i64 fd = raw(__NR_pidfd_open, kind ? c->t->tid : c->p->pid, kind);
    if (fd < 0)
        return fd;
    raw(__NR_close, fd);
    k.flags &= ~CLONE_PIDFD_FLAG;
    i64 id = do_clone(c, &k);
    if (id < 0)
        return id;
    i32 pidfd = (i32)raw(__NR_pidfd_open, id, kind);
    if (pidfd >= 0)
        pidfd_install(c->p, pidfd, (u32)id, kind);
    copy_out(q->pidfd, &pidfd, 4);
    return id;
}

static i64 start_clone(struct trap *c, const struct clone_request *q)
{
    if (q->flags & CLONE_NEW_NAMESPACES)
        return -EPERM;
    if (urgency_forbids_fork(c->t))
        return -EAGAIN;
    return q->flags & CLONE_PIDFD_FLAG ? clone_with_pidfd(c, q) : do_clone(c, q);
}

i64 sys_fork(struct trap *c)
{
    struct clone_request q = {.exit_signal = SIG_CHLD};
    return start_clone(c, &q);
}

i64 sys_vfork(struct trap *c)
{
    struct clone_request q = {.flags = CLONE_VM_FLAG | CLONE_VFORK_FLAG, .exit_signal = SIG_CHLD};
    return start_clone(c, &q);
}

i64 sys_clone(struct trap *c)
{
    struct clone_request q = {.flags = c->a[0] & ~CLONE_EXIT_SIGNAL_MASK,
                              .stack = c->a[1],
                              .parent_tid = c->a[2],
                              .pidfd = c->a[2],
                              .child_tid = c->a[3],
                              .tls = c->a[4],
                              .exit_signal = c->a[0] & CLONE_EXIT_SIGNAL_MASK};
    return start_clone(c, &q);
}

struct clone_args_k {
    u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    u64 set_tid, set_tid_size, cgroup;
};

i64 sys_clone3(struct trap *c)
{
    struct clone_args_k a;
    memset(&a, 0, sizeof a);
    if (c->a[1] < 64)
        return -EINVAL;
    if (copy_in(&a, c->a[0], min_u64(c->a[1], sizeof a)))
        return -EFAULT;
    if (a.set_tid_size || a.cgroup || (a.flags & CLONE_EXIT_SIGNAL_MASK) || a.exit_signal > 64)
        return -EINVAL;
    if (!a.stack != !a.stack_size)
        return -EINVAL;
    if ((a.flags & CLONE_CLEAR_SIGHAND_FLAG) && (a.flags & CLONE_SIGHAND_FLAG))
        return -EINVAL;
    if (a.exit_signal && (a.flags & (CLONE_THREAD_FLAG | CLONE_PARENT_FLAG)))
        return -EINVAL;
    struct clone_request q = {.flags = a.flags,
                              .stack = a.stack ? a.stack + a.stack_size : 0,
                              .parent_tid = a.parent_tid,
                              .pidfd = a.pidfd,
                              .child_tid = a.child_tid,
                              .tls = a.tls,
                              .exit_signal = a.exit_signal};
    return start_clone(c, &q);
}
