/* look.c: when the supervisor is asked to look who can never run again.
 *
 * A few tasks that wait for each other for ever are no deadlock while others run on. Whether there
 * are some is found out from outside (dstrun/launch/stuck.py), while everything stands still, and
 * rarely: before the clock jumps far, each time that the run has become twice as long, before the
 * first process ends, and with it the run, and before another one ends of whose threads one sleeps on
 * what looks like a lock. It changes nothing.
 */
#include "futex.h"
#include "process.h"

#define FAR_NS NS_PER_SECOND
#define FUTEX_OP_MASK 127u
#define FUTEX_LOCK_PI_OP 6u
#define FUTEX_LOCK_PI2_OP 13u

static void look(void)
{
    struct world *w = WORLD;
    __atomic_store_n(&w->look_wanted, 1, __ATOMIC_SEQ_CST);
    ring_bell();
    while (__atomic_load_n(&w->look_wanted, __ATOMIC_ACQUIRE))
        raw(__NR_futex, &w->look_wanted, 0 /* WAIT */, 1);
}

void look_before_jump(u64 deadline_ns)
{
    struct world *w = WORLD;
    if (deadline_ns < w->now_ns + FAR_NS || w->now_ns < w->look_next_ns || w->live_tasks < 2)
        return;
    w->look_next_ns = deadline_ns + (deadline_ns - w->config.boot_ns);
    look();
}

/* Asleep on a word that says that somebody has it: 2 and 3 are what glibc's locks wait for, an
 * owner's id with a bit for the waiters those of musl and the robust ones. */
static int sleeps_on_lock(const struct task *t)
{
    u32 op = (u32)t->trap_args[1] & FUTEX_OP_MASK, value = (u32)t->trap_args[2];
    if (t->state != TASK_PARKED || t->wait != WAIT_FUTEX || t->wait_deadline_ns != ~0ul)
        return 0;
    if (t->trap_nr != __NR_futex || op == FUTEX_LOCK_PI_OP || op == FUTEX_LOCK_PI2_OP)
        return 1;
    return value == 2 || value == 3 || (value & ROBUST_WAITERS);
}

void look_before_exit(const struct task *t)
{
    if (t->proc == WORLD->first_proc && WORLD->live_tasks > 1) {
        look();
        return;
    }
    for (u32 i = proc_of(t)->first_task; i; i = task_at(i)->next_in_proc)
        if (sleeps_on_lock(task_at(i))) {
            look();
            return;
        }
}
