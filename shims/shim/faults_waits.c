/* faults_waits.c: waits that end early, and tasks that are held back. */
#include "faults.h"

#define TASKS (WORLD->faults.tasks)

/* In the kernel's vfork nothing interrupts; only a wait for a futex can end for nothing. */
static int concerns(const struct task *t, u32 wait)
{
    return t->call_fault == CALL_EINTR ? wait != WAIT_VFORK : t->call_fault == CALL_SPURIOUS && wait == WAIT_FUTEX;
}

u64 faults_wait_begins(struct task *t, u32 wait, u64 deadline_ns)
{
    u64 until = WORLD->now_ns + (t->call_fault == CALL_EINTR ? TASKS[t->index].eintr_ns : 0);
    if (!concerns(t, wait) || until >= deadline_ns)
        return deadline_ns;
    t->call_fault = t->call_fault == CALL_EINTR ? CALL_ENDED : CALL_WOKEN;
    return until;
}

/* It ended before: whatever it waited for has come. */
void faults_wait_ended(struct task *t)
{
    if (t->call_fault != CALL_ENDED && t->call_fault != CALL_WOKEN)
        return;
    if (t->wake_result == WAKE_TIMEOUT)
        t->wake_result = t->call_fault == CALL_ENDED ? WAKE_SIGNAL : WAKE_DONE;
    else
        t->call_fault = CALL_AS_EVER;
}

/* ---- held back ---- */
void faults_hold(struct task *t, u64 points)
{
    struct fault_task *ft = &TASKS[t->index];
    ft->held_until = FAULTS->held_points + points;
    ft->is_held = 1;
    ft->next_held = FAULTS->first_held;
    FAULTS->first_held = t->index;
    while (ft->is_held)
        park(t, WAIT_SLEEP, 0, ~0ul);
}

void faults_task_gone(struct task *t)
{
    u32 *link = &FAULTS->first_held;
    if (!TASKS[t->index].is_held)
        return;
    while (*link != t->index)
        link = &TASKS[*link].next_held;
    *link = TASKS[t->index].next_held;
    TASKS[t->index].is_held = 0;
}

static void release(struct task *t)
{
    faults_task_gone(t);
    wake(t, WAKE_DONE);
}

int faults_release_held(void)
{
    u32 last = FAULTS->first_held;
    if (!last)
        return 0;
    while (TASKS[last].next_held) /* the one that has been held for longest */
        last = TASKS[last].next_held;
    release(task_at(last));
    return 1;
}

void faults_held_point(void)
{
    u64 now = ++FAULTS->held_points;
    for (u32 i = FAULTS->first_held, next; i; i = next) {
        next = TASKS[i].next_held;
        if (TASKS[i].held_until <= now)
            release(task_at(i));
    }
}
