/* sys_inotify.c: events of files.
 *
 * The kernel makes them within the call that changes a file, so their order is that of the calls.
 * Descriptors are kept non-blocking in the kernel. Who waits for one is woken after each call that
 * can have made an event of a kind that one of its watches asks for, and looks: what is watched,
 * only the kernel knows. So while a task waits for changes (IN_MODIFY), each write to a file by
 * anybody costs two switches; while it waits for names that come and go, only calls that make or
 * remove some.
 *
 * The cookie that joins the two halves of a rename is counted by the kernel for the whole machine.
 * The program sees numbers from 1 on, in the order in which it reads them.
 */
#include "channel.h"
#include "files.h"

enum inotify_event {
    IN_ACCESS_BIT = 1,
    IN_MODIFY_BIT = 2,
    IN_ATTRIB_BIT = 4,
    IN_CLOSE_BITS = 0x18,
    IN_OPEN_BIT = 0x20,
    IN_MOVED_BITS = 0xc0,
    IN_CREATE_BIT = 0x100,
    IN_DELETE_BIT = 0x200,
    IN_DELETE_SELF_BIT = 0x400,
    IN_MOVE_SELF_BIT = 0x800,
    IN_ALL_BITS = 0xfff
};

#define IN_CLOSED_BITS \
    (IN_CLOSE_BITS | IN_DELETE_SELF_BIT) /* the last one of a file without a name */
#define MAP_FIXED_FLAG 0x10ul

struct inotify_event_k {
    i32 watch;
    u32 mask, cookie, name_bytes;
};

static i64 make(struct trap *c, u64 flags)
{
    struct world *w = WORLD;
    if (w->used_inotify_objects == INOTIFY_OBJECTS_MAX)
        return -EMFILE;
    i64 fd = raw(__NR_inotify_init1, flags | O_NONBLOCK_FLAG);
    if (fd < 0)
        return fd;
    u32 object = object_alloc(OBJECT_INOTIFY);
    w->objects[object].channel = channel_alloc();
    w->objects[object].nonblock = (flags & O_NONBLOCK_FLAG) != 0;
    w->objects[object].kept_nonblock = 1;
    w->inotify_objects[w->used_inotify_objects++] = object;
    fd_install(c->p, fd, object, (flags & O_CLOEXEC_FLAG) != 0);
    return fd;
}

i64 sys_inotify_init(struct trap *c) { return make(c, 0); }
i64 sys_inotify_init1(struct trap *c) { return make(c, (u32)c->a[0]); }

void inotify_gone(u32 object)
{
    struct world *w = WORLD;
    u32 i = 0;
    while (w->inotify_objects[i] != object)
        i++;
    while (++i < w->used_inotify_objects)
        w->inotify_objects[i - 1] = w->inotify_objects[i];
    w->used_inotify_objects--;
}

i64 sys_inotify_add_watch(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    i64 watch = pass(c);
    if (watch >= 0)
        o->value |= c->a[2] & IN_ALL_BITS;
    return watch;
}

i64 sys_inotify_rm_watch(struct trap *c)
{
    struct object *o = &WORLD->objects[fd_object(c->p, (i32)c->a[0])];
    i64 error = pass(c);
    if (!error)
        channel_wake(o->channel, SIDE_READ); /* IN_IGNORED */
    return error;
}

/* ---- who is woken ---- */
static void wake_for(u64 events)
{
    struct world *w = WORLD;
    for (u32 i = 0; events && i < w->used_inotify_objects; i++) {
        const struct object *o = &w->objects[w->inotify_objects[i]];
        if (o->value & events)
            channel_wake(o->channel, SIDE_READ);
    }
}

void inotify_after_end(void)
{
    if (unlikely(WORLD->used_inotify_objects))
        wake_for(IN_CLOSED_BITS | IN_OPEN_BIT | IN_ACCESS_BIT);
}

/* Pipes and sockets have no name under which they could be watched, but for FIFOs. */
static int can_be_watched(struct proc *p, u64 fd)
{
    const struct object *o = &WORLD->objects[fd_object(p, (i32)fd)];
    switch (o->kind) {
    case OBJECT_PIPE_R:
    case OBJECT_PIPE_W:
    case OBJECT_PIPE_RW:
        return WORLD->channels[o->channel].inode != 0;
    case OBJECT_FILE:
    case OBJECT_DIR:
    case OBJECT_DEVICE:
    case OBJECT_RANDOM:
    case OBJECT_OTHER:
    case OBJECT_OUTSIDE:
        return 1;
    default:
        return 0;
    }
}

static u64 events_of_transfer(const struct trap *c)
{
    switch (c->nr) {
    case __NR_read:
    case __NR_readv:
    case __NR_pread64:
    case __NR_preadv:
    case __NR_preadv2:
    case __NR_getdents:
    case __NR_getdents64:
        return can_be_watched(c->p, c->a[0]) ? IN_ACCESS_BIT : 0;
    case __NR_write:
    case __NR_writev:
    case __NR_pwrite64:
    case __NR_pwritev:
    case __NR_pwritev2:
        return can_be_watched(c->p, c->a[0]) ? IN_MODIFY_BIT : 0;
    case __NR_sendfile:
    case __NR_splice:
    case __NR_copy_file_range:
    case __NR_io_submit:
        return IN_ACCESS_BIT | IN_MODIFY_BIT;
    case __NR_truncate:
    case __NR_ftruncate:
    case __NR_fallocate:
        return IN_MODIFY_BIT;
    default:
        return 0;
    }
}

static u64 events_of_names(const struct trap *c)
{
    switch (c->nr) {
    case __NR_open:
    case __NR_openat:
    case __NR_openat2:
    case __NR_creat:
    case __NR_open_by_handle_at:
    case __NR_mq_open:
        return IN_OPEN_BIT | IN_CREATE_BIT | IN_MODIFY_BIT;
    case __NR_link:
    case __NR_linkat:
        return IN_CREATE_BIT | IN_ATTRIB_BIT;
    case __NR_symlink:
    case __NR_symlinkat:
    case __NR_mkdir:
    case __NR_mkdirat:
    case __NR_mknod:
    case __NR_mknodat:
    case __NR_bind:
        return IN_CREATE_BIT;
    case __NR_unlink:
    case __NR_unlinkat:
    case __NR_rmdir:
    case __NR_mq_unlink:
        return IN_DELETE_BIT | IN_DELETE_SELF_BIT | IN_ATTRIB_BIT;
    case __NR_rename:
    case __NR_renameat:
    case __NR_renameat2:
        return IN_MOVED_BITS | IN_MOVE_SELF_BIT | IN_DELETE_SELF_BIT | IN_ATTRIB_BIT;
    default:
        return 0;
    }
}

static u64 events_of_rest(const struct trap *c)
{
    switch (c->nr) {
    case __NR_close:
    case __NR_close_range:
    case __NR_dup2:
    case __NR_dup3:
    case __NR_munmap:
        return IN_CLOSED_BITS;
    case __NR_mmap:
        return c->a[3] & MAP_FIXED_FLAG ? IN_CLOSED_BITS : 0;
    case __NR_chmod:
    case __NR_fchmod:
    case __NR_fchmodat:
    case NR_FCHMODAT2:
    case __NR_chown:
    case __NR_lchown:
    case __NR_fchown:
    case __NR_fchownat:
    case __NR_utime:
    case __NR_utimes:
    case __NR_futimesat:
    case __NR_utimensat:
    case __NR_setxattr:
    case __NR_lsetxattr:
    case __NR_fsetxattr:
    case __NR_removexattr:
    case __NR_lremovexattr:
    case __NR_fremovexattr:
        return IN_ATTRIB_BIT;
    case __NR_umount2:
        return IN_ALL_BITS;
    default:
        return 0;
    }
}

void inotify_after_call(const struct trap *c, i64 result)
{
    if (result < 0 && c->nr != __NR_mmap)
        return;
    wake_for(events_of_transfer(c) | events_of_names(c) | events_of_rest(c));
}

/* ---- reading ---- */
static u32 cookie_shown(u32 real)
{
    struct world *w = WORLD;
    struct inotify_cookie *e = &w->inotify_cookies[real % INOTIFY_COOKIES_MAX];
    if (real && e->real != real)
        *e = (struct inotify_cookie){.real = real, .shown = ++w->inotify_cookies_shown};
    return real ? e->shown : 0;
}

static void show_cookies(u8 *events, i64 bytes)
{
    i64 at = 0;
    while (at + (i64)sizeof(struct inotify_event_k) <= bytes) {
        struct inotify_event_k *e = (struct inotify_event_k *)(events + at);
        e->cookie = cookie_shown(e->cookie);
        at += (i64)sizeof *e + e->name_bytes;
    }
}

/* As many events as fit into the program's buffer, and into ours. */
static i64 read_now(struct trap *c)
{
    u8 *events = c->t->polls;
    i64 n = raw(__NR_read, c->a[0], events, min_u64(c->a[2], sizeof c->t->polls));
    if (n <= 0)
        return n;
    show_cookies(events, n);
    return copy_out(c->a[1], events, (u64)n) ? -EFAULT : n;
}

i64 inotify_read(struct trap *c, struct object *o)
{
    struct trap one = *c;
    struct iovec_k v;
    if (c->nr == __NR_readv && c->a[2]) { /* the first buffer alone: what does not fit comes next */
        if (copy_in(&v, c->a[1], sizeof v))
            return -EFAULT;
        one.a[1] = v.base;
        one.a[2] = v.len;
    }
    for (;;) {
        i64 n = c->nr == __NR_read || c->nr == __NR_readv ? read_now(&one) : pass(c);
        if (n != -EAGAIN || o->nonblock)
            return n;
        i64 error = park_on_fd(c, 0, o, SIDE_READ, ~0ul);
        if (error)
            return error;
    }
}
