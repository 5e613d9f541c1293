/* turns.c: who waits for a semaphore or a message gets it in the order of the kernel.
 *
 * In the kernel a semop that raises a value carries out the operations that waited for it, oldest
 * first, before it returns; a message goes to the receiver that has waited longest. Nobody comes
 * between. Here the waiting ones sleep in the shim, so whoever changes something lends the token to
 * those that can go now, each in turn: it makes its call, which does not block, and gives the token
 * back. Then it is ready, and returns to its program when the strategy chooses it.
 */
#include "turns.h"

static struct task_queue *queue_of(u32 kind, u32 id)
{
    return &WORLD->turn_buckets[hash_mix(kind, id) % TURN_BUCKETS];
}

static void enqueue(struct task *t)
{
    struct task_queue *q = queue_of(t->turn.kind, t->turn.id);
    t->turn.next = 0;
    t->turn.prev = q->last;
    if (q->last)
        task_at(q->last)->turn.next = t->index;
    else
        q->first = t->index;
    q->last = t->index;
}

static void dequeue(struct task *t)
{
    struct task_queue *q = queue_of(t->turn.kind, t->turn.id);
    if (t->turn.prev)
        task_at(t->turn.prev)->turn.next = t->turn.next;
    else
        q->first = t->turn.next;
    if (t->turn.next)
        task_at(t->turn.next)->turn.prev = t->turn.prev;
    else
        q->last = t->turn.prev;
    t->turn.kind = TURN_NONE;
}

static i64 attempt(const struct task *t)
{
    struct turn_request *r = turn_request_of(t);
    return r->attempt(r);
}

static void take_turn(struct task *t)
{
    struct turn *me = &t->turn;
    struct task *giver = task_at(me->giver);
    i64 result = attempt(t);
    me->giver = 0;
    giver->turn.given = result;
    t->state = TASK_PARKED;
    if (result != -EAGAIN)
        turn_end(t, result);
    return_token(t, giver);
}

i64 turn_wait(struct task *t, u32 kind, u32 id, struct turn_request *r, u64 deadline_ns)
{
    struct turn *me = &t->turn;
    if (signal_waits(t))
        return -ERESTARTSYS;
    *me = (struct turn){.kind = kind, .id = id, .request = (u64)r};
    enqueue(t);
    i64 result = -EAGAIN;
    while (result == -EAGAIN) {
        park(t, WAIT_TURN, id, deadline_ns);
        while (me->giver)
            take_turn(t);
        if (me->done)
            result = me->result;
        else if (t->wake_result == WAKE_DONE)
            result = attempt(t); /* told to look again */
        else
            result = t->wake_result == WAKE_TIMEOUT ? -ETIMEDOUT : -ERESTARTSYS;
    }
    dequeue(t);
    return result;
}

struct task *turn_next(u32 kind, u32 id, const struct task *after)
{
    u32 slot = after ? after->turn.next : queue_of(kind, id)->first;
    for (; slot; slot = task_at(slot)->turn.next) {
        struct task *t = task_at(slot);
        if (t->turn.kind == kind && t->turn.id == id && t->state == TASK_PARKED &&
            t->wait == WAIT_TURN)
            return t;
    }
    return 0;
}

i64 turn_give(struct task *t, struct task *waiting)
{
    t->turn.given = -EAGAIN;
    waiting->turn.giver = t->index;
    if (!lend_token(t, waiting))
        waiting->turn.giver = 0;
    return t->turn.given;
}

void turn_end(struct task *waiting, i64 result)
{
    waiting->turn.result = result;
    waiting->turn.done = 1;
    wake(waiting, WAKE_DONE);
}

void turn_forget(struct task *t)
{
    if (t->turn.kind == TURN_NONE)
        return;
    if (t->turn.giver) { /* killed from outside in its very try */
        make_ready(task_at(t->turn.giver));
        t->turn.giver = 0;
    }
    dequeue(t);
}

/* As in the kernel, which interrupts the call; a restart comes to the end of the queue. */
void turn_stopped(struct task *t)
{
    if (t->state == TASK_PARKED && t->wait == WAIT_TURN)
        wake(t, WAKE_SIGNAL);
}
