/* channel.c: who waits for what can become readable or writable.
 *
 * Everything that can block has a channel. A change wakes those parked on it and no others, and
 * tells the epolls that watch it. Of those who wait for something that only one can have (a
 * connection, an event of an epoll) one is woken, the oldest.
 */
#include "channel.h"

static struct channel *channel_at(u32 channel) { return &WORLD->channels[channel]; }

void wait_on_channel(struct task *t, u32 channel, u32 side)
{
    struct world *w = WORLD;
    u32 slot = w->free_waiter;
    if (slot)
        w->free_waiter = w->waiters[slot].next;
    else if (w->used_waiters + 1 < WAITERS_MAX)
        slot = ++w->used_waiters;
    else
        fatal("too many waits on descriptors at once; the limit is", WAITERS_MAX);
    struct channel *ch = channel_at(channel);
    u32 last = ch->last[side];
    w->waiters[slot] = (struct waiter){.task = t->index, .channel = channel, .side = side,
                                       .prev = last, .next_of_task = t->first_waiter};
    if (last)
        w->waiters[last].next = slot;
    else
        ch->first[side] = slot;
    ch->last[side] = slot;
    t->first_waiter = slot;
}

static void unlink_waiter(struct waiter *me)
{
    struct world *w = WORLD;
    struct channel *ch = channel_at(me->channel);
    if (me->prev)
        w->waiters[me->prev].next = me->next;
    else
        ch->first[me->side] = me->next;
    if (me->next)
        w->waiters[me->next].prev = me->prev;
    else
        ch->last[me->side] = me->prev;
}

void waiters_drop(struct task *t)
{
    struct world *w = WORLD;
    while (t->first_waiter) {
        u32 slot = t->first_waiter;
        struct waiter *me = &w->waiters[slot];
        t->first_waiter = me->next_of_task;
        unlink_waiter(me);
        me->next = w->free_waiter;
        w->free_waiter = slot;
    }
}

static void wake_side(u32 channel, u32 side)
{
    u32 *head = &channel_at(channel)->first[side];
    while (*head)
        wake(task_at(WORLD->waiters[*head].task), WAKE_DONE);
}

void channel_wake_first(u32 channel, u32 side)
{
    u32 first = channel_at(channel)->first[side];
    if (first)
        wake(task_at(WORLD->waiters[first].task), WAKE_DONE);
}

void channel_wake_one(u32 channel)
{
    channel_wake_first(channel, SIDE_EXCLUSIVE);
}

void channel_wake(u32 channel, u32 side)
{
    if (!channel)
        return;
    wake_side(channel, side);
    if (side == SIDE_READ)
        channel_wake_one(channel);
    if (channel_at(channel)->first_item)
        epoll_tell(channel, side == SIDE_READ ? POLL_READ_EVENTS : POLL_WRITE_EVENTS);
    if (unlikely(channel_at(channel)->first_async))
        async_tell(channel, side);
}

/* For who sees it full: the next read is news to writers. */
void channel_has_room(u32 channel)
{
    if (!channel || !channel_at(channel)->full)
        return;
    channel_at(channel)->full = 0;
    channel_wake(channel, SIDE_WRITE);
}

/* An end: whatever anybody waits for, it has come or never will. */
void channel_wake_all(u32 channel)
{
    if (!channel)
        return;
    wake_side(channel, SIDE_READ);
    wake_side(channel, SIDE_WRITE);
    wake_side(channel, SIDE_EXCLUSIVE);
    if (channel_at(channel)->first_item)
        epoll_tell(channel, ~0u);
    if (unlikely(channel_at(channel)->first_async))
        async_tell(channel, SIDE_READ);
}

void channel_unref(u32 channel)
{
    struct world *w = WORLD;
    struct channel *ch = channel_at(channel);
    if (!channel || --ch->refs)
        return;
    if (ch->inode)
        w->inodes[ch->inode].channel = 0;
    ch->first[0] = w->free_channel;
    w->free_channel = channel;
}

i64 park_on_channel(struct task *t, u32 channel, u32 side, u64 deadline_ns)
{
    if (signal_waits(t))
        return -ERESTARTSYS;
    wait_on_channel(t, channel, side);
    park(t, WAIT_OBJECT, channel, deadline_ns);
    return t->wake_result == WAKE_SIGNAL ? -ERESTARTSYS : t->wake_result == WAKE_TIMEOUT ? -ETIMEDOUT : 0;
}
