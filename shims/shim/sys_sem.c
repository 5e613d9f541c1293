/* sys_sem.c: System V semaphores.
 *
 * The values are the kernel's. An operation that would wait is made without waiting, and when it
 * fails queues by the set (turns.c). Whoever has changed values lets those try that can go now, in
 * the kernel's order: those that wait for zero first, the others oldest first, and from the start
 * again after each that has changed a value.
 */
#include "ipc.h"

#define SEM_OPS_MAX 500 /* the kernel's default: the namespace is new */
#define SEM_UNDO_FLAG 0x1000
#define OP_WAITS 0x2000 /* ours, which the kernel does not look at: the program would wait for it */

enum sem_command {
    SEM_GETNCNT = 14,
    SEM_GETZCNT = 15,
    SEM_SETVAL = 16,
    SEM_SETALL = 17,
    SEM_STAT = 18,
    SEM_STAT_ANY = 20
};

struct sembuf_k {
    u16 num;
    i16 op, flags;
};

struct semid_ds_k {
    u64 perm[6];
    i64 otime_s;
    u64 unused1;
    i64 ctime_s;
    u64 unused2, sems, unused3, unused4;
};
_Static_assert(sizeof(struct semid_ds_k) == 104, "struct semid64_ds");

struct sem_request {
    struct turn_request turn;
    i64 id;
    u32 count, blocking; /* number of operations; which of them cannot be done */
    struct sembuf_k ops[SEM_OPS_MAX];
};

struct value_seen { /* the last one asked for */
    i64 id, value;
    u32 num, known;
};

static i64 value_of(struct value_seen *seen, i64 id, u32 num)
{
    if (!seen->known || seen->num != num || seen->id != id) {
        i64 value = raw(__NR_semctl, id, num, 12 /* GETVAL */, 0);
        *seen = (struct value_seen){.id = id, .value = value, .num = num, .known = 1};
    }
    return seen->value;
}

/* The first operation that cannot be done now; `count`: all can, or the kernel has to tell. */
static u32 find_blocking(const struct sem_request *q, struct value_seen *seen)
{
    for (u32 i = 0; i < q->count; i++) {
        i64 value = value_of(seen, q->id, q->ops[i].num);
        if (value < 0)
            return q->count;
        for (u32 j = 0; j < i; j++)
            if (q->ops[j].num == q->ops[i].num)
                value += q->ops[j].op;
        if (q->ops[i].op ? value + q->ops[i].op < 0 : value != 0)
            return i;
    }
    return q->count;
}

static int alters(const struct sem_request *q)
{
    for (u32 i = 0; i < q->count; i++)
        if (q->ops[i].op)
            return 1;
    return 0;
}

static i64 attempt(struct turn_request *r)
{
    struct sem_request *q = (struct sem_request *)r;
    i64 error = raw(__NR_semop, q->id, q->ops, q->count);
    if (!error)
        ipc_times(IPC_SEM, q->id)->first_s = ipc_now_s();
    return error == -EINVAL ? -EIDRM : error; /* of a set that is gone */
}

/* Lets the first go that can. Those that change nothing, or those that do. */
static int let_one_go(struct task *t, i64 id, int altering)
{
    struct value_seen seen = {.known = 0};
    for (struct task *w = turn_next(TURN_SEM, (u32)id, 0); w; w = turn_next(TURN_SEM, (u32)id, w)) {
        struct sem_request *q = turn_request_of(w);
        if (alters(q) != altering)
            continue;
        u32 blocking = find_blocking(q, &seen);
        if (blocking == q->count && turn_give(t, w) != -EAGAIN)
            return 1;
        q->blocking = blocking;
    }
    return 0;
}

static void values_changed(struct task *t, i64 id)
{
    while (let_one_go(t, id, 0) || let_one_go(t, id, 1))
        ;
}

void sems_undone(const struct proc *p)
{
    for (u32 i = 1; p->sem_undo && i <= WORLD->used_tasks; i++)
        if (task_at(i)->turn.kind == TURN_SEM && task_at(i)->wait == WAIT_TURN)
            wake(task_at(i), WAKE_DONE); /* looks again, when the process is gone */
}

i64 sys_semget(struct trap *c) { return ipc_get(c, IPC_SEM); }

static i64 wait_for_values(struct trap *c, struct sem_request *q, u64 timeout_ns)
{
    struct value_seen seen = {.known = 0};
    u64 deadline = timeout_ns == ~0ul ? ~0ul : deadline_after(1, timeout_ns);
    q->blocking = find_blocking(q, &seen);
    if (q->blocking == q->count)
        q->blocking = 0; /* it may not read the set */
    if (!(q->ops[q->blocking].flags & OP_WAITS))
        return -EAGAIN;
    i64 error = turn_wait(c->t, TURN_SEM, (u32)q->id, &q->turn, deadline);
    return error == -ETIMEDOUT     ? -EAGAIN
           : error == -ERESTARTSYS ? -EINTR
                                   : error; /* never restarted */
}

static i64 operate(struct trap *c, u64 timeout_ns)
{
    struct sem_request q = {.turn = {attempt}, .id = (i32)c->a[0], .count = (u32)c->a[2]};
    i16 flags = 0;
    ipc_count(c);
    if ((i32)c->a[0] < 0 || !q.count)
        return -EINVAL;
    if (q.count > SEM_OPS_MAX)
        return -E2BIG;
    if (copy_in(q.ops, c->a[1], q.count * sizeof q.ops[0]))
        return -EFAULT;
    for (u32 i = 0; i < q.count; i++) {
        flags |= q.ops[i].flags;
        q.ops[i].flags = (i16)((q.ops[i].flags & ~OP_WAITS) |
                               (q.ops[i].flags & IPC_NOWAIT_FLAG ? 0 : OP_WAITS));
        q.ops[i].flags |= IPC_NOWAIT_FLAG;
    }
    i64 error = raw(__NR_semop, q.id, q.ops, q.count);
    if (!error)
        ipc_times(IPC_SEM, q.id)->first_s = ipc_now_s();
    if (error == -EAGAIN)
        error = wait_for_values(c, &q, timeout_ns);
    if (!error && (flags & SEM_UNDO_FLAG))
        c->p->sem_undo = 1;
    if (!error)
        values_changed(c->t, q.id);
    return error;
}

i64 sys_semop(struct trap *c) { return operate(c, ~0ul); }

i64 sys_semtimedop(struct trap *c)
{
    u64 ns;
    if (!c->a[3])
        return operate(c, ~0ul);
    i64 error = timespec_in(c->a[3], &ns);
    return error ? error : operate(c, ns);
}

/* ---- semctl ---- */
static i64 stat_out(struct trap *c)
{
    struct semid_ds_k ds;
    i64 result = raw(__NR_semctl, c->a[0], c->a[1], c->a[2], &ds);
    if (result < 0)
        return result;
    const struct ipc_times *times = ipc_times(IPC_SEM,
                                              (u32)c->a[2] == IPC_STAT_CMD ? (i32)c->a[0] : result);
    ds.otime_s = times->first_s;
    ds.ctime_s = times->change_s;
    return copy_out(c->a[3], &ds, sizeof ds) ? -EFAULT : result;
}

static i64 count_waiting(i64 id, u32 num, int for_zero)
{
    i64 count = 0;
    for (struct task *w = turn_next(TURN_SEM, (u32)id, 0); w; w = turn_next(TURN_SEM, (u32)id, w)) {
        const struct sem_request *q = turn_request_of(w);
        u32 i = q->blocking < q->count ? q->blocking : 0;
        count += q->ops[i].num == num && (q->ops[i].op == 0) == for_zero;
    }
    return count;
}

static void removed(i64 id)
{
    for (struct task *w = turn_next(TURN_SEM, (u32)id, 0), *next; w; w = next) {
        next = turn_next(TURN_SEM, (u32)id, w);
        turn_end(w, -EIDRM);
    }
}

i64 sys_semctl(struct trap *c)
{
    u32 cmd = (u32)c->a[2];
    i64 id = (i32)c->a[0];
    ipc_count(c);
    if (cmd == IPC_STAT_CMD || cmd == SEM_STAT || cmd == SEM_STAT_ANY)
        return stat_out(c);
    i64 result = pass(c);
    if (result < 0)
        return result;
    switch (cmd) {
    case SEM_GETNCNT:
    case SEM_GETZCNT:
        return count_waiting(id, (u32)c->a[1], cmd == SEM_GETZCNT);
    case SEM_SETVAL:
    case SEM_SETALL:
        ipc_times(IPC_SEM, id)->change_s = ipc_now_s();
        values_changed(c->t, id);
        break;
    case IPC_SET_CMD:
        ipc_times(IPC_SEM, id)->change_s = ipc_now_s();
        break;
    case IPC_RMID_CMD:
        removed(id);
        break;
    }
    return result;
}
