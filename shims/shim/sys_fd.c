/* sys_fd.c: descriptors made, copied and closed; pipes and their like. */
#include "files.h"
#include "sockets.h"

#define CLOSE_RANGE_UNSHARE 2u
#define CLOSE_RANGE_CLOEXEC 4u
#define EFD_NONBLOCK_FLAG 04000u

/* The descriptor goes, but not from under who sleeps on what it leads to. */
static u32 about_to_close(struct trap *c, i64 fd)
{
    u32 object = fd_known(c->p, fd);
    if (unlikely(WORLD->objects[object].holds))
        holds_keep(c->p, (u32)fd, (u32)fd);
    return object;
}

i64 sys_close(struct trap *c)
{
    i64 fd = (i32)c->a[0];
    u32 object = about_to_close(c, fd);
    int lingers = inet_lingers(&WORLD->objects[object]);
    if (lingers)
        hold(c->t, object, -1);
    i64 error = pass(c);
    if (error != -EBADF)
        fd_forget(c->p, fd); /* after the kernel: who is woken must see it closed */
    if (lingers)
        inet_linger(c, &WORLD->objects[object]);
    return error;
}

i64 sys_close_range(struct trap *c)
{
    u32 first = (u32)c->a[0], last = (u32)c->a[1], flags = (u32)c->a[2];
    if (flags & CLOSE_RANGE_UNSHARE && WORLD->fd_tables[c->p->fd_table].refs > 1) {
        u32 own = fd_table_copy(c->p->fd_table);
        fd_table_drop(c->p->fd_table);
        c->p->fd_table = own;
    }
    if (c->p->tasks_live > 1 && !(flags & CLOSE_RANGE_CLOEXEC))
        holds_keep(c->p, first, last);
    i64 error = pass(c);
    u32 used = WORLD->fd_tables[c->p->fd_table].fds_used;
    for (u32 fd = first; !error && fd <= last && fd < used; fd++) {
        if (flags & CLOSE_RANGE_CLOEXEC)
            fd_set_cloexec(c->p, fd, 1);
        else
            fd_forget(c->p, fd);
    }
    return error;
}

static i64 copied(struct trap *c, i64 from, i64 to, int cloexec)
{
    if (to < 0 || from == to)
        return to;
    u32 object = fd_object(c->p, from);
    if (object) {
        WORLD->objects[object].refs++;
        fd_install(c->p, to, object, cloexec);
    } else {
        fd_forget(c->p, to);
    }
    return to;
}

i64 sys_dup(struct trap *c) { return copied(c, (i32)c->a[0], pass(c), 0); }
i64 sys_dup2(struct trap *c)
{
    about_to_close(c, (i32)c->a[1]);
    return copied(c, (i32)c->a[0], pass(c), 0);
}
i64 sys_dup3(struct trap *c)
{
    about_to_close(c, (i32)c->a[1]);
    return copied(c, (i32)c->a[0], pass(c), (c->a[2] & O_CLOEXEC_FLAG) != 0);
}

/* O_NONBLOCK is the program's belief for what we keep non-blocking in the kernel. */
static int flags_are_ours(const struct object *o)
{
    return o->kept_nonblock || o->kind == OBJECT_FILE || o->kind == OBJECT_DIR;
}

static i64 get_flags(struct trap *c, const struct object *o)
{
    i64 flags = pass(c);
    if (flags < 0)
        return flags;
    flags |= o->async.on ? (i64)O_ASYNC_FLAG : 0;
    if (!flags_are_ours(o))
        return flags;
    return (flags & ~(i64)O_NONBLOCK_FLAG) | (o->nonblock ? (i64)O_NONBLOCK_FLAG : 0);
}

static i64 set_flags(struct trap *c, struct object *o)
{
    u64 wanted = c->a[2];
    c->a[2] &= ~(u64)O_ASYNC_FLAG;
    if (o->kept_nonblock)
        c->a[2] |= O_NONBLOCK_FLAG;
    i64 error = pass(c);
    c->a[2] = wanted;
    if (error)
        return error;
    o->nonblock = (wanted & O_NONBLOCK_FLAG) != 0;
    async_set((u32)(o - WORLD->objects), (i32)c->a[0], (wanted & O_ASYNC_FLAG) != 0);
    return 0;
}

i64 sys_fcntl(struct trap *c)
{
    i64 fd = (i32)c->a[0];
    u32 object = fd_object(c->p, fd);
    struct object *o = &WORLD->objects[object];
    if (!object)
        return pass(c);
    switch ((u32)c->a[1]) {
    case F_DUPFD_CMD:
        return copied(c, fd, pass(c), 0);
    case F_DUPFD_CLOEXEC_CMD:
        return copied(c, fd, pass(c), 1);
    case F_SETFD_CMD:
        fd_set_cloexec(c->p, fd, c->a[2] & 1);
        return pass(c);
    case F_GETFL_CMD:
        return get_flags(c, o);
    case F_SETFL_CMD:
        return set_flags(c, o);
    case F_SETOWN_CMD:
        return async_set_owner(o, (i32)c->a[2]);
    case F_GETOWN_CMD:
        return async_owner(o);
    case F_SETOWN_EX_CMD:
        return async_set_owner_ex(o, c->a[2]);
    case F_GETOWN_EX_CMD:
        return async_owner_ex(o, c->a[2]);
    case F_SETSIG_CMD:
        return async_set_signal(o, c->a[2]);
    case F_GETSIG_CMD:
        return o->async.signo;
    case F_SETLK_CMD:
    case F_SETLKW_CMD:
    case F_OFD_SETLK_CMD:
    case F_OFD_SETLKW_CMD:
        return lock_range(c, o);
    case F_SETLEASE_CMD: /* the kernel would tell of the other's open by a signal that is not virtual */
    case F_NOTIFY_CMD:
        return -EINVAL;
    default:
        return pass(c);
    }
}

/* ---- pipes and their like ---- */
static u32 end_of(u32 kind, u32 channel, u64 flags)
{
    u32 object = object_alloc(kind);
    struct object *o = &WORLD->objects[object];
    o->channel = channel;
    o->kept_nonblock = 1;
    o->nonblock = (flags & O_NONBLOCK_FLAG) != 0;
    return object;
}

/* What is made with O_NONBLOCK in the kernel; O_DIRECT pipes stay packet pipes. */
static i64 make_pipe(struct trap *c, u64 flags)
{
    i32 fds[2];
    i64 error = raw(__NR_pipe2, c->a[0], flags | O_NONBLOCK_FLAG);
    if (error)
        return error;
    if (copy_in(fds, c->a[0], sizeof fds))
        return -EFAULT;
    u32 channel = channel_alloc();
    struct channel *ch = &WORLD->channels[channel];
    ch->refs = 2;
    ch->readers = ch->writers = 1;
    int cloexec = (flags & O_CLOEXEC_FLAG) != 0;
    fd_install(c->p, fds[0], end_of(OBJECT_PIPE_R, channel, flags), cloexec);
    fd_install(c->p, fds[1], end_of(OBJECT_PIPE_W, channel, flags), cloexec);
    return 0;
}

i64 sys_pipe(struct trap *c) { return make_pipe(c, 0); }
i64 sys_pipe2(struct trap *c) { return make_pipe(c, (u32)c->a[1]); }

static i64 make_eventfd(struct trap *c, u64 flags)
{
    i64 fd = raw(__NR_eventfd2, c->a[0], flags | EFD_NONBLOCK_FLAG);
    if (fd >= 0)
        fd_install(c->p, fd, end_of(OBJECT_EVENTFD, channel_alloc(), flags), (flags & O_CLOEXEC_FLAG) != 0);
    return fd;
}

i64 sys_eventfd(struct trap *c) { return make_eventfd(c, 0); }
i64 sys_eventfd2(struct trap *c) { return make_eventfd(c, (u32)c->a[1]); }

i64 sys_memfd_create(struct trap *c)
{
    i64 fd = pass(c);
    if (fd < 0)
        return fd;
    u32 object = object_alloc(OBJECT_FILE);
    WORLD->objects[object].inode = inode_of_new_fd(fd);
    fd_install(c->p, fd, object, c->a[1] & 1);
    return fd;
}
