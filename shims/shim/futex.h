/* futex.h: the queues of futex.c, and what futex_pi.c, robust.c, threads and exits do with them. */
#ifndef DST_FUTEX_H
#define DST_FUTEX_H
#include "shim.h"

/* What a word holds that says who owns a lock. */
#define FUTEX_TID_BITS 0x3fffffffu
#define FUTEX_OWNER_DIED_BIT 0x40000000u
#define FUTEX_WAITERS_BIT 0x80000000u

/* Wakes up to `most` waiters of a word of this process's memory; how many there were. */
i64 futex_wake_word(struct proc *p, u64 address, int shared, u32 most) HIDDEN;
i64 futex_wake_bits(struct proc *p, u64 address, int shared, u32 most, u32 bitset) HIDDEN;
/* Queues a task on a word; `index`: which of several (futex_waitv). */
u32 futex_add(struct task *t, u64 address, int shared, u32 bitset, u32 index) HIDDEN;
i64 futex_requeue(struct proc *p, u64 from, u64 to, int shared, u32 most, u32 moved_max,
                  i64 *moved) HIDDEN;
/* Takes a task out of every queue. */
void futex_drop(struct task *t) HIDDEN;

/* ---- the queues themselves ---- */
void futex_key(const struct proc *p, u64 address, int shared, u64 key[2]) HIDDEN;
static inline int futex_same_key(const u64 a[2], const u64 b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}
u32 futex_queue(const u64 key[2]) HIDDEN; /* the oldest waiter with the key's hash, 0: none */
void futex_move(u32 slot, const u64 key[2], u64 address) HIDDEN; /* to the end of another queue */
void futex_wake_waiter(u32 slot) HIDDEN;
i64 futex_wake_key(const u64 key[2], u32 most, u32 bitset) HIDDEN;
/* A word of another process's memory, too. */
i64 futex_word_in(const struct proc *p, void *to, u64 address, u64 n) HIDDEN;
i64 futex_word_out(const struct proc *p, u64 address, u32 value) HIDDEN;

/* ---- futex_pi.c: priority-inheriting locks ---- */
i64 futex_lock_pi(struct trap *c, u64 address, int shared, u64 deadline_ns, int try_only) HIDDEN;
i64 futex_unlock_pi(struct proc *p, u64 address, int shared, u32 tid) HIDDEN;
i64 futex_requeue_pi(struct proc *p, u64 from, u64 to, int shared, u32 most) HIDDEN;
void futex_pi_leave(u32 slot) HIDDEN; /* a waiter waits no more */
/* The locks of a dead task go to those who wait for them. */
void futex_pi_owner_died(struct task *t) HIDDEN;

/* ---- robust.c ---- */
void robust_register(struct task *t) HIDDEN;
/* The program's list is to be looked at as well when the task is killed from outside. */
void robust_follow(struct task *t) HIDDEN;
/* What the kernel does with the program's robust list when one of its threads dies. */
#define ROBUST_UNDO_MAX 64
struct robust_undo { /* words as they were, for an exec that fails */
    u32 count;
    u32 value[ROBUST_UNDO_MAX];
    u64 address[ROBUST_UNDO_MAX];
};
void robust_exit(struct task *t, struct robust_undo *undo) HIDDEN;
void robust_undo(struct proc *p, const struct robust_undo *undo) HIDDEN;
/* The kernel has marked the locks of who was killed from outside: wakes those who wait for them. */
void robust_wake_orphans(void) HIDDEN;
#endif
