/* sys_pidfd.c: descriptors of processes and threads. The kernel's own tells who polls it that
 * somebody is dead; who waits for that parks on a channel of the process, or of the thread. */
#include "channel.h"
#include "files.h"
#include "process.h"

#define PIDFD_NONBLOCK_FLAG O_NONBLOCK_FLAG
enum pidfd_signal {
    PIDFD_SIGNAL_THREAD = 1,
    PIDFD_SIGNAL_THREAD_GROUP = 2,
    PIDFD_SIGNAL_PROCESS_GROUP = 4
};

/* A leader is dead when its process is. */
static u32 *channel_of(u32 id)
{
    struct proc *p = proc_by_pid(id);
    struct task *t = task_by_tid(id);
    return p ? &p->pidfd_channel : t ? &t->pidfd_channel : 0;
}

void pidfd_install(struct proc *holder, i64 fd, u32 id, u64 flags)
{
    u32 *channel = channel_of(id), object = object_alloc(OBJECT_PIDFD);
    struct object *o = &WORLD->objects[object];
    o->value = id;
    o->is_thread = (flags & PIDFD_THREAD_FLAG) != 0;
    o->nonblock = (flags & PIDFD_NONBLOCK_FLAG) != 0;
    if (channel) {
        if (!*channel)
            *channel = channel_alloc();
        o->channel = *channel;
        WORLD->channels[o->channel].refs++;
    }
    fd_install(holder, fd, object, 1);
}

i64 sys_pidfd_open(struct trap *c)
{
    u32 id = (u32)c->a[0];
    if ((i32)id <= 0)
        return -EINVAL;
    if (!proc_by_pid(id) && !task_by_tid(id))
        return -ESRCH;
    i64 fd = pass(c);
    if (fd >= 0)
        pidfd_install(c->p, fd, id, (u32)c->a[1]);
    return fd;
}

void pidfds_let_go(u32 *channel)
{
    channel_wake_all(*channel);
    channel_unref(*channel);
    *channel = 0;
}

/* Who it is; a later process of the same number is another one. */
static struct proc *proc_of_pidfd(const struct object *o)
{
    u32 id = (u32)o->value, *channel = channel_of(id);
    if (!channel || *channel != o->channel)
        return 0;
    return proc_by_pid(id) ? proc_by_pid(id) : proc_of(task_by_tid(id));
}

static i64 info_in(struct trap *c, int is_self, struct siginfo_bytes *info)
{
    if (copy_in(info, c->a[2], sizeof *info))
        return -EFAULT;
    if (info->signo != (i32)c->a[1])
        return -EINVAL;
    return !is_self && (info->code >= 0 || info->code == SI_TKILL_CODE) ? -EPERM : 0;
}

i64 sys_pidfd_send_signal(struct trap *c)
{
    struct siginfo_bytes info;
    const struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    u32 scope = (u32)c->a[3];
    if (scope & (scope - 1) || scope > PIDFD_SIGNAL_PROCESS_GROUP)
        return -EINVAL;
    if (o->kind != OBJECT_PIDFD)
        return -EBADF;
    if (!scope)
        scope = o->is_thread ? PIDFD_SIGNAL_THREAD : PIDFD_SIGNAL_THREAD_GROUP;
    int code = scope == PIDFD_SIGNAL_THREAD ? SI_TKILL_CODE : SI_USER_CODE;
    siginfo_kill(&info, (i32)c->a[1], code, c->p->pid, c->p->uid);
    int is_self = o->value == c->t->tid && scope != PIDFD_SIGNAL_PROCESS_GROUP;
    i64 error = c->a[2] ? info_in(c, is_self, &info) : 0;
    if (error)
        return error;
    if (info.signo < 0 || info.signo > 64)
        return -EINVAL;
    struct proc *p = proc_of_pidfd(o);
    if (!p)
        return -ESRCH;
    if (scope == PIDFD_SIGNAL_PROCESS_GROUP)
        return send_signal_to_group(c, (u32)o->value, &info);
    struct task *t = task_by_tid((u32)o->value);
    if (scope == PIDFD_SIGNAL_THREAD)
        return t ? send_signal(c, p, t, &info) : 0; /* a zombie, or a leader that left early */
    return send_signal(c, p, 0, &info);
}

/* The new descriptor is the other process's open file. */
i64 sys_pidfd_getfd(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    i64 fd = pass(c);
    struct proc *of = fd >= 0 && o->kind == OBJECT_PIDFD ? proc_by_pid((u32)o->value) : 0;
    u32 object = of ? fd_known(of, (i32)c->a[1]) : 0;
    if (!object)
        return fd;
    WORLD->objects[object].refs++;
    fd_install(c->p, fd, object, 1);
    return fd;
}
