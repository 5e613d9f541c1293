/* async.c: O_ASYNC, a signal to an owner when a descriptor becomes readable or writable.
 *
 * The kernel is never told of it: its signal would be none of the simulation's. Where something
 * comes from outside there is no channel, and nobody is signalled.
 */
#include "channel.h"
#include "files.h"
#include "process.h"

#define SIG_IO 29
#define POLL_IN_CODE 1
#define POLL_OUT_CODE 2
#define BAND_IN 0x41u   /* POLLIN | POLLRDNORM */
#define BAND_OUT 0x304u /* POLLOUT | POLLWRNORM | POLLWRBAND */
#define SIDE_BIT(side) (1u << (side))

enum owner_kind { OWNER_TID = 0, OWNER_PID = 1, OWNER_PGRP = 2 };
struct owner_k {
    i32 kind, id;
};

static struct object *object_at(u32 index) { return &WORLD->objects[index]; }

static void tell_owner(const struct async *a, u32 side)
{
    struct siginfo_bytes info;
    int signo = a->signo ? a->signo : SIG_IO;
    int code = !a->signo ? SI_KERNEL_CODE : side == SIDE_READ ? POLL_IN_CODE : POLL_OUT_CODE;
    siginfo_kill(&info, signo, code, 0, 0);
    if (a->signo) {
        info.body[0] = side == SIDE_READ ? BAND_IN : BAND_OUT;
        info.body[1] = (u32)a->fd;
    }
    if (a->owner_kind == OWNER_PGRP) {
        signal_group((u32)a->owner, signo);
        return;
    }
    struct task *t = a->owner_kind == OWNER_TID ? task_by_tid((u32)a->owner) : 0;
    struct proc *p = t ? proc_of(t) : proc_by_pid((u32)a->owner);
    if (p)
        signal_send(p, t, &info);
}

void async_tell(u32 channel, u32 side)
{
    for (u32 i = WORLD->channels[channel].first_async; i; i = object_at(i)->async.next)
        if (object_at(i)->async.owner && object_at(i)->async.sides & SIDE_BIT(side))
            tell_owner(&object_at(i)->async, side);
}

void async_set(u32 object, i64 fd, int on)
{
    struct object *o = object_at(object);
    struct async *a = &o->async;
    struct channel *ch = &WORLD->channels[o->channel];
    if (a->on == (on != 0))
        return;
    a->on = on != 0;
    if (!o->channel)
        return;
    if (!on) {
        *(a->prev ? &object_at(a->prev)->async.next : &ch->first_async) = a->next;
        if (a->next)
            object_at(a->next)->async.prev = a->prev;
        return;
    }
    a->fd = (i32)fd;
    a->sides = o->kind == OBJECT_PIPE_R   ? SIDE_BIT(SIDE_READ)
               : o->kind == OBJECT_PIPE_W ? SIDE_BIT(SIDE_WRITE)
                                          : SIDE_BIT(SIDE_READ) | SIDE_BIT(SIDE_WRITE);
    a->prev = 0;
    a->next = ch->first_async;
    if (a->next)
        object_at(a->next)->async.prev = object;
    ch->first_async = object;
}

/* ---- fcntl and ioctl: who is told, and by which signal ---- */
static i64 set_owner(struct async *a, i32 kind, i32 id)
{
    u32 positive = (u32)id;
    if (kind < OWNER_TID || kind > OWNER_PGRP || id < 0)
        return -EINVAL;
    if (id && kind == OWNER_TID && !task_by_tid(positive))
        return -ESRCH;
    if (id && kind == OWNER_PID && !proc_by_pid(positive))
        return -ESRCH;
    a->owner_kind = (u8)kind;
    a->owner = id;
    return 0;
}

i64 async_set_owner(struct object *o, i64 id)
{
    if (id == -2147483648l)
        return -EINVAL;
    return set_owner(&o->async, id < 0 ? OWNER_PGRP : OWNER_PID, (i32)(id < 0 ? -id : id));
}

i64 async_owner(const struct object *o)
{
    return o->async.owner_kind == OWNER_PGRP ? -o->async.owner : o->async.owner;
}

i64 async_set_owner_ex(struct object *o, u64 from)
{
    struct owner_k owner;
    return copy_in(&owner, from, sizeof owner) ? -EFAULT : set_owner(&o->async, owner.kind, owner.id);
}

i64 async_owner_ex(const struct object *o, u64 to)
{
    struct owner_k owner = {o->async.owner ? o->async.owner_kind : OWNER_PID, o->async.owner};
    return copy_out(to, &owner, sizeof owner) ? -EFAULT : 0;
}

i64 async_set_signal(struct object *o, u64 signo)
{
    if (signo > 64)
        return -EINVAL;
    o->async.signo = (u8)signo;
    return 0;
}
