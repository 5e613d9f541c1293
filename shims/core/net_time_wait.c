#include "net_time_wait.h"

#include "net_ports.h"

static struct time_wait *at(struct world *w, u32 time_wait) { return &w->time_waits[time_wait]; }

static void link_last(struct world *w, u32 time_wait)
{
    struct time_wait *t = at(w, time_wait);
    t->until_ns = w->now_ns + TIME_WAIT_NS;
    t->next = 0;
    t->prev = w->host.last_time_wait;
    if (t->prev)
        at(w, t->prev)->next = time_wait;
    else
        w->host.first_time_wait = time_wait;
    w->host.last_time_wait = time_wait;
}

static void unlink(struct world *w, const struct time_wait *t)
{
    if (t->prev)
        at(w, t->prev)->next = t->next;
    else
        w->host.first_time_wait = t->next;
    if (t->next)
        at(w, t->next)->prev = t->prev;
    else
        w->host.last_time_wait = t->prev;
}

/* No other end looks for it any more. */
static void part(struct world *w, struct time_wait *t)
{
    if (t->other)
        w->socks[t->other].time_wait = 0;
    t->other = 0;
}

void time_wait_end(struct world *w, u32 time_wait)
{
    struct time_wait *t = at(w, time_wait);
    if (!time_wait)
        return;
    part(w, t);
    unlink(w, t);
    port_uses_drop(w, t->local.port, t->uses, t->uses_class);
    t->next = w->free_time_wait;
    w->free_time_wait = time_wait;
}

void time_waits_expire(struct world *w)
{
    while (w->host.first_time_wait && at(w, w->host.first_time_wait)->until_ns <= w->now_ns)
        time_wait_end(w, w->host.first_time_wait);
}

u32 time_wait_start(struct world *w, const struct sock *s, u32 other)
{
    time_waits_expire(w);
    u32 slot = w->free_time_wait;
    if (slot)
        w->free_time_wait = at(w, slot)->next;
    else if (w->used_time_waits + 1 < TIME_WAITS_MAX)
        slot = ++w->used_time_waits;
    else
        return 0;
    struct time_wait *t = at(w, slot);
    *t = (struct time_wait){.local = s->local, .peer = s->peer_address, .family = s->family,
                            .uses_class = port_class(s), .other = other};
    t->uses = port_uses_add(w, &t->local, t->uses_class);
    if (other)
        w->socks[other].time_wait = slot;
    link_last(w, slot);
    return slot;
}

void time_wait_again(struct world *w, u32 time_wait)
{
    if (!time_wait)
        return;
    part(w, at(w, time_wait));
    unlink(w, at(w, time_wait));
    link_last(w, time_wait);
}
