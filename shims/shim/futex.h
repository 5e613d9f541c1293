/* futex.h: the queues of futex.c, as threads and exits use them. */
#ifndef DST_FUTEX_H
#define DST_FUTEX_H
#include "shim.h"

/* Wakes up to `most` waiters of a word of this process's memory; how many there were. */
i64 futex_wake_word(struct proc *p, u64 address, int shared, u32 most) HIDDEN;
i64 futex_wake_bits(struct proc *p, u64 address, int shared, u32 most, u32 bitset) HIDDEN;
/* Queues a task on a word; `index`: which of several (futex_waitv). */
u32 futex_add(struct task *t, u64 address, int shared, u32 bitset, u32 index) HIDDEN;
i64 futex_requeue(struct proc *p, u64 from, u64 to, int shared, u32 most, u32 moved_max, i64 *moved) HIDDEN;
i64 futex_lock_pi(struct trap *c, u64 address, int shared, u64 deadline_ns, int try_only) HIDDEN;
/* Hands a priority-inheriting lock to the next in line. */
i64 futex_unlock_pi(struct proc *p, u64 address, int shared, u32 tid) HIDDEN;
i64 futex_requeue_pi(struct proc *p, u64 from, u64 to, int shared, u32 most) HIDDEN;
/* Takes a task out of every queue. */
void futex_drop(struct task *t) HIDDEN;
/* What the kernel does with the program's robust list when one of its threads dies. */
#define ROBUST_UNDO_MAX 64
struct robust_undo { /* words as they were, for an exec that fails */
    u32 count;
    u32 value[ROBUST_UNDO_MAX];
    u64 address[ROBUST_UNDO_MAX];
};
void futex_robust_exit(struct task *t, struct robust_undo *undo) HIDDEN;
void futex_robust_undo(const struct robust_undo *undo) HIDDEN;
#endif
