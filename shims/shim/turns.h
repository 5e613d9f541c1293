/* turns.h: queues of tasks that wait for their turn at something that the kernel keeps. */
#ifndef DST_TURNS_H
#define DST_TURNS_H
#include "shim.h"

struct turn_request { /* first in what each kind of wait keeps on its task's stack */
    i64 (*attempt)(struct turn_request *); /* by the waiting task; -EAGAIN: not yet */
};

/* Waits until the attempt comes to something. -ERESTARTSYS: a signal; -ETIMEDOUT. */
i64 turn_wait(struct task *t, u32 kind, u32 id, struct turn_request *r, u64 deadline_ns) HIDDEN;
/* The oldest that waits, or the next one after another; 0: none. */
struct task *turn_next(u32 kind, u32 id, const struct task *after) HIDDEN;
static inline void *turn_request_of(const struct task *t) { return (void *)t->turn.request; }
/* Lets a waiting task try, now. What it came to; -EAGAIN: it waits on. */
i64 turn_give(struct task *t, struct task *waiting) HIDDEN;
/* Ends its wait. */
void turn_end(struct task *waiting, i64 result) HIDDEN;
#endif
