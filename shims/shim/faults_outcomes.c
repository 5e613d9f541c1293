/* faults_outcomes.c: what a call gives when a fault rule decides it. */
#include "faults.h"
#include "faults_data.h"
#include "files.h"

#define WRITTEN_MAX 0x7ffff000ul /* what one call moves at most */
#define O_APPEND_FLAG 02000ul

/* What a rule makes the result, done or not. */
i64 faults_other_result(struct firing *g, i64 before)
{
    const struct fault_action *a = g->action;
    u32 what = a->what & (FAULT_ERROR | FAULT_RETVAL);
    g->did |= what;
    g->before = before;
    g->after = what & FAULT_ERROR ? -(i64)action_errno(a, g->draws[DRAW_CHOICE]) : a->retval;
    return g->after;
}

/* brk has no errno: it fails by telling where the end is still. What strace gives it, libc takes for
 * an address, so that is kept for strace's grammar. */
static i64 instead(struct trap *c, struct firing *g, i64 before)
{
    i64 result = faults_other_result(g, before);
    int as_strace = FAULTS->rules[g->rule].scope == FAULT_COUNT_STRACE;
    return c->nr == __NR_brk && (g->action->what & FAULT_ERROR) && !as_strace ? raw(__NR_brk, 0) : result;
}

static i64 did(struct firing *g, u32 what, i64 before, i64 after)
{
    g->did |= what;
    g->before = before;
    g->after = after;
    return after;
}

/* ---- fewer bytes ---- */
static i64 do_short(struct trap *c, struct firing *g)
{
    struct data d;
    if (!data_of_call(c, &d))
        return trap_handle(c);
    u64 n = action_short(g->action, d.total, g->draws[DRAW_SIZE]);
    if (n >= d.total)
        return trap_handle(c);
    if (!n)
        return did(g, FAULT_SHORT, (i64)d.total, 0);
    data_shorten(c, &d, n);
    i64 result = trap_handle(c);
    data_restore(c, &d);
    if (result == (i64)n)
        did(g, FAULT_SHORT, (i64)d.total, result);
    return result;
}

static i64 tell_less(struct trap *c, struct firing *g, i64 result)
{
    struct data d;
    if (result <= 0 || !data_of_call(c, &d))
        return result;
    u64 n = action_short(g->action, (u64)result, g->draws[DRAW_SIZE]);
    return n < (u64)result ? did(g, FAULT_SHORT, result, (i64)n) : result;
}

/* ---- writes that are not done, or twice ---- */
/* A file's position moves on, as if what was written had been lost later. */
static void pass_over(struct trap *c, u64 bytes)
{
    const struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    if (o->kind != OBJECT_FILE || (c->nr != __NR_write && c->nr != __NR_writev) ||
        (raw(__NR_fcntl, c->a[0], F_GETFL_CMD, 0) & (i64)O_APPEND_FLAG))
        return;
    raw(__NR_lseek, c->a[0], bytes, SEEK_CUR_K);
}

static i64 do_drop(struct trap *c, struct firing *g)
{
    struct data d;
    if (!data_of_call(c, &d) || !d.is_write || !d.total || !fd_object(c->p, (i32)c->a[0]))
        return trap_handle(c);
    u64 bytes = min_u64(d.total, WRITTEN_MAX);
    if (d.form == DATA_MESSAGES)
        data_tell_sent(&d, bytes);
    pass_over(c, bytes);
    return did(g, FAULT_DROP, (i64)bytes, (i64)bytes);
}

static i64 do_twice(struct trap *c, struct firing *g)
{
    struct data d;
    if (!data_of_call(c, &d) || !d.is_write)
        return trap_handle(c);
    i64 result = trap_handle(c);
    if (result > 0 && trap_handle(c) > 0)
        did(g, FAULT_DUPLICATE, (i64)d.total, result);
    return result;
}

/* ---- fsync as of ext4: it fails once, and what was not written is not tried again ---- */
static struct inode *inode_of_call(struct trap *c)
{
    u32 inode = inode_of_descriptor(c->p, (i32)c->a[0]);
    return inode ? &WORLD->inodes[inode] : 0;
}

int faults_has_forgotten(struct trap *c)
{
    struct inode *i;
    if ((c->nr != __NR_fsync && c->nr != __NR_fdatasync) || !(i = inode_of_call(c)) ||
        !(i->touched & INODE_FORGOTTEN))
        return 0;
    i->touched &= ~(u32)INODE_FORGOTTEN;
    return 1;
}

static i64 do_forget(struct trap *c, struct firing *g)
{
    struct inode *i = inode_of_call(c);
    if (!i)
        return trap_handle(c);
    i->touched |= INODE_FORGOTTEN;
    g->did |= FAULT_FORGET;
    return faults_other_result(g, 0);
}

/* ---- another call ---- */
static i64 do_other_call(struct trap *c, struct firing *g)
{
    u64 nr = c->nr, other = g->action->syscall;
    if (other >= SYSCALLS_MAX || !syscall_rows[other].handler)
        return did(g, FAULT_SYSCALL, 0, -ENOSYS);
    c->nr = other;
    take_strings(c);
    i64 result = trap_handle(c);
    c->nr = nr;
    take_strings(c);
    return did(g, FAULT_SYSCALL, 0, result);
}

/* ---- waits and wakes ---- */
/* As a signal ends a wait; no signal is there to restart it. */
static i64 do_interrupted(struct trap *c, struct firing *g)
{
    FAULTS->tasks[c->t->index].eintr_ns = g->action->eintr_ns;
    c->t->call_fault = CALL_EINTR;
    i64 result = trap_handle(c);
    int ended = c->t->call_fault == CALL_ENDED;
    c->t->call_fault = CALL_AS_EVER;
    if (!ended)
        return result;
    return did(g, FAULT_EINTR, 0, result == -ERESTARTSYS || result == -ERESTARTNOHAND ? -EINTR : result);
}

static i64 do_woken(struct trap *c, struct firing *g, u32 what)
{
    c->t->call_fault = what == FAULT_SPURIOUS ? CALL_SPURIOUS : CALL_WAKES_NEWEST;
    i64 result = trap_handle(c);
    u32 came_to = c->t->call_fault;
    c->t->call_fault = CALL_AS_EVER;
    if (came_to == CALL_WOKEN || (came_to == CALL_WAKES_NEWEST && result > 0))
        did(g, what, 0, result);
    return result;
}

i64 faults_entry_outcome(struct faulting *f, struct firing *g)
{
    struct trap *c = f->c;
    u32 what = g ? outcome_of(g->action) : 0;
    if (what & FAULT_FORGET)
        return do_forget(c, g);
    if (what & (FAULT_ERROR | FAULT_RETVAL))
        return instead(c, g, 0);
    if (what & FAULT_SHORT)
        return do_short(c, g);
    if (what & FAULT_EINTR)
        return do_interrupted(c, g);
    if (what & FAULT_DROP)
        return do_drop(c, g);
    if (what & FAULT_DUPLICATE)
        return do_twice(c, g);
    if (what & FAULT_SYSCALL)
        return do_other_call(c, g);
    if (what & FAULT_NET)
        return faults_net_outcome(f, g);
    if (what & FAULT_CORRUPT)
        return faults_corrupt_outcome(f, g);
    if (what & (FAULT_SPURIOUS | FAULT_MISDIRECT))
        return do_woken(c, g, what & (FAULT_SPURIOUS | FAULT_MISDIRECT));
    return trap_handle(c);
}

i64 faults_exit_outcome(struct faulting *f, struct firing *g, i64 result)
{
    u32 what = g ? outcome_of(g->action) : 0;
    if (what & (FAULT_ERROR | FAULT_RETVAL))
        return instead(f->c, g, result);
    if (what & FAULT_SHORT)
        return tell_less(f->c, g, result);
    if (what & FAULT_NET)
        return faults_net_after(f, g, result);
    if (what & FAULT_CORRUPT)
        return faults_corrupt_after(f, g, result);
    return result;
}

i64 faults_memory_outcome(struct firing *g)
{
    return g && (g->action->what & FAULT_ERROR) ? faults_other_result(g, 0) : 0;
}
