/* fifo: first ready, first served; switches happen only when the holder blocks. */
#include "sched.h"

void sched_add(struct world *w, u32 task)
{
    struct sched_state *s = &w->sched;
    s->ready[(s->head + s->count) % TASKS_MAX] = (u16)task;
    s->count++;
    w->tasks[task].state = TASK_READY;
}

void sched_remove(struct world *w, u32 task)
{
    struct sched_state *s = &w->sched;
    u32 kept = 0;
    for (u32 i = 0; i < s->count; i++) {
        u16 t = s->ready[(s->head + i) % TASKS_MAX];
        if (t != task)
            s->ready[(s->head + kept++) % TASKS_MAX] = t;
    }
    s->count = kept;
}

u32 sched_take(struct world *w)
{
    struct sched_state *s = &w->sched;
    if (!s->count)
        return 0;
    u32 task = s->ready[s->head];
    s->head = (s->head + 1) % TASKS_MAX;
    s->count--;
    s->choices++;
    return task;
}
