/* inode.c: the numbers and times that the program sees of files.
 *
 * Numbers. The kernel's (device, inode) becomes a number in the order of first sight. A file system
 * gives the number of a deleted file to the next one, sooner or later. Whether it did must not
 * show, so a deleted file's entry is closed (INODE_UNLINKED), and who comes later with the same
 * number is another file. A birth time that changes on a live entry is overlayfs copying up: the
 * same file.
 *
 * Times. Real time stamps before the start of the run are the files' own and are shown. Any later
 * one came about in the run, and is shown as the virtual time of the call that we saw cause it
 * (inode_touch), or, when we saw none, as that of first sight (but see is_old_directory). Times that the program sets itself
 * are in the kernel too, and are shown as given until something else changes the file.
 * Access times are shown as on a file system mounted noatime: whether a read moves the real one
 * depends on the day (relatime), so it is the modification time unless the program sets it.
 *
 * Sizes. Blocks of a regular file are its size rounded up to 4 KiB: the real figure follows delayed
 * allocation. So there are no sparse files to be seen. Directories are 4096 bytes.
 */
#include "inode.h"

#define INODE_HELD 0x80000000u /* in inode.touched, during a sweep */
#define FIRST_NUMBER 1000u
#define FIRST_PROC_NUMBER 4026540000u
#define DEVS_MAX 256u
#define FIRST_MINOR 40u
/* Attributes of statx that belong to the file and not to how it is mounted or stored. */
#define STABLE_ATTRIBUTES 0x70ul /* immutable, append, nodump */
#define O_CREAT_K 0100u
#define O_TRUNC_K 01000u
#define O_ACCMODE_K 3u

/* ---- asking the kernel ---- */
i64 statx_of(i64 dirfd, const char *path, u32 flags, u32 mask, struct statx_k *st)
{
    i64 error = raw(__NR_statx, dirfd, path, flags, mask, st);
    if (!error)
        show_start_file(st);
    return error;
}

i64 statx_of_path(i64 dirfd, const char *path, u32 flags, struct statx_k *st)
{
    if (!path)
        flags |= AT_EMPTY_PATH_K;
    return statx_of(dirfd, path ? path : "", flags | AT_NO_AUTOMOUNT_K, STATX_BASIC_AND_BIRTH, st);
}

i64 statx_of_fd(i64 fd, struct statx_k *st)
{
    return (i32)fd < 0 ? -EBADF : statx_of_path((i32)fd, 0, 0, st);
}

/* ---- the table ---- */
static u32 *bucket_of(u64 dev, u64 ino)
{
    return &WORLD->inode_index[hash_mix(hash_mix(0, dev), ino) % INODE_INDEX_SIZE];
}

static u32 table_find(u64 dev, u64 ino)
{
    u32 i = *bucket_of(dev, ino);
    while (i && (WORLD->inodes[i].dev != dev || WORLD->inodes[i].ino != ino))
        i = WORLD->inodes[i].next;
    return i;
}

/* Numbers of /proc are made when they are asked for and forgotten under memory pressure: they have
 * a range of their own, so that they shift no other file's. */
static u64 next_number(u64 dev)
{
    struct world *w = WORLD;
    return dev == w->config.proc_dev ? FIRST_PROC_NUMBER + w->used_proc_inodes++
                                     : FIRST_NUMBER + w->used_file_inodes++;
}

static void chain_remove(u32 index)
{
    struct world *w = WORLD;
    u32 *link = bucket_of(w->inodes[index].dev, w->inodes[index].ino);
    while (*link != index)
        link = &w->inodes[*link].next;
    *link = w->inodes[index].next;
}

/* When the table is full, entries of deleted files that no descriptor holds become free. */
static void sweep(void)
{
    struct world *w = WORLD;
    for (u32 i = 1; i <= w->used_objects; i++)
        if (w->objects[i].refs)
            w->inodes[w->objects[i].inode].touched |= INODE_HELD;
    for (u32 i = 1; i <= w->used_inodes; i++) {
        struct inode *e = &w->inodes[i];
        if (e->touched & INODE_UNLINKED && !(e->touched & INODE_HELD) && !e->channel) {
            chain_remove(i);
            e->next = w->free_inode;
            w->free_inode = i;
            e->touched = 0; /* not found again by another sweep */
        }
        e->touched &= ~(u32)INODE_HELD;
    }
}

static u32 slot_take(void)
{
    struct world *w = WORLD;
    if (w->used_inodes + 1 < INODES_MAX)
        return ++w->used_inodes;
    if (!w->free_inode)
        sweep();
    u32 index = w->free_inode;
    if (!index)
        fatal("too many files seen in one run; the limit is", INODES_MAX);
    w->free_inode = w->inodes[index].next;
    memset(&w->inodes[index], 0, sizeof w->inodes[index]);
    return index;
}

/* A new file. The entry of a deleted one with the same number is overwritten: the file system gives
 * a number away only when nobody has the file open any more. */
static u32 table_add(u64 dev, u64 ino)
{
    struct world *w = WORLD;
    u32 index = table_find(dev, ino), next;
    if (index && w->inodes[index].touched & INODE_UNLINKED) {
        next = w->inodes[index].next;
        memset(&w->inodes[index], 0, sizeof w->inodes[index]);
    } else {
        index = slot_take(); /* may take others out of the chain */
        u32 *bucket = bucket_of(dev, ino);
        next = *bucket;
        *bucket = index; /* first in its chain: it hides an older entry */
    }
    struct inode *e = &w->inodes[index];
    e->dev = dev;
    e->ino = ino;
    e->number = next_number(dev);
    e->seen_ns = (i64)wall_ns();
    e->next = next;
    return index;
}

static i64 birth_of(const struct statx_k *st)
{
    return st->mask & STATX_BTIME_K ? time_ns(&st->btime) : 0;
}

static int in_run(i64 real_ns) { return real_ns >= (i64)WORLD->config.real_start_ns; }

/* Whether a closed entry is still this file (by a descriptor) and not the next with its number.
 * A live link tells the next one, but for overlayfs, where links of lower files never go down:
 * those are older than the run, and what gets their number anew is not. */
static int is_successor(const struct inode *e, const struct statx_k *st)
{
    i64 birth = birth_of(st);
    if (!(e->touched & INODE_UNLINKED))
        return 0;
    if (e->birth_ns && birth && e->birth_ns != birth)
        return 1;
    if (birth && e->birth_ns == birth && !in_run(birth))
        return 0;
    return st->nlink > 0;
}

u32 inode_find(const struct statx_k *st)
{
    u32 index = table_find(statx_dev(st), st->ino);
    return index && !is_successor(&WORLD->inodes[index], st) ? index : 0;
}

/* Terminals, pipes, /proc: their real times tell of the machine, not of a file. */
static int is_timeless(const struct statx_k *st)
{
    u64 dev = statx_dev(st);
    u32 type = st->mode & S_IFMT_BITS;
    return dev == WORLD->config.proc_dev || dev == WORLD->config.sys_dev ||
           (type != S_IFREG_BITS && type != S_IFDIR_BITS && type != S_IFLNK_BITS);
}

/* What changes a directory is a call that we see. Others use /tmp, too, while the run lasts: a
 * directory that is older than the run, or of unknown age, keeps its own times until the program
 * changes it. */
static int is_old_directory(const struct inode *e, const struct statx_k *st)
{
    return statx_is(st, S_IFDIR_BITS) && !in_run(e->birth_ns);
}

/* Times of the run that no call of the program explains: now is the first it can see of them. */
static void explain_times(struct inode *e, const struct statx_k *st)
{
    i64 now = (i64)wall_ns(), mtime = time_ns(&st->mtime);
    int others = is_old_directory(e, st);
    /* An overlay's directory is born in the run and has its lower one's mtime. */
    int is_directory = statx_is(st, S_IFDIR_BITS);
    if (e->touched & INODE_MTIME) {
        if (e->real_mtime_ns && e->real_mtime_ns != mtime) { /* set by the program, changed since */
            e->mtime_ns = now;
            e->real_mtime_ns = 0;
        }
    } else if (!is_directory && in_run(mtime)) {
        e->mtime_ns = now;
        e->touched |= INODE_MTIME;
    }
    if (!others && !(e->touched & INODE_CTIME) && in_run(time_ns(&st->ctime))) {
        e->ctime_ns = now;
        e->touched |= INODE_CTIME;
    }
}

static u32 entry_of(const struct statx_k *st)
{
    u32 index = inode_find(st);
    if (!index)
        index = table_add(statx_dev(st), st->ino);
    struct inode *e = &WORLD->inodes[index];
    if (!e->birth_ns)
        e->birth_ns = birth_of(st);
    if (!is_timeless(st))
        explain_times(e, st);
    if (!st->nlink)
        e->touched |= INODE_UNLINKED; /* its number is free when its last descriptor goes */
    return index;
}

struct inode *inode_seen(const struct statx_k *st) { return &WORLD->inodes[entry_of(st)]; }
u32 inode_of_statx(const struct statx_k *st) { return entry_of(st); }

u32 inode_of_fd(i64 fd)
{
    struct statx_k st;
    return statx_of_fd(fd, &st) ? 0 : entry_of(&st);
}

u32 inode_of_path(i64 dirfd, const char *path, u32 flags)
{
    struct statx_k st;
    return statx_of_path(dirfd, path, flags, &st) ? 0 : entry_of(&st);
}

u32 inode_of_descriptor(struct proc *p, i64 fd)
{
    struct object *o = &WORLD->objects[fd_object(p, fd)];
    if (o == &WORLD->objects[0])
        return 0;
    if (!o->inode)
        o->inode = inode_of_fd(fd);
    return o->inode;
}

u32 inode_of_new_fd(i64 fd)
{
    struct statx_k st;
    if (statx_of_fd(fd, &st))
        return 0;
    u32 old = table_find(statx_dev(&st), st.ino);
    if (old) /* a closed file's number: same birth (by a coarse clock) or not, this is another */
        table_add(statx_dev(&st), st.ino);
    u32 index = entry_of(&st);
    inode_touch(index, INODE_ALL_TIMES);
    return index;
}

u32 inode_of_open(i64 fd, i64 dirfd, char *path, u64 flags)
{
    struct statx_k st;
    if (statx_of_fd(fd, &st))
        return 0;
    u32 known = inode_find(&st), index = entry_of(&st);
    if (!known && flags & O_CREAT_K && !st.size && in_run(time_ns(&st.mtime))) {
        WORLD->inodes[index].touched |= INODE_BORN;
        if (path)
            inode_touch_parent(dirfd, path);
    } else if (flags & O_TRUNC_K && flags & O_ACCMODE_K && statx_is(&st, S_IFREG_BITS)) {
        inode_touch(index, INODE_WRITTEN);
    }
    return index;
}

/* ---- changes ---- */
void inode_touch(u32 index, u32 what)
{
    struct inode *e = &WORLD->inodes[index];
    i64 now = (i64)wall_ns();
    if (!index)
        return;
    if (what & INODE_ATIME)
        e->atime_ns = now;
    if (what & INODE_MTIME) {
        e->mtime_ns = now;
        e->real_mtime_ns = 0;
    }
    if (what & INODE_CTIME)
        e->ctime_ns = now;
    e->touched |= what & INODE_ALL_TIMES;
}

void inode_touch_parent(i64 dirfd, char *path)
{
    char *last = path + string_length(path);
    while (last > path && last[-1] == '/')
        last--;
    while (last > path && last[-1] != '/')
        last--;
    if (last == path) {
        inode_touch(inode_of_path(dirfd, 0, 0), INODE_WRITTEN);
        return;
    }
    char kept = *last; /* what follows the slash: the slash stays, "/" is a directory too */
    *last = 0;
    inode_touch(inode_of_path(dirfd, path, 0), INODE_WRITTEN);
    *last = kept;
}

void inode_name_gone(const struct statx_k *st)
{
    u32 index = inode_find(st);
    if (!index)
        return; /* never seen: who gets its number is new in any case */
    inode_touch(index, INODE_CTIME);
    if (st->nlink <= 1 || statx_is(st, S_IFDIR_BITS))
        WORLD->inodes[index].touched |= INODE_UNLINKED;
}

/* ---- numbers ---- */
const struct file_view *file_view_of(u64 dev)
{
    const struct views_world *v = &WORLD->views;
    for (u32 i = 0; i < v->used_views; i++)
        if (v->views[i].dev == dev)
            return &v->views[i];
    return 0;
}

static u32 dev_index(u64 dev)
{
    struct world *w = WORLD;
    u32 i = 0;
    const struct file_view *view = file_view_of(dev);
    dev = view ? view->real_dev : dev; /* a view of files is no other device than the files are */
    while (i < w->used_devs && w->devs[i] != dev)
        i++;
    if (i == w->used_devs) {
        if (i == DEVS_MAX)
            fatal("too many file systems seen in one run; the limit is", DEVS_MAX);
        w->devs[w->used_devs++] = dev;
    }
    return i;
}

u64 dev_virtual(u64 dev) { return dev_make(0, FIRST_MINOR + dev_index(dev)); }

u64 inode_number(u64 dev, u64 ino)
{
    u32 index = table_find(dev, ino);
    if (!index || WORLD->inodes[index].touched & INODE_UNLINKED)
        index = table_add(dev, ino);
    return WORLD->inodes[index].number;
}

/* ---- translation ---- */
static void show_time(struct statx_time_k *t, i64 ns)
{
    i64 nsec = ns % (i64)NS_PER_SECOND;
    t->sec = ns / (i64)NS_PER_SECOND;
    if (nsec < 0) {
        nsec += (i64)NS_PER_SECOND;
        t->sec--;
    }
    t->nsec = (u32)nsec;
    t->pad = 0;
}

/* Times that the file had before the run are shown, but two runs do not differ by them alone: the
 * starting files may have been copied anew. What the program makes of them shows in what it does. */
static void note_old(const struct inode *e, int timeless)
{
    u32 old = timeless ? 0 : INODE_ALL_TIMES & ~e->touched;
    if (!(e->touched & INODE_MTIME) && !(e->touched & INODE_ATIME))
        old |= INODE_ATIME; /* shown as the mtime */
    else if (e->touched & INODE_MTIME)
        old &= ~(u32)INODE_ATIME;
    if (!in_run(e->birth_ns))
        old |= INODE_BORN;
    current_task()->stat_old = old;
}

static void show_times(struct statx_k *st, const struct inode *e)
{
    int timeless = is_timeless(st);
    i64 epoch = (i64)WORLD->config.epoch_ns;
    i64 mtime = timeless ? epoch : time_ns(&st->mtime);
    i64 ctime = timeless ? epoch : time_ns(&st->ctime);
    i64 birth = timeless ? epoch : in_run(e->birth_ns) ? e->seen_ns : e->birth_ns;
    if (e->touched & INODE_MTIME)
        mtime = e->mtime_ns;
    if (e->touched & INODE_CTIME)
        ctime = e->ctime_ns;
    note_old(e, timeless);
    show_time(&st->atime, e->touched & INODE_ATIME ? e->atime_ns : mtime);
    show_time(&st->mtime, mtime);
    show_time(&st->ctime, ctime);
    show_time(&st->btime, birth);
}

static void show_sizes(struct statx_k *st)
{
    u64 dev = statx_dev(st);
    int pseudo = dev == WORLD->config.proc_dev || dev == WORLD->config.sys_dev;
    if (statx_is(st, S_IFREG_BITS)) {
        st->blocks = pseudo ? 0 : ((st->size + 511) / 512 + 7) & ~7ul;
    } else if (statx_is(st, S_IFDIR_BITS) && !pseudo) {
        st->size = 4096;
        st->blocks = 8;
        st->nlink = 1; /* as on overlayfs and btrfs: not every file system counts directories */
    } else {
        st->blocks = 0;
    }
    if (dev == WORLD->config.proc_dev && st->ino == 1) /* the root counts the machine's processes */
        st->nlink = 2 + WORLD->live_procs;
}

/* A virtual file of /proc is a memfd underneath; the program sees the file that it stands for. */
static struct inode *show_alias(struct statx_k *st, struct inode *e)
{
    struct inode *real = &WORLD->inodes[e->alias];
    st->dev_major = (u32)(real->dev >> 8 & 0xfff);
    st->dev_minor = (u32)((real->dev & 0xff) | (real->dev >> 12 & 0xfff00));
    st->ino = real->ino;
    st->nlink = 1;
    st->size = 0;
    return real;
}

void statx_virtual(struct statx_k *st)
{
    struct inode *e = inode_seen(st);
    if (e->alias)
        e = show_alias(st, e);
    show_sizes(st);
    show_times(st, e);
    u64 dev = dev_virtual(statx_dev(st));
    st->ino = e->number;
    st->dev_major = (u32)(dev >> 8 & 0xfff);
    st->dev_minor = (u32)((dev & 0xff) | (dev >> 12 & 0xfff00));
    st->mnt_id = st->dev_minor; /* one file system, one mount */
    st->attributes &= STABLE_ATTRIBUTES;
    st->attributes_mask = STABLE_ATTRIBUTES;
    st->mask &= STATX_BASIC_AND_BIRTH;
    if (!(st->mask & STATX_BTIME_K))
        memset(&st->btime, 0, sizeof st->btime);
    st->dio_mem_align = st->dio_offset_align = 0;
    memset(st->pad1, 0, sizeof st->pad1);
}
