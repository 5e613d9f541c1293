#include "ready_heap.h"

struct entry {
    u64 priority;
    u32 task;
};

static struct entry entry_at(const struct world *w, u32 pos)
{
    return (struct entry){w->sched.ready_priority[pos], w->sched.ready[pos]};
}

static int above(struct entry a, struct entry b)
{
    return a.priority != b.priority ? a.priority > b.priority : a.task < b.task;
}

static void place(struct world *w, u32 pos, struct entry e)
{
    w->sched.ready[pos] = (u16)e.task;
    w->sched.ready_priority[pos] = e.priority;
    w->sched.ready_pos[e.task] = (u16)pos;
}

static void sift_up(struct world *w, u32 pos, struct entry e)
{
    for (; pos > 1 && above(e, entry_at(w, pos / 2)); pos /= 2)
        place(w, pos, entry_at(w, pos / 2));
    place(w, pos, e);
}

static void sift_down(struct world *w, u32 pos, struct entry e)
{
    u32 count = w->sched.count;
    for (u32 child = pos * 2; child <= count; child = pos * 2) {
        if (child < count && above(entry_at(w, child + 1), entry_at(w, child)))
            child++;
        if (!above(entry_at(w, child), e))
            break;
        place(w, pos, entry_at(w, child));
        pos = child;
    }
    place(w, pos, e);
}

static void settle(struct world *w, u32 pos, struct entry e)
{
    if (pos > 1 && above(e, entry_at(w, pos / 2)))
        sift_up(w, pos, e);
    else
        sift_down(w, pos, e);
}

void heap_add(struct world *w, u32 task, u64 priority)
{
    sift_up(w, ++w->sched.count, (struct entry){priority, task});
}

void heap_move(struct world *w, u32 task, u64 priority)
{
    settle(w, w->sched.ready_pos[task], (struct entry){priority, task});
}

void heap_remove(struct world *w, u32 task)
{
    u32 pos = w->sched.ready_pos[task];
    if (!pos)
        return;
    struct entry last = entry_at(w, w->sched.count--);
    w->sched.ready_pos[task] = 0;
    if (last.task != task)
        settle(w, pos, last);
}

void heap_rebuild(struct world *w)
{
    for (u32 pos = w->sched.count / 2; pos; pos--)
        sift_down(w, pos, entry_at(w, pos));
}
