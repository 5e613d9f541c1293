/* robust.c: robust lists, the kernel's and the program's.
 *
 * A task's list in the kernel is ours: its death marks the task's own word, then the token. Behind
 * our node hangs the program's list, so that the kernel marks the locks of who is killed from
 * outside, too (afterwards nobody could read its memory). It does not end in ours: the kernel gives
 * up after some 2,000 steps, which is why deaths inside the simulation, where we do it all, take it
 * off first. A lock that the program is about to take (list_op_pending) is not seen then: there is
 * one such field, and it is the token's.
 */
#include "futex.h"

#define ROBUST_ENTRIES_MAX 2048
#define OWN_OFFSET (-8l)

/* ---- the kernel's list ---- */
/* The node must lie within alive_word, not upon the word; its lowest bit means something else. */
static int is_within_reach(i64 offset)
{
    int before = offset >= 8 && offset <= ROBUST_REACH;
    int behind = offset <= -4 && offset >= -ROBUST_REACH;
    return !(offset & 1) && (before || behind);
}

static void set_list(struct task *t, i64 offset, u64 next)
{
    u64 node = (u64)&t->alive.word - (u64)offset;
    memcpy((void *)node, &next, sizeof next);
    t->robust.first = node;
    t->robust.word_offset = offset;
    t->robust.pending = (u64)&WORLD->token - (u64)offset; /* looked at last, whoever holds it */
}

static void follow_nothing(struct task *t)
{
    set_list(t, OWN_OFFSET, (u64)&t->robust);
}

void robust_register(struct task *t)
{
    t->alive.word = t->tid | ROBUST_WAITERS;
    follow_nothing(t);
    raw(__NR_set_robust_list, &t->robust, sizeof t->robust);
}

void robust_follow(struct task *t)
{
    struct robust_head head;
    u64 list = t->program_robust_list;
    if (list && !copy_in(&head, list, sizeof head) && is_within_reach(head.word_offset))
        set_list(t, head.word_offset, list);
    else
        follow_nothing(t);
}

/* ---- a dying owner's locks are marked, and one waiter each is woken ---- */
/* `entry` of the list: its lowest bit tells a priority-inheriting lock, which is handed on later. */
static void word_died(struct task *t, u64 entry, i64 word_offset, int pending,
                      struct robust_undo *undo)
{
    struct proc *p = proc_of(t);
    u64 address = (entry & ~1ul) + (u64)word_offset, key[2];
    u32 value;
    int pi = entry & 1;
    if ((address & 3) || futex_word_in(p, &value, address, 4))
        return;
    if (pending && !pi && !value)
        futex_wake_word(p, address, 1, 1); /* it died between its unlock and its wake */
    if ((value & FUTEX_TID_BITS) != t->tid)
        return;
    if (futex_word_out(p, address, (value & FUTEX_WAITERS_BIT) | FUTEX_OWNER_DIED_BIT))
        return;
    if (undo && undo->count < ROBUST_UNDO_MAX) {
        undo->address[undo->count] = address;
        undo->value[undo->count++] = value;
    }
    if (pi || !(value & FUTEX_WAITERS_BIT))
        return;
    futex_key(p, address, 1, key);
    if (!futex_wake_key(key, 1, ~0u))
        futex_wake_word(p, address, 0, 1);
}

/* The task may be another process's, which is about to be killed. */
void robust_exit(struct task *t, struct robust_undo *undo)
{
    struct proc *p = proc_of(t);
    struct robust_head head;
    u64 list = t->program_robust_list, entry, next;
    follow_nothing(t);
    if (!list || futex_word_in(p, &head, list, sizeof head))
        return;
    entry = head.first;
    for (int i = 0; i < ROBUST_ENTRIES_MAX && (entry & ~1ul) != list; i++, entry = next) {
        if (futex_word_in(p, &next, entry & ~1ul, 8))
            return;
        if (entry != head.pending)
            word_died(t, entry, head.word_offset, 0, undo);
    }
    if (head.pending)
        word_died(t, head.pending, head.word_offset, 1, undo);
}

/* The exec failed after all: the locks are held as before. Who was woken meanwhile looks again. */
void robust_undo(struct proc *p, const struct robust_undo *undo)
{
    for (u32 i = 0; i < undo->count; i++)
        copy_out(undo->address[i], &undo->value[i], 4);
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        robust_follow(task_at(i));
}

static int lost_its_owner(const struct futex_waiter *me)
{
    u32 value;
    if (!me->task || me->pi_lock)
        return 0;
    if (!me->address)
        return 1; /* not to be told: it looks for itself */
    if (futex_word_in(proc_of(task_at(me->task)), &value, me->address, 4))
        return 0;
    return (value & ~FUTEX_WAITERS_BIT) == FUTEX_OWNER_DIED_BIT;
}

void robust_wake_orphans(void)
{
    struct world *w = WORLD;
    for (u32 slot = 1; slot <= w->used_futexes; slot++)
        if (lost_its_owner(&w->futexes[slot]))
            futex_wake_waiter(slot);
}
