/* process.c: how processes end, and what their death does to others. */
#include "process.h"

#include "channel.h"
#include "futex.h"
#include "sockets.h"
#include "tracing.h"

void children_add(struct proc *parent, struct proc *child)
{
    struct proc *procs = WORLD->procs;
    child->parent = parent->index;
    child->next_sibling = 0;
    child->prev_sibling = parent->last_child;
    if (parent->last_child)
        procs[parent->last_child].next_sibling = child->index;
    else
        parent->first_child = child->index;
    parent->last_child = child->index;
}

void children_remove(struct proc *child)
{
    struct proc *procs = WORLD->procs, *parent = &procs[child->parent];
    if (child->prev_sibling)
        procs[child->prev_sibling].next_sibling = child->next_sibling;
    else
        parent->first_child = child->next_sibling;
    if (child->next_sibling)
        procs[child->next_sibling].prev_sibling = child->prev_sibling;
    else
        parent->last_child = child->prev_sibling;
    child->next_sibling = child->prev_sibling = 0;
}

void tasks_add(struct proc *p, struct task *t)
{
    t->next_in_proc = 0;
    t->prev_in_proc = p->last_task;
    if (p->last_task)
        task_at(p->last_task)->next_in_proc = t->index;
    else
        p->first_task = t->index;
    p->last_task = t->index;
    p->tasks_live++;
    if (has_plan())
        faults_task_made(p, t);
}

void tasks_remove(struct proc *p, struct task *t)
{
    if (t->prev_in_proc)
        task_at(t->prev_in_proc)->next_in_proc = t->next_in_proc;
    else
        p->first_task = t->next_in_proc;
    if (t->next_in_proc)
        task_at(t->next_in_proc)->prev_in_proc = t->prev_in_proc;
    else
        p->last_task = t->prev_in_proc;
    t->next_in_proc = t->prev_in_proc = 0;
    p->tasks_live--;
    WORLD->live_tasks--;
}

void wake_child_waiters(struct proc *parent)
{
    for (u32 i = parent->first_task; i; i = task_at(i)->next_in_proc)
        if (task_at(i)->wait == WAIT_CHILD)
            wake(task_at(i), WAKE_DONE);
}

void release_vfork_parent(struct proc *p)
{
    struct task *t = task_at(p->vfork_waiter);
    if (!p->vfork_waiter)
        return;
    p->vfork_waiter = 0;
    if (t->state != TASK_PARKED || t->wait != WAIT_VFORK)
        return; /* it was killed meanwhile */
    t->wait = WAIT_NONE;
    make_ready(t);
}

/* Who gets the children of the dead: the nearest ancestor that asked for it, or init (0). */
static struct proc *reaper_of(const struct proc *p)
{
    struct proc *procs = WORLD->procs;
    for (u32 i = p->parent; i; i = procs[i].parent)
        if (procs[i].subreaper)
            return &procs[i];
    return &procs[0];
}

/* A zombie that nobody waits for: init or the kernel reaps it, out of sight. */
static void forget_zombie(struct proc *p)
{
    children_remove(p);
    proc_free(p);
}

/* ---- orphaned process groups: nobody in the session is left to continue a stopped member ---- */
static int keeps_group(const struct proc *p)
{
    const struct proc *parent = &WORLD->procs[p->parent];
    return parent->pgid != p->pgid && parent->sid == p->sid;
}

int group_is_orphaned(u32 pgid, const struct proc *except)
{
    struct world *w = WORLD;
    for (u32 i = 1; i <= w->used_procs; i++) {
        const struct proc *p = &w->procs[i];
        if ((p->state == PROC_LIVE || p->state == PROC_STOPPED) && p != except && p->pgid == pgid &&
            keeps_group(p))
            return 0;
    }
    return 1;
}

static int group_has_stopped(u32 pgid)
{
    struct world *w = WORLD;
    for (u32 i = 1; i <= w->used_procs; i++)
        if (w->procs[i].state == PROC_STOPPED && w->procs[i].pgid == pgid)
            return 1;
    return 0;
}

void signal_group(u32 pgid, int signo)
{
    struct world *w = WORLD;
    struct siginfo_bytes info;
    siginfo_kill(&info, signo, SI_KERNEL_CODE, 0, 0);
    for (u32 i = 1; i <= w->used_procs; i++)
        if (w->procs[i].state != PROC_FREE && w->procs[i].pgid == pgid)
            signal_send(&w->procs[i], 0, &info);
}

/* `p` dies or loses `parent`, who could have continued its group. */
static void release_orphaned_group(const struct proc *p, const struct proc *parent)
{
    if (parent->pgid == p->pgid || parent->sid != p->sid || !group_has_stopped(p->pgid) ||
        !group_is_orphaned(p->pgid, p->state == PROC_ZOMBIE ? p : 0))
        return;
    signal_group(p->pgid, SIG_HUP);
    signal_group(p->pgid, SIG_CONT);
}

static void tell_parent(struct proc *p, u32 wait_status)
{
    struct proc *parent = &WORLD->procs[p->parent];
    const struct sigaction_k *action = &parent->actions[SIG_CHLD];
    if (p->exit_signal) {
        struct siginfo_bytes info;
        u32 signo = wait_status & 0x7f;
        siginfo_kill(&info, (int)p->exit_signal, signo ? CLD_KILLED_CODE : CLD_EXITED_CODE, p->pid, p->uid);
        info.body[1] = signo ? signo : wait_status >> 8 & 0xff;
        signal_send(parent, 0, &info);
    }
    wake_child_waiters(parent);
    if (p->exit_signal == SIG_CHLD &&
        (action->handler == HANDLER_IGNORE || (action->flags & SA_NOCLDWAIT_FLAG)))
        forget_zombie(p); /* the kernel has been told as well (sys_signal.c): it reaps */
}

static void orphan_child(struct proc *child, const struct proc *dead, struct proc *heir)
{
    children_remove(child);
    children_add(heir, child);
    child->vfork_waiter = 0;
    child->parent_task = heir->first_task;
    child->exit_signal = SIG_CHLD;
    if (child->state == PROC_ZOMBIE && heir->index) {
        tell_parent(child, child->exit_status);
        return;
    }
    if (child->state == PROC_ZOMBIE) {
        forget_zombie(child);
        return;
    }
    if (child->pdeathsig) {
        struct siginfo_bytes info;
        siginfo_kill(&info, (int)child->pdeathsig, SI_USER_CODE, dead->pid, dead->uid);
        signal_send(child, 0, &info);
    }
    release_orphaned_group(child, dead);
}

static void orphan_children(struct proc *p)
{
    struct proc *heir = reaper_of(p);
    while (p->first_child)
        orphan_child(&WORLD->procs[p->first_child], p, heir);
}

/* Takes a task out of all that the simulation knows of; its slot stays. */
static void retire(struct proc *p, struct task *t)
{
    struct world *w = WORLD;
    timer_cancel(w, &t->wait_timer);
    waiters_drop(t);
    holds_forget(t);
    futex_drop(t);
    futex_pi_owner_died(t);
    lock_forget(t);
    turn_forget(t);
    if (has_plan())
        faults_task_gone(t);
    trace_forget(p, t);
    if (t->state == TASK_READY)
        sched_remove(w, t->index);
    if (w->task_of_tid[t->tid] == t->index)
        w->task_of_tid[t->tid] = 0;
    t->wait = WAIT_NONE;
    channel_wake_all(t->pidfd_channel);
    tasks_remove(p, t);
}

void tasks_keep_only(struct proc *p, struct task *kept)
{
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        futex_drop(task_at(i)); /* the lock of one is nothing for another that dies with it */
    for (u32 i = p->first_task, next; i; i = next) {
        struct task *t = task_at(i);
        next = t->next_in_proc;
        if (t == kept)
            continue;
        retire(p, t);
        task_free(t);
    }
}

static void drop_tasks(struct proc *p)
{
    struct task *self = current_task();
    tasks_keep_only(p, self);
    if (p->first_task)
        retire(p, self); /* its slot is freed by its successor */
}

/* The run is the first program's: when it ends, so does the run, and what is left is killed. */
static void end_with_first(u32 wait_status)
{
    struct world *w = WORLD;
    w->end_status = wait_status;
    if (!w->end_reason)
        __atomic_store_n(&w->end_reason, END_EXITED, __ATOMIC_SEQ_CST);
    ring_bell();
}

/* Everything that a death means to the simulation. The process may be dead already, or be about to
 * die as soon as the token is handed on; nobody runs before it has. */
void process_mark_dead(struct proc *p, u32 wait_status)
{
    struct world *w = WORLD;
    if (p->state == PROC_ZOMBIE || p->state == PROC_FREE)
        return;
    signals_drop_all(p);
    if (has_plan())
        faults_proc_gone(p);
    timer_cancel(w, &p->itimer_real);
    posix_timers_drop(p);
    shm_detach_all(p);
    aio_drop_all(p);
    sems_undone(p);
    drop_tasks(p);
    p->state = PROC_ZOMBIE;
    p->exit_status = wait_status;
    channel_wake_all(p->pidfd_channel);
    w->live_procs--;
    if (p->index == w->first_proc)
        end_with_first(wait_status);
    fd_table_drop(p->fd_table);
    tty_leader_died(p);
    inotify_after_end();
    release_vfork_parent(p);
    orphan_children(p);
    release_orphaned_group(p, &w->procs[p->parent]);
    if (p->parent)
        tell_parent(p, wait_status);
    else
        forget_zombie(p);
}

static void die_of(u32 signo) NORETURN;
static void die_of(u32 signo)
{
    struct sigaction_k by_default;
    u64 mask = 0;
    memset(&by_default, 0, sizeof by_default);
    raw(__NR_rt_sigaction, signo, &by_default, 0, 8);
    raw(__NR_rt_sigprocmask, 2, &mask, 0, 8);
    i64 pid = raw(__NR_getpid), tid = raw(__NR_gettid);
    for (;;)
        raw(__NR_tgkill, pid, tid, signo);
}

/* The locks of all threads of a process that is about to end. None of them is woken for another's:
 * the wake would be lost. */
void robust_locks_die(struct proc *p)
{
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        futex_drop(task_at(i));
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        robust_exit(task_at(i), 0);
}

/* wait_status is as wait4 gives it: a signal's number, or an exit code << 8. */
void process_exit(struct task *t, u32 wait_status)
{
    u32 pid = proc_of(t)->pid; /* its slot may be gone by then */
    robust_locks_die(proc_of(t));
    record_plain(t, EVENT_EXIT, 0, wait_status, 0);
    process_mark_dead(proc_of(t), wait_status);
    hand_on_and_die(t, pid);
    t->place = PLACE_PROGRAM;
    if (wait_status & 0x7f)
        die_of(wait_status & 0x7f);
    for (;;)
        raw(__NR_exit_group, wait_status >> 8);
}

i64 sys_exit_group(struct trap *c)
{
    record_call(c, 0);
    look_before_exit(c->t);
    process_exit(c->t, (u32)(c->a[0] & 0xff) << 8);
}

/* The children that a thread made are another's now; PDEATHSIG follows the thread. */
static void leave_children(struct proc *p, u32 task)
{
    for (u32 i = p->first_child; i; i = WORLD->procs[i].next_sibling) {
        struct proc *child = &WORLD->procs[i];
        struct siginfo_bytes info;
        if (child->parent_task != task)
            continue;
        child->parent_task = p->first_task;
        siginfo_kill(&info, (int)child->pdeathsig, SI_USER_CODE, p->pid, p->uid);
        if (child->pdeathsig && child->pdeathsig != SIG_KILL)
            signal_send(child, 0, &info);
    }
}

/* The same with SIGKILL, which changes the list. */
static int kill_next_child(struct proc *p, u32 task)
{
    for (u32 i = p->first_child; i; i = WORLD->procs[i].next_sibling) {
        struct proc *child = &WORLD->procs[i];
        struct siginfo_bytes info;
        if (child->parent_task != task || child->pdeathsig != SIG_KILL ||
            child->state == PROC_ZOMBIE)
            continue;
        siginfo_kill(&info, SIG_KILL, SI_USER_CODE, p->pid, p->uid);
        signal_send(child, 0, &info);
        return 1;
    }
    return 0;
}

static void thread_exit(struct task *t) NORETURN;
static void thread_exit(struct task *t)
{
    struct proc *p = proc_of(t);
    u32 zero = 0;
    robust_exit(t, 0);
    if (t->clear_tid && !copy_out(t->clear_tid, &zero, 4)) {
        futex_wake_word(p, t->clear_tid, 1, 1);
        futex_wake_word(p, t->clear_tid, 0, 1);
    }
    retire(p, t);
    while (kill_next_child(p, t->index))
        ;
    leave_children(p, t->index);
    hand_on_and_die(t, 0);
    t->place = PLACE_PROGRAM;
    for (;;)
        raw(__NR_exit, 0);
}

/* Of one thread. The last one takes the process along, with its own status (since Linux 5.17). */
i64 sys_exit(struct trap *c)
{
    struct task *t = c->t;
    u32 code = (u32)(c->a[0] & 0xff);
    record_call(c, 0);
    if (c->p->tasks_live > 1)
        thread_exit(t);
    process_exit(t, code << 8);
}

/* ---- deaths that we did not cause ---- */
static u32 status_of_dead(const struct proc *p)
{
    struct siginfo_bytes info;
    memset(&info, 0, sizeof info);
    /* P_PID, WEXITED | WNOHANG | WNOWAIT: answers for our own children only. */
    if (raw(__NR_waitid, 1, p->pid, &info, 0x01000005, 0) || !info.signo)
        return SIG_KILL;
    u32 value = (u32)info.body[1];
    return info.code == CLD_EXITED_CODE ? value << 8 : value;
}

static int is_dead(u32 pid)
{
    i64 fd = raw(__NR_pidfd_open, pid, 0);
    if (fd < 0)
        return fd == -ESRCH;
    struct pollfd_k p = {.fd = (i32)fd, .events = 1 /* POLLIN */};
    i64 ready = raw(__NR_poll, &p, 1, 0);
    raw(__NR_close, fd);
    return ready == 1;
}

/* It may have been killed in a call that had its effect: those who wait for that look again. */
static void wake_all_channels(const struct proc *p)
{
    struct world *w = WORLD;
    const struct fd_table *table = &w->fd_tables[p->fd_table];
    for (u32 fd = 0; fd < table->fds_used; fd++) {
        const struct object *o = &w->objects[table->object[fd] & FD_OBJECT_MASK];
        channel_wake_all(o->channel);
        if (o->kind == OBJECT_UNIX)
            unix_wake_peer(o);
    }
}

static void bury(struct task *dead)
{
    struct proc *p = proc_of(dead);
    if (dead->cloner) /* before it had its place in the simulation */
        clone_finish(task_at(dead->cloner));
    wait_until_dead(p->pid);
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc) {
        struct task *t = task_at(i);
        if (t->place == PLACE_SHIM && t->state == TASK_RUNNING)
            end_run(END_FATAL,
                    "a process was killed from outside while inside the shim: its state is lost");
        if (t->cloning)
            clone_finish(t);
    }
    wake_all_channels(p);
    count_hole(HOLE_OUTSIDE_DEATH);
    p->flags |= PROC_KILLED_OUTSIDE;
    u32 status = status_of_dead(p);
    record_plain(dead, EVENT_DEATH, 0, status, 0);
    process_mark_dead(p, status);
    robust_wake_orphans();
}

/* Looks for tasks that were killed from outside. All tasks: only when told to, or, `thorough`, before
 * a deadlock is declared: then the kernel is asked as well, because a task that died in its first
 * steps or within an exec had no robust list to be marked in. */
void sweep_outside_deaths(int thorough)
{
    struct world *w = WORLD;
    w->outside_death = 0;
    if (w->chosen) { /* by the holder, who died before it could hand the token on */
        sched_add(w, w->chosen);
        w->chosen = 0;
    }
    for (u32 i = 1; i <= w->used_tasks; i++) {
        struct task *t = task_at(i);
        if (t->state == TASK_FREE || t->state == TASK_EXITING || t == current_task())
            continue;
        if ((t->alive.word & ROBUST_OWNER_DIED) || (thorough && is_dead(proc_of(t)->pid)))
            bury(t);
    }
}
