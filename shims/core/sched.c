#include "ready_heap.h"
#include "replay.h"
#include "rng.h"
#include "strategy.h"

struct strategy_row {
    u32 (*choose)(struct world *w, u32 running);
    void (*add)(struct world *w, u32 task);
    void (*remove)(struct world *w, u32 task);
    void (*yields)(struct world *w, u32 task); /* 0: means nothing to it */
    void (*found_nothing)(struct world *w, u32 task);
    int chooses_waiters;
};

#define RING .add = ring_add, .remove = ring_remove
#define HEAP(name) .add = name##_add, .remove = heap_remove

static const struct strategy_row rows[] = {
    [STRATEGY_FIFO] = {.choose = fifo_choose, RING},
    [STRATEGY_RANDOM] = {.choose = random_choose, RING, .chooses_waiters = 1},
    [STRATEGY_STICKY] = {.choose = sticky_choose, RING, .chooses_waiters = 1},
    [STRATEGY_DELAY] = {.choose = delay_choose, RING},
    [STRATEGY_PCT] = {.choose = pct_choose, HEAP(pct), .chooses_waiters = 1,
                      .yields = pct_yields, .found_nothing = pct_found_nothing},
    [STRATEGY_POS] = {.choose = pos_choose, HEAP(pos), .chooses_waiters = 1},
    [STRATEGY_REPLAY] = {.choose = replay_choose, HEAP(replay)},
};

static const struct strategy_row *row_of(const struct world *w)
{
    return &rows[w->config.sched.chooser];
}

static void count_point(struct world *w)
{
    w->sched.points++;
    w->tasks[w->token_task].sched.passed++;
}

static void is_ready(struct world *w, u32 task)
{
    w->tasks[task].state = TASK_READY;
    w->tasks[task].sched.ready_ns = w->now_ns;
}

void sched_add(struct world *w, u32 task)
{
    row_of(w)->add(w, task);
    is_ready(w, task);
}

void sched_remove(struct world *w, u32 task)
{
    row_of(w)->remove(w, task);
}

u32 sched_choose(struct world *w, u32 running)
{
    struct sched_state *s = &w->sched;
    if (!s->count)
        return running;
    if (s->count + (running != 0) > 1)
        count_point(w);
    u32 next = row_of(w)->choose(w, running);
    s->choices++;
    if (running && next != running)
        is_ready(w, running);
    return next;
}

int sched_asks(struct world *w)
{
    if (!w->sched.count)
        return 0;
    if (w->config.sched.strategy != STRATEGY_FIFO || fifo_slice_is_over(w) || is_replay(w))
        return 1;
    count_point(w); /* one at which the holder simply goes on */
    return 0;
}

int sched_read_asks(const struct world *w)
{
    if (!w->sched.count)
        return 0;
    if (w->config.sched.strategy == STRATEGY_FIFO)
        return fifo_slice_is_over(w);
    /* reads that have taken as long as a call are worth one */
    return w->now_ns - w->point_ns >= w->config.cost_syscall_ns;
}

/* Nobody is held up where nobody else could run. */
void sched_yields(struct world *w, u32 task)
{
    if (w->sched.count && row_of(w)->yields)
        row_of(w)->yields(w, task);
}

void sched_found_nothing(struct world *w, u32 task)
{
    if (w->sched.count && row_of(w)->found_nothing)
        row_of(w)->found_nothing(w, task);
}

/* Without a seed: it names, and decides nothing. */
u64 sched_identity(u64 parent, u64 child_number)
{
    u64 block[4];
    rng_block(block, 0, RNG_IDENTITY, parent, child_number);
    return block[0];
}

int sched_chooses_waiters(const struct world *w)
{
    return rows[w->config.sched.strategy].chooses_waiters;
}

u32 sched_choose_waiter(struct world *w, u32 count)
{
    if (count < 2 || !sched_chooses_waiters(w))
        return 0;
    return (u32)rng_below(w->config.sched_seed, RNG_WAITER, 0, w->sched.waiter_choices++, count);
}
