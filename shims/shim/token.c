/* token.c: exactly one task runs, the holder of the token.
 *
 * The token is a robust futex word: should its holder die of something that we did not do, the
 * kernel marks the word and wakes the supervisor, which gives it to a live task as the dead one's deputy. A task
 * that is given the token but is dead already is noticed by the giver, because the kernel marks a
 * task's own `alive` word before it looks at the token.
 */
#include "decisions.h"
#include "futex.h"
#include "process.h"

#define POLL_IN 1

static void futex_sleep(u32 *word, u32 value) { raw(__NR_futex, word, 0 /* WAIT */, value); }
static void futex_wake(u32 *word) { raw(__NR_futex, word, 1 /* WAKE */, 1); }

static void freeze(void) NORETURN;
static void freeze(void)
{
    for (;;)
        raw(__NR_pause);
}

/* A process is dead for the simulation when its pidfd says so: descriptors closed, children
 * re-parented, memory gone. */
void wait_until_dead(u32 pid)
{
    i64 fd = raw(__NR_pidfd_open, pid, 0);
    if (fd == -EMFILE || fd == -ENFILE) { /* no descriptor free: give it time */
        for (int i = 0; i < 2000; i++)
            raw(__NR_sched_yield);
        return;
    }
    if (fd < 0)
        return;
    struct pollfd_k p = {.fd = (i32)fd, .events = POLL_IN};
    while (raw_killable(__NR_poll, &p, 1, (u64)-1) != 1)
        ;
    raw(__NR_close, fd);
}

/* What its pidfds tell comes later than that it is gone from its stack. */
static void wait_until_thread_dead(u32 tid)
{
    i64 fd;
    while ((fd = raw(__NR_pidfd_open, tid, PIDFD_THREAD_FLAG)) >= 0) {
        struct pollfd_k p = {.fd = (i32)fd, .events = POLL_IN};
        raw(__NR_poll, &p, 1, (u64)-1);
        raw(__NR_close, fd);
    }
}

/* A thread is gone from its stack when the kernel has cleared our word. */
static void wait_until_thread_gone(struct task *t)
{
    u32 tid;
    while ((tid = __atomic_load_n(&t->kernel_tid, __ATOMIC_SEQ_CST)))
        futex_sleep(&t->kernel_tid, tid);
    if (t->pidfd_channel)
        wait_until_thread_dead(t->tid);
}

/* Were we killed meanwhile, the next one finds it still to be done. */
static void bury_the_dying(void)
{
    struct world *w = WORLD;
    struct task *t = task_at(w->dying_task);
    if (w->dying_pid)
        wait_until_dead(w->dying_pid);
    else
        wait_until_thread_gone(t);
    task_free(t);
    w->dying_pid = w->dying_task = 0;
}

/* Hands the token to `next`. False: it was dead already, and the token is ours again. */
static int give(struct task *next, struct task *giver)
{
    struct world *w = WORLD;
    u32 ours = giver->tid | ROBUST_WAITERS, theirs = next->tid | ROBUST_WAITERS;
    w->token_task = next->index;
    next->state = TASK_RUNNING;
    w->slice_start_ns = w->now_ns;
    w->switches++;
    __atomic_store_n(&w->token, theirs, __ATOMIC_SEQ_CST);
    if (unlikely(__atomic_load_n(&next->alive.word, __ATOMIC_SEQ_CST) & ROBUST_OWNER_DIED) &&
        __atomic_compare_exchange_n(&w->token, &theirs, ours, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        w->token_task = giver->index;
        next->state = TASK_PARKED;
        w->outside_death = 1;
        return 0;
    }
    __atomic_store_n(&next->wake, 1, __ATOMIC_RELEASE);
    futex_wake(&next->wake);
    return 1;
}

static void timer_fired(const struct timer *due)
{
    struct world *w = WORLD;
    if (due->kind == TIMER_TASK)
        wake(&w->tasks[due->id], WAKE_TIMEOUT);
    else if (due->kind == TIMER_ITIMER_REAL)
        itimer_real_fired(&w->procs[due->id], due->deadline_ns);
    else if (due->kind == TIMER_POSIX)
        posix_timer_fired(due->id, due->deadline_ns);
    else if (due->kind == TIMER_OBJECT)
        object_timer_fired(due->id, due->deadline_ns);
    else if (due->kind == TIMER_FAULT)
        faults_timer_fired(due->id, due->deadline_ns);
}

static void fire_due_timers(void)
{
    struct timer due;
    WORLD->trace.nobody_wakes++;
    while (timer_take_due(WORLD, WORLD->now_ns, &due))
        timer_fired(&due);
    WORLD->trace.nobody_wakes--;
}

static void check_virtual_limit(void)
{
    if (unlikely(WORLD->now_ns > WORLD->config.end_ns))
        end_run(END_TIME, "the limit of virtual time was reached");
}

void clock_jump(u64 to_ns)
{
    struct world *w = WORLD;
    if (to_ns > w->config.end_ns)
        to_ns = w->config.end_ns + 1;
    if (to_ns > w->now_ns)
        w->now_ns = to_ns;
}

/* The next task to run, out of the ready set. When nobody can run the clock jumps to the next timer. */
static struct task *next_to_run(void)
{
    struct world *w = WORLD;
    for (;;) {
        if (unlikely(w->stopping))
            freeze();
        if (unlikely(w->outside_death))
            sweep_outside_deaths(0);
        fire_due_timers();
        check_virtual_limit();
        u32 next = choose_next(0);
        if (next)
            return task_at(next);
        if (unlikely(w->faults.first_held) && faults_release_held())
            continue;
        u64 deadline = timer_next_ns(w);
        if ((deadline == ~0ul && locks_look_again()) || wait_for_outside(deadline))
            continue;
        if (deadline != ~0ul) {
            look_before_jump(deadline);
            clock_jump(deadline);
        } else {
            sweep_outside_deaths(1);
            if (!w->sched.count)
                end_run(END_DEADLOCK, "nothing can run and no timer is set");
        }
    }
}

static struct task *choose(void)
{
    WORLD->trace.nobody_wakes = 1;
    struct task *next = next_to_run();
    WORLD->trace.nobody_wakes = 0;
    return next;
}

static void sleep_until_woken(struct task *t)
{
    t->place = PLACE_PARKED;
    while (!__atomic_exchange_n(&t->wake, 0, __ATOMIC_ACQUIRE))
        futex_sleep(&t->wake, 0);
    t->place = PLACE_SHIM;
    if (unlikely(WORLD->stopping))
        freeze();
    if (unlikely(WORLD->dying_task))
        bury_the_dying();
}

/* Sleeps until the token is ours. When its holder was killed from outside, the supervisor wakes any
 * task that is alive as a deputy: it buries the dead, chooses for them and sleeps again. A tracee may be
 * lent the token to do something for its tracer. */
void token_wait(struct task *t)
{
    struct world *w = WORLD;
    for (;;) {
        sleep_until_woken(t);
        u32 serves = t->trace_flags & TRACEE_SERVES;
        if (unlikely(serves) && give(trace_serve(t), t))
            continue;
        if (likely(!w->deputy && !serves))
            return;
        w->deputy = 0;
        w->outside_death = 1;
        struct task *next;
        do {
            next = choose();
        } while (next != t && !give(next, t));
        if (next == t) {
            t->state = TASK_RUNNING;
            return;
        }
    }
}

/* Runs somebody else (or the caller again, if it is chosen); returns when the caller's turn comes. */
static void switch_away(struct task *t)
{
    for (;;) {
        struct task *next = choose();
        if (next == t) {
            t->state = TASK_RUNNING;
            return;
        }
        if (give(next, t)) {
            token_wait(t);
            return;
        }
    }
}

void park(struct task *t, u32 wait, u64 arg, u64 deadline_ns)
{
    struct world *w = WORLD;
    if (unlikely(t->call_fault))
        deadline_ns = faults_wait_begins(t, wait, deadline_ns);
    if (clocks_moved())
        deadline_ns = faults_deadline(t, deadline_ns);
    t->wait = wait;
    t->wait_arg = arg;
    t->wait_since_ns = w->now_ns;
    t->wait_deadline_ns = deadline_ns;
    t->wake_result = WAKE_NONE;
    t->waker_tid = 0;
    t->sched.spun = 0;
    t->state = TASK_PARKED;
    if (deadline_ns != ~0ul && !timer_arm(w, &t->wait_timer, deadline_ns, TIMER_TASK, t->index))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
    switch_away(t);
    if (unlikely(t->call_fault))
        faults_wait_ended(t);
}

void wake(struct task *t, u32 result)
{
    if (t->state != TASK_PARKED || t->wait == WAIT_NONE)
        return;
    t->wake_result = result;
    t->wait = WAIT_NONE;
    if (!WORLD->trace.nobody_wakes) {
        t->waker_tid = task_at(WORLD->token_task)->tid;
        t->waker_event = WORLD->trace.events;
    }
    timer_cancel(WORLD, &t->wait_timer);
    waiters_drop(t);
    futex_drop(t);
    make_ready(t);
}

void make_ready(struct task *t)
{
    if (proc_of(t)->state == PROC_STOPPED || (t->trace_flags & TRACEE_STOPPED))
        t->state = TASK_STOPPED;
    else
        sched_add(WORLD, t->index);
}

void yield_token(struct task *t)
{
    sched_yields(WORLD, t->index);
    make_ready(t);
    switch_away(t);
}

/* The process was stopped by a signal: nobody runs us until it is continued. */
void stop_self(struct task *t)
{
    t->state = TASK_STOPPED;
    switch_away(t);
}

/* The token goes to somebody else; `pid`: of the process that dies with the task, 0 for a thread. */
void hand_on_and_die(struct task *t, u32 pid)
{
    struct world *w = WORLD;
    t->state = TASK_EXITING;
    if (w->end_reason)
        return; /* it was the first process: nobody runs any more */
    struct task *next;
    do {
        next = choose();
        w->dying_pid = pid;
        w->dying_task = t->index;
    } while (!give(next, t));
}

int lend_token(struct task *t, struct task *to)
{
    t->state = TASK_PARKED;
    if (give(to, t)) {
        token_wait(t);
        return 1;
    }
    t->state = TASK_RUNNING;
    return 0;
}

void return_token(struct task *t, struct task *to)
{
    if (give(to, t))
        token_wait(t);
    else
        switch_away(t); /* it was killed meanwhile */
}

/* The strategy has taken the token from a task that could go on. */
static void make_way(struct task *t, u32 next)
{
    if (unlikely(t->at_point))
        record_plain(t, EVENT_POINT, t->at_point, (i64)t->points_passed, 0);
    if (give(task_at(next), t))
        token_wait(t);
    else
        switch_away(t);
}

void run_chosen(struct task *t)
{
    struct world *w = WORLD;
    u32 next = w->chosen;
    w->chosen = 0;
    make_way(t, next);
    w->point_ns = w->now_ns;
}

void scheduling_point(struct task *t)
{
    struct world *w = WORLD;
    if (unlikely(w->stopping))
        freeze();
    if (unlikely(w->outside_death))
        sweep_outside_deaths(0);
    if (unlikely(timer_next_ns(w) <= w->now_ns))
        fire_due_timers();
    check_virtual_limit();
    if (unlikely(proc_of(t)->state == PROC_STOPPED))
        stop_self(t);
    if (unlikely(w->faults.first_held))
        faults_held_point();
    if (unlikely(sched_asks(w))) {
        u32 next = choose_next(t->index);
        if (next != t->index)
            make_way(t, next);
    }
    w->point_ns = w->now_ns;
}
