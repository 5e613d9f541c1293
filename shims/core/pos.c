/* pos: partial order sampling, in its basic form.
 *
 * Source: Yuan, Yang, Gu, "Partial order aware concurrency sampling" (CAV 2018).
 *
 * The next step of every task has a priority, drawn from the seed, and of the tasks that could run
 * the one with the highest runs. A step that waits keeps its priority; only who made a step draws
 * anew. So who was passed over stays behind for long, or is through at once, where `random` tosses
 * again at every point: that one step is slower than m of another task has probability 1/(m + 1),
 * and not 2^-m.
 *
 * In a long run that makes the stretches of those who loop longer and longer: who is behind is behind
 * the lowest of ever more draws. So after k points all draw anew, as if another run began.
 *
 * The full form draws anew also for steps that touch what the last one touched. What a step will
 * touch is not known before it is made, so that is left out.
 */
#include "ready_heap.h"
#include "rng.h"
#include "rounds.h"
#include "strategy.h"

static u64 next_priority(struct world *w, u32 task)
{
    struct sched_task *t = &w->tasks[task].sched;
    u64 block[4];
    rng_block(block, w->config.sched_seed, RNG_PRIORITY, t->identity, ++t->steps);
    return block[0];
}

void pos_add(struct world *w, u32 task)
{
    heap_add(w, task, next_priority(w, task));
}

static void begin_round(struct world *w)
{
    struct sched_state *s = &w->sched;
    round_begin(w, 0, s->count);
    for (u32 pos = 1; pos <= s->count; pos++)
        s->ready_priority[pos] = next_priority(w, s->ready[pos]);
    heap_rebuild(w);
}

u32 pos_choose(struct world *w, u32 running)
{
    if (round_is_over(w))
        begin_round(w);
    u32 next = heap_top(w);
    u64 priority = running ? next_priority(w, running) : 0;
    if (running && priority > heap_top_priority(w))
        return running;
    heap_remove(w, next);
    if (running)
        heap_add(w, running, priority);
    return next;
}
