#include "timers.h"

struct timer_ref *timer_ref_of(struct world *w, u32 kind, u32 id)
{
    switch (kind) {
    case TIMER_TASK:
        return &w->tasks[id].wait_timer;
    case TIMER_ITIMER_REAL:
        return &w->procs[id].itimer_real;
    case TIMER_POSIX:
        return &w->posix_timers[id].ref;
    case TIMER_FAULT:
        return id < FAULT_RULES_MAX ? &w->faults.states[id].timer : &w->faults.procs[id - FAULT_RULES_MAX].stop;
    default:
        return &w->objects[id].timer;
    }
}

static int earlier(const struct timer *a, const struct timer *b)
{
    return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->seq < b->seq;
}

static void place(struct world *w, u32 pos, struct timer t)
{
    w->timers[pos] = t;
    timer_ref_of(w, t.kind, t.id)->heap_pos = pos;
}

static void sift_up(struct world *w, u32 pos)
{
    struct timer t = w->timers[pos];
    for (; pos > 1 && earlier(&t, &w->timers[pos / 2]); pos /= 2)
        place(w, pos, w->timers[pos / 2]);
    place(w, pos, t);
}

static void sift_down(struct world *w, u32 pos)
{
    struct timer t = w->timers[pos];
    for (;;) {
        u32 child = pos * 2;
        if (child > w->timers_count)
            break;
        if (child < w->timers_count && earlier(&w->timers[child + 1], &w->timers[child]))
            child++;
        if (!earlier(&w->timers[child], &t))
            break;
        place(w, pos, w->timers[child]);
        pos = child;
    }
    place(w, pos, t);
}

void timer_cancel(struct world *w, struct timer_ref *ref)
{
    u32 pos = ref->heap_pos;
    if (!pos)
        return;
    ref->heap_pos = 0;
    struct timer last = w->timers[w->timers_count--];
    if (pos > w->timers_count)
        return;
    place(w, pos, last);
    sift_up(w, pos);
    sift_down(w, timer_ref_of(w, last.kind, last.id)->heap_pos);
}

int timer_arm(struct world *w, struct timer_ref *ref, u64 deadline_ns, u32 kind, u32 id)
{
    timer_cancel(w, ref);
    if (w->timers_count + 1 >= TIMERS_MAX)
        return 0;
    struct timer t = {.deadline_ns = deadline_ns, .seq = ++w->timers_seq, .kind = kind, .id = id};
    place(w, ++w->timers_count, t);
    sift_up(w, w->timers_count);
    return 1;
}

int timer_take_due(struct world *w, u64 now_ns, struct timer *due)
{
    if (!w->timers_count || w->timers[1].deadline_ns > now_ns)
        return 0;
    *due = w->timers[1];
    timer_cancel(w, timer_ref_of(w, due->kind, due->id));
    return 1;
}
