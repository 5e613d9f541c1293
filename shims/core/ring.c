/* ring.c: the ready set in the order in which tasks became ready. */
#include "strategy.h"

static u16 *place(struct sched_state *s, u32 k)
{
    return &s->ready[(s->head + k) % TASKS_MAX];
}

void ring_add(struct world *w, u32 task)
{
    *place(&w->sched, w->sched.count++) = (u16)task;
}

void ring_add_first(struct world *w, u32 task)
{
    struct sched_state *s = &w->sched;
    s->head = (s->head + TASKS_MAX - 1) % TASKS_MAX;
    s->count++;
    *place(s, 0) = (u16)task;
}

void ring_remove(struct world *w, u32 task)
{
    struct sched_state *s = &w->sched;
    u32 kept = 0;
    for (u32 i = 0; i < s->count; i++) {
        u16 t = *place(s, i);
        if (t != task)
            *place(s, kept++) = t;
    }
    s->count = kept;
}

u32 ring_take(struct world *w, u32 k)
{
    struct sched_state *s = &w->sched;
    u16 task = *place(s, k);
    *place(s, k) = *place(s, 0); /* the gap goes to the front, where the set shrinks */
    s->head = (s->head + 1) % TASKS_MAX;
    s->count--;
    return task;
}
