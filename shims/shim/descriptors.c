/* descriptors.c: what each descriptor is.
 *
 * A process's table leads to objects, one per open file description, shared by dup and fork. What
 * can block leads on to a channel, on which tasks park (channel.c).
 */
#include "files.h"
#include "sockets.h"

static struct fd_table *table_of(const struct proc *p) { return &WORLD->fd_tables[p->fd_table]; }

/* ---- objects ---- */
static void object_part_drop(u32 index, struct object *o)
{
    switch (o->kind) {
    case OBJECT_EPOLL:
        epoll_drop(o);
        break;
    case OBJECT_INET:
        inet_close(o);
        break;
    case OBJECT_UNIX:
        unix_close(o);
        break;
    case OBJECT_TTY:
        tty_close(o);
        break;
    case OBJECT_SIGNALFD:
        signalfd_drop(index);
        break;
    default:
        break;
    }
}

/* The last descriptor of a description is gone: an end of a pipe closes, and the other end learns. */
void object_unref(u32 index)
{
    struct world *w = WORLD;
    struct object *o = &w->objects[index];
    if (!index || --o->refs)
        return;
    epoll_forget(index);
    async_set(index, -1, 0);
    locks_on_last_close(o);
    object_part_drop(index, o);
    if (o->channel) {
        struct channel *ch = &w->channels[o->channel];
        if (o->kind == OBJECT_PIPE_R || o->kind == OBJECT_PIPE_RW)
            ch->readers--;
        if (o->kind == OBJECT_PIPE_W || o->kind == OBJECT_PIPE_RW)
            ch->writers--;
        channel_wake_all(o->channel);
        channel_unref(o->channel);
    }
    if (o->dir)
        dir_listing_drop(o->dir);
    if (o->kind == OBJECT_INOTIFY)
        inotify_gone(index);
    timer_cancel(w, &o->timer);
    o->kind = OBJECT_NONE;
    o->refs = w->free_object;
    w->free_object = index;
}

static u32 kind_of_mode(const struct statx_k *st)
{
    switch (st->mode & S_IFMT_BITS) {
    case S_IFREG_BITS:
        return OBJECT_FILE;
    case S_IFDIR_BITS:
        return OBJECT_DIR;
    case S_IFSOCK_BITS:
        return OBJECT_SOCKET;
    case S_IFIFO_BITS:
        return OBJECT_OTHER; /* a pipe that we did not see made */
    case S_IFCHR_BITS:
        if (st->rdev_major == 1 && (st->rdev_minor == 8 || st->rdev_minor == 9))
            return OBJECT_RANDOM;
        return OBJECT_DEVICE;
    default:
        return OBJECT_OTHER;
    }
}

u32 object_of_statx(const struct statx_k *st)
{
    u32 object = object_alloc(kind_of_mode(st));
    WORLD->objects[object].inode = inode_of_statx(st);
    return object;
}

/* A descriptor that came by a call which is not followed (a passed one) is classified at first use. */
static u32 adopt(struct proc *p, u32 fd)
{
    struct statx_k st;
    if (statx_of(fd, "", AT_EMPTY_PATH_FLAG, STATX_BASIC_AND_BIRTH, &st))
        return 0;
    u32 object = object_of_statx(&st);
    i64 flags = raw(__NR_fcntl, fd, F_GETFL_CMD, 0);
    WORLD->objects[object].nonblock = (flags & O_NONBLOCK_FLAG) != 0;
    fd_install(p, fd, object, raw(__NR_fcntl, fd, F_GETFD_CMD, 0) & 1);
    return object;
}

/* ---- tables ---- */
u32 fd_known(const struct proc *p, i64 fd)
{
    const struct fd_table *t = table_of(p);
    return (u64)fd < t->fds_used ? t->object[fd] & FD_OBJECT_MASK : 0;
}

/* A descriptor's reference to its object is about to go. */
static void closing(u32 fd_table, u32 object)
{
    locks_on_close(fd_table, object);
    if (unlikely(WORLD->objects[object].kind == OBJECT_MQ))
        mq_on_close(fd_table, object);
}

u32 fd_object(struct proc *p, i64 fd)
{
    if ((u64)fd >= FDS_MAX)
        return 0;
    u32 entry = fd_known(p, fd);
    return entry ? entry : adopt(p, (u32)fd);
}

void fd_install(struct proc *p, i64 fd, u32 object, int cloexec)
{
    struct fd_table *t = table_of(p);
    if ((u64)fd >= FDS_MAX)
        fatal("a descriptor beyond the limit:", fd);
    while (t->fds_used <= fd)
        t->object[t->fds_used++] = 0;
    u32 old = t->object[fd] & FD_OBJECT_MASK;
    closing(p->fd_table, old);
    t->object[fd] = object | (cloexec ? FD_CLOEXEC_BIT : 0);
    object_unref(old);
}

void fd_forget(struct proc *p, i64 fd)
{
    struct fd_table *t = table_of(p);
    if ((u64)fd >= t->fds_used)
        return;
    u32 object = t->object[fd] & FD_OBJECT_MASK;
    closing(p->fd_table, object);
    t->object[fd] = 0;
    object_unref(object);
}

void fd_set_cloexec(struct proc *p, i64 fd, int on)
{
    struct fd_table *t = table_of(p);
    if ((u64)fd < t->fds_used && t->object[fd])
        t->object[fd] = (t->object[fd] & FD_OBJECT_MASK) | (on ? FD_CLOEXEC_BIT : 0);
}

i64 fd_of_object(struct proc *p, u32 object, i64 hint)
{
    struct fd_table *t = table_of(p);
    if (hint < t->fds_used && (t->object[hint] & FD_OBJECT_MASK) == object)
        return hint;
    for (u32 fd = 0; fd < t->fds_used; fd++)
        if ((t->object[fd] & FD_OBJECT_MASK) == object)
            return fd;
    return -1;
}

u32 fd_table_copy(u32 from)
{
    struct world *w = WORLD;
    u32 slot = fd_table_alloc();
    struct fd_table *a = &w->fd_tables[from], *b = &w->fd_tables[slot];
    b->fds_used = a->fds_used;
    for (u32 fd = 0; fd < a->fds_used; fd++) {
        b->object[fd] = a->object[fd];
        if (a->object[fd])
            w->objects[a->object[fd] & FD_OBJECT_MASK].refs++;
    }
    return slot;
}

void fd_table_drop(u32 slot)
{
    struct world *w = WORLD;
    struct fd_table *t = &w->fd_tables[slot];
    if (!slot || --t->refs)
        return;
    for (u32 fd = 0; fd < t->fds_used; fd++) {
        u32 object = t->object[fd] & FD_OBJECT_MASK;
        closing(slot, object);
        object_unref(object);
    }
    t->fds_used = w->free_fd_table;
    w->free_fd_table = slot;
}

/* After an exec: close-on-exec has happened, and a table shared without threads is one's own. */
void fd_table_exec(struct proc *p)
{
    if (table_of(p)->refs > 1) {
        u32 own = fd_table_copy(p->fd_table);
        fd_table_drop(p->fd_table);
        p->fd_table = own;
    }
    struct fd_table *t = table_of(p);
    for (u32 fd = 0; fd < t->fds_used; fd++)
        if (t->object[fd] & FD_CLOEXEC_BIT)
            fd_forget(p, fd);
}

/* The descriptors that the first program is born with belong to the user's shell: never altered. */
void fd_table_init_outside(struct proc *p)
{
    for (u32 fd = 0; fd < 256; fd++) {
        if (raw(__NR_fcntl, fd, F_GETFD_CMD, 0) < 0)
            continue;
        u32 object = adopt(p, fd);
        if (object && WORLD->objects[object].kind != OBJECT_FILE && WORLD->objects[object].kind != OBJECT_DIR)
            WORLD->objects[object].kind = OBJECT_OUTSIDE;
    }
}
