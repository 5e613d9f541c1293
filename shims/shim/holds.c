/* holds.c: a call that sleeps on an open file keeps it open.
 *
 * So does Linux: a descriptor that another thread closes meanwhile leaves the table, but the file
 * lives until the call returns, and the other end sees no end before. Where the kernel has the file
 * (a pipe) the sleeper needs a descriptor to try again with, and is given a copy, far from the
 * numbers that the program is given.
 */
#include "channel.h"
#include "files.h"

static struct hold *hold_at(u32 slot) { return &WORLD->holds[slot]; }

void hold(struct task *t, u32 object, i64 fd)
{
    u32 slot = hold_alloc();
    *hold_at(slot) = (struct hold){.object = object, .fd = (i32)fd, .next = t->first_hold};
    t->first_hold = slot;
    WORLD->objects[object].refs++;
    WORLD->objects[object].holds++;
}

static u32 hold_of(const struct task *t, u32 object)
{
    u32 slot = t->first_hold;
    while (slot && hold_at(slot)->object != object)
        slot = hold_at(slot)->next;
    return slot;
}

i64 park_holding(struct trap *c, u32 arg, struct object *o, u32 channel, u32 side, u64 deadline_ns)
{
    u32 object = (u32)(o - WORLD->objects);
    if (!hold_of(c->t, object))
        hold(c->t, object, fd_object(c->p, (i32)c->a[arg]) == object ? (i32)c->a[arg] : -1);
    i64 error = park_on_channel(c->t, channel, side, deadline_ns);
    const struct hold *h = hold_at(hold_of(c->t, object));
    if (h->copy)
        c->a[arg] = (u64)h->fd;
    return error;
}

void holds_forget(struct task *t)
{
    struct world *w = WORLD;
    while (t->first_hold) {
        u32 slot = t->first_hold;
        struct hold *h = hold_at(slot);
        t->first_hold = h->next;
        w->objects[h->object].holds--;
        object_unref(h->object);
        h->next = w->free_hold;
        w->free_hold = slot;
    }
}

void holds_drop(struct trap *c)
{
    for (u32 slot = c->t->first_hold; slot; slot = hold_at(slot)->next)
        if (hold_at(slot)->copy)
            raw(__NR_close, hold_at(slot)->fd);
    holds_forget(c->t);
    for (int i = 0; i < 6; i++) /* as the program gave them */
        c->a[i] = c->t->trap_args[i];
}

static void keep(const struct proc *p, struct hold *h)
{
    u64 above = p->rlimit_nofile[0] / 4 * 3;
    i64 copy = raw(__NR_fcntl, h->fd, F_DUPFD_CLOEXEC_CMD, min_u64(above, FDS_MAX / 4 * 3));
    if (copy < 0)
        return; /* no descriptor left: the sleeper finds it closed */
    h->fd = (i32)copy;
    h->copy = 1;
}

void holds_keep(struct proc *p, u32 first, u32 last)
{
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        for (u32 slot = task_at(i)->first_hold; slot; slot = hold_at(slot)->next) {
            struct hold *h = hold_at(slot);
            if (!h->copy && h->fd >= 0 && (u32)h->fd >= first && (u32)h->fd <= last)
                keep(p, h);
        }
}
