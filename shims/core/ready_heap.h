/* ready_heap.h: the ready set as a binary heap, the highest priority on top. All but rebuild is
 * O(log n). */
#ifndef DST_READY_HEAP_H
#define DST_READY_HEAP_H
#include "abi.h"

/* The set must not be empty. */
static inline u32 heap_top(const struct world *w)
{
    return w->sched.ready[1];
}
static inline u64 heap_top_priority(const struct world *w)
{
    return w->sched.ready_priority[1];
}
static inline int heap_has(const struct world *w, u32 task)
{
    return w->sched.ready_pos[task] != 0;
}
void heap_add(struct world *w, u32 task, u64 priority);
void heap_remove(struct world *w, u32 task); /* nothing, where it is not in the set */
void heap_move(struct world *w, u32 task, u64 priority);
void heap_rebuild(struct world *w); /* ready_priority was written; O(n) */
#endif
