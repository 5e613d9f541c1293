/* sys_lock.c: file locks: fcntl's (POSIX, and those of an open file description) and flock.
 *
 * The locks are the kernel's. A blocking call tries without blocking, and when it fails waits in a
 * queue of its file. What may release a lock (an unlock, a downgrade, a close, an end) wakes the
 * oldest waiter that wants it, and those that can go together with it; the others would only fail.
 * Who was woken tries again, and keeps its place when somebody else was quicker, as in Linux.
 *
 * Whoever waits for a POSIX lock knows whose lock is in its way. From one to the next this is the
 * graph in which a deadlock (EDEADLK) is a circle.
 *
 * A lock may be kept by what has no descriptor (a mapping, a message on its way), or by somebody
 * outside of the simulation. So before nothing at all can run those that wait look once more, and
 * when the holder is outside, one waits for it in earnest.
 */
#include "files.h"

#define F_RDLCK_TYPE 0
#define F_WRLCK_TYPE 1
#define F_UNLCK_TYPE 2
#define LOCK_SH_OP 1u
#define LOCK_EX_OP 2u
#define LOCK_NB_OP 4u
#define LOCK_UN_OP 8u
#define SEEK_CURRENT 1
#define SEEK_TO_END 2
#define DEADLOCK_STEPS_MAX 10 /* the kernel's */

struct flock_k {
    i16 type, whence;
    i64 start, len;
    i32 pid;
    u32 pad;
};

/* ---- the queues ---- */
static struct task_queue *queue_of(u32 inode)
{
    return &WORLD->lock_buckets[inode % LOCK_BUCKETS];
}

static void enqueue(struct task *t)
{
    struct task_queue *q = queue_of(t->lock.inode);
    t->lock.next = 0;
    t->lock.prev = q->last;
    if (q->last)
        task_at(q->last)->lock.next = t->index;
    else
        q->first = t->index;
    q->last = t->index;
    WORLD->lock_waiters++;
}

static void dequeue(struct task *t)
{
    struct task_queue *q = queue_of(t->lock.inode);
    if (t->lock.prev)
        task_at(t->lock.prev)->lock.next = t->lock.next;
    else
        q->first = t->lock.next;
    if (t->lock.next)
        task_at(t->lock.next)->lock.prev = t->lock.prev;
    else
        q->last = t->lock.prev;
    t->lock.state = LOCK_NONE;
    WORLD->lock_waiters--;
}

static int overlaps(const struct lock_wait *a, const struct lock_wait *b)
{
    return a->inode == b->inode && a->is_flock == b->is_flock && a->start <= b->end &&
           b->start <= a->end;
}

static int conflicts(const struct lock_wait *a, const struct lock_wait *b)
{
    return overlaps(a, b) && (a->exclusive || b->exclusive);
}

static int covers(const struct lock_wait *a, const struct lock_wait *b)
{
    return overlaps(a, b) && a->start <= b->start && a->end >= b->end;
}

/* The first in the queue before `t` that was woken and would take what it wants; 0: none. */
static u32 woken_before(const struct task *t)
{
    u32 slot = queue_of(t->lock.inode)->first;
    while (slot != t->index) {
        const struct task *other = task_at(slot);
        if (other->lock.state == LOCK_WOKEN && conflicts(&other->lock, &t->lock))
            return slot;
        slot = other->lock.next;
    }
    return 0;
}

static int is_blocked_by(const struct lock_wait *l, u32 fd_table)
{
    return !l->blocker || !fd_table || WORLD->procs[l->blocker].fd_table == fd_table;
}

/* Something was released. `what`: which file and bytes, and whether wholly (exclusive) or down to a
 * shared lock; `fd_table`: whose owner's, 0 for anybody's; only those behind `after`, if it is
 * given. */
static void wake_waiting(const struct lock_wait *what, u32 fd_table, const struct task *after)
{
    u32 woken = 0, next; /* so far; those that want to be alone count twice */
    for (u32 slot = queue_of(what->inode)->first; slot; slot = next) {
        struct task *t = task_at(slot);
        struct lock_wait *l = &t->lock;
        next = l->next;
        if (t == after)
            after = 0;
        else if (!after && l->state == LOCK_BLOCKED && t->state == TASK_PARKED && overlaps(l, what) &&
                 (what->exclusive || !l->exclusive) && is_blocked_by(l, fd_table) &&
                 (woken < (l->exclusive ? 1 : 2) || !woken_before(t))) {
            l->state = LOCK_WOKEN;
            wake(t, WAKE_DONE);
        }
        if (l->state != LOCK_WOKEN || !overlaps(l, what))
            continue;
        woken |= l->exclusive ? 2 : 1;
        if (l->exclusive && covers(l, what))
            return; /* in the way of all that follow */
    }
}

static void released(const struct lock_wait *what, u32 fd_table)
{
    if (unlikely(WORLD->lock_waiters))
        wake_waiting(what, fd_table, 0);
}

/* It was woken in vain: let those behind it try. */
static void let_pass(struct task *t)
{
    struct lock_wait all = t->lock;
    all.exclusive = 1;
    t->lock.state = LOCK_BLOCKED;
    wake_waiting(&all, 0, t);
}

/* Out of the queue. What was acquired is in the way of those behind. */
static void leave(struct task *t, int acquired)
{
    if (t->lock.state == LOCK_NONE)
        return;
    if (!acquired && t->lock.state == LOCK_WOKEN)
        let_pass(t);
    for (u32 i = t->lock.next; acquired && t->lock.is_posix && i; i = task_at(i)->lock.next)
        if (task_at(i)->lock.state == LOCK_BLOCKED && conflicts(&task_at(i)->lock, &t->lock))
            task_at(i)->lock.blocker = t->proc;
    dequeue(t);
}

void lock_forget(struct task *t)
{
    leave(t, 0);
}

/* As in the kernel, which interrupts the call; a restart comes to the end of the queue. */
void lock_stopped(struct task *t)
{
    if (t->lock.state == LOCK_WOKEN)
        let_pass(t); /* it tries when it goes on */
    else if (t->state == TASK_PARKED && t->wait == WAIT_LOCK)
        wake(t, WAKE_SIGNAL);
}

/* ---- what a close does: POSIX locks go with any descriptor of the file ---- */
void locks_on_close(u32 fd_table, u32 object)
{
    struct lock_wait what = {.inode = WORLD->objects[object].inode, .exclusive = 1, .end = ~0ul};
    if (what.inode)
        released(&what, fd_table);
}

/* The other ones go with the last of the description. */
void locks_on_last_close(const struct object *o)
{
    struct lock_wait what = {.inode = o->inode, .exclusive = 1, .end = ~0ul};
    if (o->ofd_locks)
        released(&what, 0);
    what.is_flock = 1;
    if (o->flock)
        released(&what, 0);
}

/* ---- who waits for whom ---- */
static const struct task *waiting_thread(u32 proc)
{
    u32 slot = WORLD->procs[proc].first_task;
    while (slot && (task_at(slot)->lock.state != LOCK_BLOCKED || !task_at(slot)->lock.is_posix))
        slot = task_at(slot)->next_in_proc;
    return slot ? task_at(slot) : 0;
}

static int is_deadlock(const struct proc *self, u32 blocker)
{
    for (int i = 0; i < DEADLOCK_STEPS_MAX; i++) {
        const struct task *t = blocker ? waiting_thread(blocker) : 0;
        if (!t)
            return 0;
        u32 ahead = woken_before(t);
        blocker = !ahead                          ? t->lock.blocker
                  : task_at(ahead)->lock.is_posix ? task_at(ahead)->proc
                                                  : 0;
        if (blocker && WORLD->procs[blocker].fd_table == self->fd_table)
            return 1;
    }
    return 0;
}

/* Whether some description in the simulation has such a lock of its own (only before a deadlock).
 */
static int object_holds(const struct lock_wait *l)
{
    struct world *w = WORLD;
    for (u32 i = 1; i <= w->used_objects; i++) {
        const struct object *o = &w->objects[i];
        if (o->kind && o->inode == l->inode &&
            (l->is_flock ? o->flock != FLOCK_NONE : o->ofd_locks != 0))
            return 1;
    }
    return 0;
}

/* ---- waiting ---- */
struct lock_call {
    struct trap *c;
    struct object *o;
    u64 a1, a2, quick; /* the call's arguments; the command that does not block */
    i64 (*look)(
        struct lock_call *); /* at what is in the way: -EAGAIN, or 0 when nothing is any more */
};

static i64 make_call(const struct lock_call *q, u64 a1)
{
    struct task *t = q->c->t;
    t->place = PLACE_KERNEL;
    i64 result = raw((i64)q->c->nr, q->c->a[0], a1, q->a2);
    t->place = PLACE_SHIM;
    return result;
}

static i64 park_for_lock(struct task *t)
{
    if (signal_waits(t))
        return -ERESTARTSYS;
    t->wait_outside_now = 0;
    if (t->lock.state == LOCK_NONE)
        enqueue(t);
    t->lock.state = LOCK_BLOCKED;
    park(t, WAIT_LOCK, t->lock.inode, ~0ul);
    return t->wake_result == WAKE_SIGNAL ? -ERESTARTSYS : 0;
}

int locks_look_again(void)
{
    struct world *w = WORLD;
    for (u32 i = 1; w->lock_waiters && i <= w->used_tasks; i++) {
        struct task *t = task_at(i);
        if (t->state != TASK_PARKED || t->wait != WAIT_LOCK)
            continue;
        if (t->lock.looked == w->traps) {
            t->wait_since_ns = t->lock.since_ns; /* it still waits */
            continue;
        }
        t->lock.looked = w->traps;
        t->lock.since_ns = t->wait_since_ns;
        t->lock.state = LOCK_WOKEN;
        t->wait_outside_now = 1;
        wake(t, WAKE_DONE);
        return 1;
    }
    return 0;
}

/* The descriptor may be closed, or another file's, by the time that the wait is over. */
static int still_there(const struct lock_call *q)
{
    return &WORLD->objects[fd_object(q->c->p, (i32)q->c->a[0])] == q->o;
}

static i64 wait_for_lock(struct lock_call *q, const struct lock_wait *asked)
{
    struct task *t = q->c->t;
    i64 error;
    t->lock = *asked;
    do {
        if (t->lock.state == LOCK_WOKEN)
            let_pass(t); /* before it looks: nobody may seem to wait for it */
        error = q->look(q);
        if (error == -EAGAIN)
            error = park_for_lock(t);
        if (!error)
            error = still_there(q) ? make_call(q, q->quick) : -EBADF;
    } while (error == -EAGAIN);
    t->wait_outside_now = 0;
    leave(t, !error);
    return error;
}

/* Nothing can run before somebody outside lets go; but for input that may come. */
static int only_outside_helps(const struct task *t)
{
    const struct world *w = WORLD;
    int input = w->outside_channel && w->channels[w->outside_channel].first[SIDE_EXCLUSIVE];
    return unlikely(t->wait_outside_now) && !input && !object_holds(&t->lock);
}

static i64 wait_in_earnest(struct lock_call *q)
{
    q->c->t->wait_outside_now = 0;
    count_hole(HOLE_SHARED_FILE);
    return make_call(q, q->a1);
}

/* ---- fcntl ---- */
static int waits(u64 cmd) { return cmd == F_SETLKW_CMD || cmd == F_OFD_SETLKW_CMD; }
static int is_ofd(u64 cmd) { return cmd == F_OFD_SETLK_CMD || cmd == F_OFD_SETLKW_CMD; }

static i64 origin_of(i64 fd, i16 whence)
{
    struct statx_k st;
    if (whence == SEEK_CURRENT)
        return raw(__NR_lseek, fd, 0, SEEK_CURRENT);
    return whence == SEEK_TO_END && !statx_of_fd(fd, &st) ? (i64)st.size : 0;
}

/* What is asked for. What is wrong with it, the kernel has said already. */
static struct lock_wait wanted_range(struct trap *c, const struct flock_k *f, u64 cmd)
{
    i64 start = origin_of((i32)c->a[0], f->whence) + f->start;
    return (struct lock_wait){.inode = inode_of_descriptor(c->p, (i32)c->a[0]),
                              .exclusive = f->type != F_RDLCK_TYPE, /* an unlock lets go of all */
                              .is_posix = !is_ofd(cmd),
                              .start = (u64)(f->len < 0 ? start + f->len : start),
                              .end = f->len ? (u64)(f->len < 0 ? start - 1 : start + f->len - 1)
                                            : ~0ul};
}

static i64 look_at_range(struct lock_call *q)
{
    struct lock_wait *l = &q->c->t->lock;
    struct flock_k f = *(const struct flock_k *)q->a2;
    i64 error = raw(__NR_fcntl, q->c->a[0], l->is_posix ? F_GETLK_CMD : F_OFD_GETLK_CMD, &f);
    if (error || f.type == F_UNLCK_TYPE)
        return error;
    struct proc *holder = f.pid > 0 ? proc_by_pid((u32)f.pid) : 0;
    l->blocker = holder ? holder->index : 0;
    if (l->is_posix && is_deadlock(q->c->p, l->blocker))
        return -EDEADLK;
    if (!holder && only_outside_helps(q->c->t))
        return wait_in_earnest(q);
    return -EAGAIN;
}

i64 lock_range(struct trap *c, struct object *o)
{
    struct flock_k f; /* a copy: the program may change its own while it waits */
    u64 cmd = (u32)c->a[1];
    struct lock_call q = {.c = c, .o = o, .a1 = cmd, .a2 = (u64)&f, .look = look_at_range,
                          .quick = is_ofd(cmd) ? F_OFD_SETLK_CMD : F_SETLK_CMD};
    if (copy_in(&f, c->a[2], sizeof f))
        return -EFAULT;
    i64 error = make_call(&q, q.quick);
    if (error && error != -EAGAIN)
        return error;
    struct lock_wait asked = wanted_range(c, &f, cmd);
    if (error && waits(cmd))
        error = wait_for_lock(&q, &asked);
    if (error)
        return error;
    if (is_ofd(cmd) && f.type != F_UNLCK_TYPE)
        o->ofd_locks = 1;
    if (f.type != F_WRLCK_TYPE) /* a read lock may have been a write lock before */
        released(&asked, is_ofd(cmd) ? 0 : c->p->fd_table);
    return 0;
}

/* ---- flock ---- */
static i64 look_at_flock(struct lock_call *q)
{
    if (only_outside_helps(q->c->t))
        return wait_in_earnest(q);
    return -EAGAIN;
}

static void flock_changed(struct object *o, u32 inode, u32 now)
{
    struct lock_wait what = {.inode = inode, .is_flock = 1, .end = ~0ul};
    u32 before = o->flock;
    o->flock = (u8)now;
    what.exclusive = now == FLOCK_NONE;
    if (before > now)
        released(&what, 0);
}

i64 sys_flock(struct trap *c)
{
    u32 object = fd_object(c->p, (i32)c->a[0]), inode = inode_of_descriptor(c->p, (i32)c->a[0]);
    struct object *o = &WORLD->objects[object];
    u64 op = (u32)c->a[1];
    u32 wanted = op & LOCK_UN_OP ? FLOCK_NONE : op & LOCK_EX_OP ? FLOCK_EXCLUSIVE : FLOCK_SHARED;
    struct lock_wait asked = {
        .inode = inode, .is_flock = 1, .exclusive = wanted == FLOCK_EXCLUSIVE, .end = ~0ul};
    struct lock_call q = {
        .c = c, .o = o, .a1 = op, .a2 = c->a[2], .quick = op | LOCK_NB_OP, .look = look_at_flock};
    i64 error = make_call(&q, q.quick);
    if (!object)
        return error;
    if (error == -EAGAIN)
        flock_changed(o, inode, FLOCK_NONE); /* one of the other kind was let go of, in vain */
    if (error == -EAGAIN && !(op & LOCK_NB_OP))
        error = wait_for_lock(&q, &asked);
    if (!error)
        flock_changed(o, inode, wanted);
    return error;
}
