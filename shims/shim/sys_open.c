/* sys_open.c: open in all forms. Every open is O_NONBLOCK for the kernel: a FIFO must not block it;
 * and no terminal becomes the controlling one there, because its signals are virtual (tty.h).
 */
#include "channel.h"
#include "files.h"

struct open_how_k {
    u64 flags, mode, resolve;
};

static i64 raw_open(i64 dirfd, const char *path, const struct open_how_k *how)
{
    u64 ours = how->flags & O_PATH_FLAG ? 0 : O_NONBLOCK_FLAG | O_NOCTTY_FLAG;
    if (how->resolve) {
        struct open_how_k quick = *how;
        quick.flags |= ours;
        return raw(__NR_openat2, dirfd, path, &quick, sizeof quick);
    }
    return raw(__NR_openat, dirfd, path, how->flags | ours, how->mode);
}

/* ENXIO: a FIFO opened for writing that nobody reads. A blocking open waits for a reader. */
static i64 wait_for_reader(struct trap *c, i64 dirfd, const char *path, const struct open_how_k *how)
{
    struct statx_k st;
    i64 fd = -ENXIO;
    while (fd == -ENXIO && !(how->flags & O_NONBLOCK_FLAG)) {
        if (statx_of(dirfd, path, 0, STATX_BASIC_AND_BIRTH, &st) ||
            (st.mode & S_IFMT_BITS) != S_IFIFO_BITS)
            return fd;
        u32 channel = fifo_channel(inode_of_statx(&st));
        i64 error = park_on_channel(c->t, channel, SIDE_WRITE, ~0ul);
        channel_unref(channel);
        if (error)
            return error;
        fd = raw_open(dirfd, path, how);
    }
    return fd;
}

/* A reference to the channel of a FIFO. */
u32 fifo_channel(u32 inode)
{
    struct world *w = WORLD;
    u32 channel = w->inodes[inode].channel;
    if (channel) {
        w->channels[channel].refs++;
        return channel;
    }
    channel = channel_alloc();
    w->channels[channel].inode = inode;
    w->inodes[inode].channel = channel;
    return channel;
}

/* /dev/fd/N of a pipe: the same pipe again. A reference to its channel, or 0 for a named FIFO. */
static u32 channel_of_own_pipe(struct proc *p, const struct statx_k *st)
{
    struct world *w = WORLD;
    struct fd_table *t = &w->fd_tables[p->fd_table];
    struct statx_k other;
    for (u32 fd = 0; fd < t->fds_used; fd++) {
        struct object *o = &w->objects[t->object[fd] & FD_OBJECT_MASK];
        if ((o->kind != OBJECT_PIPE_R && o->kind != OBJECT_PIPE_W) || statx_of_fd(fd, &other))
            continue;
        if (other.ino == st->ino && statx_dev(&other) == statx_dev(st)) {
            w->channels[o->channel].refs++;
            return o->channel;
        }
    }
    return 0;
}

static u32 fifo_object(u64 flags, u32 inode, u32 own)
{
    u64 mode = flags & O_ACCMODE_BITS;
    u32 object = object_alloc(mode == O_RDONLY_FLAG ? OBJECT_PIPE_R : mode == O_WRONLY_FLAG ? OBJECT_PIPE_W
                                                                                       : OBJECT_PIPE_RW);
    struct object *o = &WORLD->objects[object];
    o->channel = own ? own : fifo_channel(inode);
    o->inode = inode;
    o->kept_nonblock = 1;
    struct channel *ch = &WORLD->channels[o->channel];
    ch->readers += mode != O_WRONLY_FLAG;
    ch->writers += mode != O_RDONLY_FLAG;
    ch->writers_ever += mode != O_RDONLY_FLAG;
    return object;
}

/* A blocking open for reading waits until somebody has the FIFO open for writing. */
static i64 fifo_opened(struct trap *c, i64 fd, u64 flags, const struct statx_k *st)
{
    u32 own = channel_of_own_pipe(c->p, st);
    u32 object = fifo_object(flags, own ? 0 : inode_of_statx(st), own), channel = WORLD->objects[object].channel;
    WORLD->objects[object].nonblock = (flags & O_NONBLOCK_FLAG) != 0;
    fd_install(c->p, fd, object, (flags & O_CLOEXEC_FLAG) != 0);
    channel_wake_all(channel);
    u32 writers_before = WORLD->channels[channel].writers_ever;
    int is_named = WORLD->channels[channel].inode != 0; /* a pipe by /dev/fd/N is open at once */
    while (is_named && (flags & O_ACCMODE_BITS) == O_RDONLY_FLAG && !(flags & O_NONBLOCK_FLAG) &&
           !WORLD->channels[channel].writers && WORLD->channels[channel].writers_ever == writers_before) {
        i64 error = park_on_channel(c->t, channel, SIDE_READ, ~0ul);
        if (error) {
            raw(__NR_close, fd);
            fd_forget(c->p, fd);
            return error;
        }
    }
    return fd;
}

static i64 opened(struct trap *c, i64 dirfd, i64 fd, u64 flags)
{
    struct world *w = WORLD;
    struct statx_k st;
    inode_of_open(fd, dirfd, (char *)c->path[0], flags);
    if (statx_of(fd, "", AT_EMPTY_PATH_FLAG, STATX_BASIC_AND_BIRTH, &st))
        return fd;
    u64 dev = statx_dev(&st);
    int special = dev == w->config.proc_dev || dev == w->config.sys_dev || hosts_are_served(c->path[0]);
    if (unlikely(special) && !(flags & O_PATH_FLAG)) {
        fd = procfs_open(c, fd, flags);
        if (fd < 0 || statx_of(fd, "", AT_EMPTY_PATH_FLAG, STATX_BASIC_AND_BIRTH, &st))
            return fd;
    }
    u32 mode = st.mode & S_IFMT_BITS;
    if (mode == S_IFIFO_BITS && !(flags & O_PATH_FLAG))
        return fifo_opened(c, fd, flags, &st);
    u32 object = flags & O_PATH_FLAG ? 0 : tty_opened(c->p, fd, &st, flags);
    if (!object)
        object = object_of_statx(&st);
    struct object *o = &w->objects[object];
    o->nonblock = (flags & O_NONBLOCK_FLAG) != 0;
    o->path_only = (flags & O_PATH_FLAG) != 0;
    o->preload = c->recorded; /* trap.c: our own library */
    if (has_plan())
        faults_opened(c, dirfd, object);
    fd_install(c->p, fd, object, (flags & O_CLOEXEC_FLAG) != 0);
    if (o->kind == OBJECT_DEVICE && !(flags & (O_NONBLOCK_FLAG | O_PATH_FLAG)))
        raw(__NR_fcntl, fd, F_SETFL_CMD, flags & ~(O_NONBLOCK_FLAG | O_CLOEXEC_FLAG | O_CREAT_FLAG));
    return fd;
}

static i64 open_path(struct trap *c, i64 dirfd, struct open_how_k how)
{
    i64 fd;
    if (!c->path[0])
        return c->path_error ? c->path_error : -EFAULT;
    if ((WORLD->config.flags & CONFIG_PRELOAD) && string_equal(c->path[0], "/etc/ld.so.preload")) {
        fd = preload_open(c);
        if (fd >= 0) {
            u32 object = object_alloc(OBJECT_FILE);
            WORLD->objects[object].preload = 1;
            fd_install(c->p, fd, object, (how.flags & O_CLOEXEC_FLAG) != 0);
            return fd;
        }
    }
    c->t->place = PLACE_KERNEL;
    fd = raw_open(dirfd, c->path[0], &how);
    c->t->place = PLACE_SHIM;
    if (fd == -ENXIO)
        fd = tty_open_controlling(c->p, dirfd, c->path[0], how.flags);
    if (fd == -ENXIO)
        fd = wait_for_reader(c, dirfd, c->path[0], &how);
    return fd < 0 ? fd : opened(c, dirfd, fd, how.flags);
}

i64 sys_open(struct trap *c)
{
    return open_path(c, AT_FDCWD_VALUE, (struct open_how_k){(u32)c->a[1], (u32)c->a[2], 0});
}

i64 sys_creat(struct trap *c)
{
    u64 flags = O_WRONLY_FLAG | O_CREAT_FLAG | O_TRUNC_FLAG;
    return open_path(c, AT_FDCWD_VALUE, (struct open_how_k){flags, (u32)c->a[1], 0});
}

i64 sys_openat(struct trap *c)
{
    return open_path(c, (i32)c->a[0], (struct open_how_k){(u32)c->a[2], (u32)c->a[3], 0});
}

i64 sys_openat2(struct trap *c)
{
    struct open_how_k how;
    if (c->a[3] < sizeof how)
        return -EINVAL;
    if (c->a[3] > sizeof how)
        return -E2BIG;
    if (copy_in(&how, c->a[2], sizeof how))
        return -EFAULT;
    return open_path(c, (i32)c->a[0], how);
}
