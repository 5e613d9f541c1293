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

u32 sched_take_nth(struct world *w, u32 k)
{
    struct sched_state *s = &w->sched;
    u16 *oldest = &s->ready[s->head], *chosen = &s->ready[(s->head + k) % TASKS_MAX];
    u16 task = *chosen;
    *chosen = *oldest; /* the gap goes to the front, where the set shrinks */
    s->head = (s->head + 1) % TASKS_MAX;
    s->count--;
    return task;
}

int sched_may_preempt(const struct world *w)
{
    return w->sched.count && (w->config.strategy != STRATEGY_FIFO || fifo_may_preempt(w));
}

int sched_read_may_preempt(const struct world *w)
{
    if (!w->sched.count)
        return 0;
    return w->config.strategy == STRATEGY_RANDOM ? random_read_may_preempt(w) : fifo_may_preempt(w);
}

u32 sched_choose(struct world *w, u32 running)
{
    if (!running && !w->sched.count)
        return 0;
    u32 next = w->config.strategy == STRATEGY_RANDOM ? random_choose(w, running) : fifo_choose(w, running);
    w->sched.choices++;
    return next;
}
