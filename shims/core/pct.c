/* pct: probabilistic concurrency testing.
 *
 * Source: Burckhardt, Kothari, Musuvathi, Nagarakatte, "A randomized scheduler with probabilistic
 * guarantees of finding bugs" (ASPLOS 2010).
 *
 * Every task has a priority, drawn from the seed, and of those that could run the highest runs. At
 * d - 1 points of k, drawn from the seed, the task that would run falls: at the i-th of these
 * change points to priority i, below all that were drawn. A bug that needs d orderings of events of
 * n tasks (who takes a lock first is one too) is then found with probability 1/(n k^(d-1)) at least,
 * whatever else the program does.
 *
 * What we add, because programs are not as short and well-behaved as the theorem has them:
 * - Only places where somebody else could run are points: elsewhere to fall would delay nothing.
 * - Rounds. After k points priorities and change points are drawn anew, as if another run began: a
 *   long run is tested to its end, and nobody starves for ever. Where k is not known the rounds
 *   double, so the one that a bug lies in is about as long as all before it.
 * - Who spins falls below all others, so that whom it waits for can run: at a sched_yield, and when
 *   it has kept others waiting for `spin` points without waiting itself. A call that found nothing
 *   (a sleep or poll of no time, EAGAIN) costs a sixteenth of that. Where no task spins, the theorem
 *   holds in each round.
 *
 * Costs: logarithmic in the number of ready tasks. A round's start looks at each of them, but no
 * more often than once in as many points.
 */
#include "ready_heap.h"
#include "rng.h"
#include "rounds.h"
#include "strategy.h"

#define DRAWN (1ul << 63)
#define CHANGED (1ul << 62) /* + number of the change point; below it who spun, the latest lowest */
#define NOTHINGS_MAX 16u

/* Its priority in this round. */
static u64 priority_of(struct world *w, u32 task)
{
    struct task *t = &w->tasks[task];
    u64 block[4];
    if (t->sched.priority_round != w->sched.round) {
        rng_block(block, w->config.sched_seed, RNG_PRIORITY, t->sched.identity, w->sched.round);
        t->sched.priority = DRAWN | block[0] >> 1;
        t->sched.priority_round = w->sched.round;
    }
    return t->sched.priority;
}

static void fall_to(struct world *w, u32 task, u64 priority)
{
    struct task *t = &w->tasks[task];
    t->sched.priority = priority;
    t->sched.priority_round = w->sched.round;
    if (heap_has(w, task))
        heap_move(w, task, priority);
}

static void spin(struct world *w, u32 task, u64 points)
{
    struct task *t = &w->tasks[task];
    t->sched.spun += points;
    if (w->config.sched.spin && t->sched.spun >= w->config.sched.spin)
        pct_yields(w, task);
}

static void begin_round(struct world *w)
{
    struct sched_state *s = &w->sched;
    round_begin(w, w->config.sched.depth - 1, s->count);
    s->demotions = 0;
    for (u32 pos = 1; pos <= s->count; pos++)
        s->ready_priority[pos] = priority_of(w, s->ready[pos]);
    heap_rebuild(w);
}

/* The highest of those that could run. */
static u32 highest(struct world *w, u32 running)
{
    u32 top = heap_top(w);
    return running && priority_of(w, running) > priority_of(w, top) ? running : top;
}

void pct_add(struct world *w, u32 task)
{
    heap_add(w, task, priority_of(w, task));
}

void pct_yields(struct world *w, u32 task)
{
    w->tasks[task].sched.spun = 0;
    fall_to(w, task, CHANGED - ++w->sched.demotions);
}

void pct_found_nothing(struct world *w, u32 task)
{
    spin(w, task, w->config.sched.spin / NOTHINGS_MAX);
}

u32 pct_choose(struct world *w, u32 running)
{
    u32 number;
    if (round_is_over(w))
        begin_round(w);
    if (running)
        spin(w, running, 1);
    while ((number = round_draw_here(w)))
        fall_to(w, highest(w, running), CHANGED + number);
    u32 next = highest(w, running);
    if (next == running)
        return running;
    heap_remove(w, next);
    if (running)
        pct_add(w, running);
    return next;
}
