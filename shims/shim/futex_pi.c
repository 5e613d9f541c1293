/* futex_pi.c: priority-inheriting locks, whose word holds the owner's tid.
 *
 * A lock that others wait for has an entry in the world, as it has a state in the kernel: it hangs
 * on its owner, whose death hands the lock on to the next in line, whether it is robust or not.
 */
#include "futex.h"

static struct pi_lock *lock_at(u32 lock) { return &WORLD->pi_locks[lock]; }

/* The next in line for the lock. */
static u32 next_waiter(const u64 key[2])
{
    const struct futex_waiter *waiters = WORLD->futexes;
    u32 slot = futex_queue(key);
    while (slot && !(waiters[slot].pi_lock && futex_same_key(waiters[slot].key, key)))
        slot = waiters[slot].next;
    return slot;
}

/* ---- whose it is ---- */
static void disown(u32 lock)
{
    struct pi_lock *l = lock_at(lock);
    if (l->prev)
        lock_at(l->prev)->next = l->next;
    else
        task_at(l->owner)->first_pi = l->next;
    if (l->next)
        lock_at(l->next)->prev = l->prev;
}

static void own(u32 lock, struct task *owner)
{
    struct pi_lock *l = lock_at(lock);
    l->owner = owner->index;
    l->prev = 0;
    l->next = owner->first_pi;
    if (l->next)
        lock_at(l->next)->prev = lock;
    owner->first_pi = lock;
}

static u32 lock_alloc(const u64 key[2], struct task *owner)
{
    struct world *w = WORLD;
    u32 lock = w->free_pi_lock;
    if (lock)
        w->free_pi_lock = w->pi_locks[lock].next;
    else
        lock = ++w->used_pi_locks; /* never more than waiters */
    *lock_at(lock) = (struct pi_lock){.key = {key[0], key[1]}};
    own(lock, owner);
    return lock;
}

/* A waiter in the queue now waits for the lock, which is `owner`'s. */
static void wait_for(u32 slot, struct task *owner)
{
    struct futex_waiter *me = &WORLD->futexes[slot];
    u32 other = next_waiter(me->key);
    me->pi_lock = other ? WORLD->futexes[other].pi_lock : lock_alloc(me->key, owner);
    lock_at(me->pi_lock)->waiters++;
}

void futex_pi_leave(u32 slot)
{
    struct world *w = WORLD;
    u32 lock = w->futexes[slot].pi_lock;
    w->futexes[slot].pi_lock = 0;
    if (--lock_at(lock)->waiters)
        return;
    disown(lock);
    lock_at(lock)->next = w->free_pi_lock;
    w->free_pi_lock = lock;
}

/* What the word says when this waiter owns the lock. */
static u32 word_of(u32 slot)
{
    const struct futex_waiter *me = &WORLD->futexes[slot];
    return task_at(me->task)->tid | (lock_at(me->pi_lock)->waiters > 1 ? FUTEX_WAITERS_BIT : 0);
}

static void hand_on(u32 slot)
{
    const struct futex_waiter *me = &WORLD->futexes[slot];
    disown(me->pi_lock);
    own(me->pi_lock, task_at(me->task));
    futex_wake_waiter(slot);
}

void futex_pi_owner_died(struct task *t)
{
    while (t->first_pi) {
        u32 slot = next_waiter(lock_at(t->first_pi)->key);
        const struct futex_waiter *me = &WORLD->futexes[slot];
        u32 word = word_of(slot) | FUTEX_OWNER_DIED_BIT;
        futex_word_out(proc_of(task_at(me->task)), me->address, word);
        hand_on(slot);
    }
}

/* ---- the operations ---- */
static i64 word_in(u64 address, u32 *value)
{
    return address & 3 ? -EINVAL : copy_in(value, address, 4);
}

i64 futex_lock_pi(struct trap *c, u64 address, int shared, u64 deadline_ns, int try_only)
{
    struct task *t = c->t;
    u32 value;
    i64 error = word_in(address, &value);
    if (error)
        return error;
    if ((value & FUTEX_TID_BITS) == t->tid)
        return -EDEADLK;
    if (!(value & FUTEX_TID_BITS)) {
        u32 mine = t->tid | (value & (FUTEX_OWNER_DIED_BIT | FUTEX_WAITERS_BIT));
        return copy_out(address, &mine, 4);
    }
    struct task *owner = task_by_tid(value & FUTEX_TID_BITS);
    if (!owner)
        return -ESRCH;
    if (try_only)
        return -EAGAIN;
    value |= FUTEX_WAITERS_BIT;
    if (copy_out(address, &value, 4))
        return -EFAULT;
    wait_for(futex_add(t, address, shared, ~0u, 0), owner);
    park(t, WAIT_FUTEX, address, deadline_ns);
    futex_drop(t);
    if (t->wake_result == WAKE_DONE)
        return 0; /* the one that unlocked made us the owner */
    return t->wake_result == WAKE_TIMEOUT ? -ETIMEDOUT : -ERESTARTSYS;
}

i64 futex_unlock_pi(struct proc *p, u64 address, int shared, u32 tid)
{
    u32 value;
    u64 key[2];
    i64 error = word_in(address, &value);
    if (error)
        return error;
    if ((value & FUTEX_TID_BITS) != tid)
        return -EPERM;
    futex_key(p, address, shared, key);
    u32 slot = next_waiter(key), next = slot ? word_of(slot) : 0;
    if (copy_out(address, &next, 4))
        return -EFAULT;
    if (slot)
        hand_on(slot);
    return 0;
}

/* Whether a condition's waiter (FUTEX_WAIT_REQUEUE_PI) wants this lock. */
static int wants(const struct futex_waiter *me, const struct proc *p, u64 lock, int shared)
{
    const struct proc *theirs = proc_of(task_at(me->task));
    u64 a[2], b[2];
    if (me->pi_word == lock && theirs->mm == p->mm)
        return 1;
    if (!me->pi_word || !shared)
        return 0;
    futex_key(theirs, me->pi_word, 1, a);
    futex_key(p, lock, 1, b);
    return futex_same_key(a, b);
}

/* A condition's waiters move on to its lock; the first gets it if it is free. */
i64 futex_requeue_pi(struct proc *p, u64 from, u64 to, int shared, u32 most)
{
    struct world *w = WORLD;
    u64 a[2], b[2];
    u32 value, next;
    i64 count = 0, error = word_in(to, &value);
    if (error)
        return error;
    futex_key(p, from, shared, a);
    futex_key(p, to, shared, b);
    for (u32 slot = futex_queue(a); slot && count < (i64)most; slot = next) {
        struct futex_waiter *me = &w->futexes[slot];
        next = me->next;
        if (!futex_same_key(me->key, a))
            continue;
        if (!wants(me, p, to, shared))
            return -EINVAL;
        struct task *owner = task_by_tid(value & FUTEX_TID_BITS);
        int is_free = !(value & FUTEX_TID_BITS);
        if (!is_free && !owner)
            return -ESRCH;
        value = is_free ? task_at(me->task)->tid : value | FUTEX_WAITERS_BIT;
        if (copy_out(to, &value, 4))
            return -EFAULT;
        count++;
        if (is_free) {
            futex_wake_waiter(slot);
        } else {
            futex_move(slot, b, me->pi_word);
            wait_for(slot, owner);
        }
    }
    return count;
}
