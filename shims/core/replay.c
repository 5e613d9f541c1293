#include "replay.h"

#include "ready_heap.h"

static const struct decision *decisions(void)
{
    return (const struct decision *)(REPLAY_BASE + REPLAY->decisions_at);
}

static int is_below(const struct decision *d, u32 kind, u64 entity, u64 number)
{
    if (d->kind != kind)
        return d->kind < kind;
    return d->entity != entity ? d->entity < entity : decision_number(d) < number;
}

/* Place of the first one that is not below the key. */
static u64 place_of(u32 kind, u64 entity, u64 number)
{
    u64 from = 0, to = REPLAY->decisions;
    while (from < to) {
        u64 middle = (from + to) / 2;
        if (is_below(&decisions()[middle], kind, entity, number))
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The decision at a place, if it is one of that kind of the entity. */
static const struct decision *decision_at(u64 place, u32 kind, u64 entity)
{
    const struct decision *d = &decisions()[place];
    return place < REPLAY->decisions && d->kind == kind && d->entity == entity ? d : 0;
}

const struct decision *decision_find(u32 kind, u64 entity, u64 number)
{
    const struct decision *d = decision_at(place_of(kind, entity, number), kind, entity);
    return d && decision_number(d) == number ? d : 0;
}

/* The task's next decision from its present point on: a cursor, for there is a point at every call. */
static u64 next_number(struct sched_task *t)
{
    const struct decision *d;
    if (!t->replay.number)
        t->replay.place = place_of(DECISION_NEXT, t->identity, t->passed);
    else
        t->replay.place++;
    d = decision_at(t->replay.place, DECISION_NEXT, t->identity);
    return d ? decision_number(d) : ~0ul;
}

static const struct decision *decision_here(struct sched_task *t)
{
    while (t->replay.number < t->passed)
        t->replay.number = next_number(t);
    return t->replay.number == t->passed ? &decisions()[t->replay.place] : 0;
}

/* Whom it names, if that one could run. Its tid is another one only where the run was edited. */
static u32 task_meant(const struct world *w, const struct decision *d, u32 running)
{
    u32 task = d->tid < PIDS_MAX ? w->task_of_tid[d->tid] : 0;
    if (w->tasks[task].sched.identity == d->value && (heap_has(w, task) || task == running))
        return task;
    for (u32 pos = 1; pos <= w->sched.count; pos++)
        if (w->tasks[w->sched.ready[pos]].sched.identity == d->value)
            return w->sched.ready[pos];
    return running && w->tasks[running].sched.identity == d->value ? running : 0;
}

u32 replay_choose(struct world *w, u32 running)
{
    int is_point = w->sched.count + (running != 0) > 1;
    const struct decision *d = is_point ? decision_here(&w->tasks[w->token_task].sched) : 0;
    u32 next = d ? task_meant(w, d, running) : 0;
    w->replay.not_applied += d && !next;
    if (!next)
        next = running ? running : heap_top(w);
    if (next == running)
        return running;
    heap_remove(w, next);
    if (running)
        replay_add(w, running);
    return next;
}

void replay_add(struct world *w, u32 task)
{
    heap_add(w, task, ~w->replay.adds++);
}
