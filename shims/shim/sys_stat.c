/* sys_stat.c: stat and its kin, statx, statfs. All ask the kernel by one statx and translate. */
#include "inode.h"

/* What else a program asks of statx is not answered, and the result's mask says so. */
#define STATX_MASK_RESERVED 0x80000000u
#define PRELOAD_INODE (~0ul >> 1)

struct stat_k { /* the kernel's struct stat, x86-64 */
    u64 dev, ino, nlink;
    u32 mode, uid, gid, pad;
    u64 rdev;
    i64 size, blksize, blocks;
    struct timespec_k atime, mtime, ctime;
    i64 unused[3];
};
_Static_assert(sizeof(struct stat_k) == 144, "struct stat");

struct statfs_k {
    i64 type, bsize;
    u64 blocks, bfree, bavail, files, ffree;
    i32 fsid[2];
    i64 namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct statfs_k) == 120, "struct statfs");

static struct timespec_k timespec_of(const struct statx_time_k *t)
{
    return (struct timespec_k){.sec = t->sec, .nsec = t->nsec};
}

static i64 stat_out(u64 user, const struct statx_k *x)
{
    struct stat_k s = {
        .dev = statx_dev(x),
        .ino = x->ino,
        .nlink = x->nlink,
        .mode = x->mode,
        .uid = x->uid,
        .gid = x->gid,
        .rdev = dev_make(x->rdev_major, x->rdev_minor),
        .size = (i64)x->size,
        .blksize = x->blksize,
        .blocks = (i64)x->blocks,
        .atime = timespec_of(&x->atime),
        .mtime = timespec_of(&x->mtime),
        .ctime = timespec_of(&x->ctime),
    };
    return copy_out(user, &s, sizeof s);
}

/* The loader asks for our own library. Wherever that lies, it takes no number from the program's files. */
static void translate(const struct trap *c, struct statx_k *x)
{
    if (likely(!c->recorded)) {
        statx_virtual(x);
        return;
    }
    x->dev_major = x->dev_minor = 0;
    x->ino = PRELOAD_INODE;
}

static i64 stat_at(struct trap *c, i64 dirfd, u64 user_path, u32 flags, u64 out)
{
    struct statx_k x;
    c->t->place = PLACE_KERNEL; /* may block: network file systems, automounts */
    i64 error = statx_of(dirfd, (const char *)user_path, flags, STATX_BASIC_AND_BIRTH, &x);
    c->t->place = PLACE_SHIM;
    if (error)
        return error;
    translate(c, &x);
    return stat_out(out, &x);
}

i64 sys_stat(struct trap *c)
{
    return stat_at(c, AT_FDCWD_K, c->a[0], AT_NO_AUTOMOUNT_K, c->a[1]);
}

i64 sys_lstat(struct trap *c)
{
    return stat_at(c, AT_FDCWD_K, c->a[0], AT_NO_AUTOMOUNT_K | AT_SYMLINK_NOFOLLOW_K, c->a[1]);
}

i64 sys_fstat(struct trap *c)
{
    struct statx_k x;
    i64 error = statx_of_fd((i32)c->a[0], &x);
    if (error)
        return error;
    translate(c, &x);
    return stat_out(c->a[1], &x);
}

i64 sys_newfstatat(struct trap *c)
{
    return stat_at(c, (i32)c->a[0], c->a[1], (u32)c->a[3] | AT_NO_AUTOMOUNT_K, c->a[2]);
}

i64 sys_statx(struct trap *c)
{
    struct statx_k x;
    u32 wanted = (u32)c->a[3];
    u32 ask = STATX_BASIC_AND_BIRTH | (wanted & STATX_MASK_RESERVED);
    c->t->place = PLACE_KERNEL;
    i64 error = statx_of((i32)c->a[0], (const char *)c->a[1], (u32)c->a[2], ask, &x);
    c->t->place = PLACE_SHIM;
    if (error)
        return error;
    statx_virtual(&x);
    if (!(wanted & STATX_BTIME_K)) {
        x.mask &= ~STATX_BTIME_K;
        memset(&x.btime, 0, sizeof x.btime);
    }
    x.mask |= STATX_MNT_ID_K;
    return copy_out(c->a[4], &x, sizeof x);
}

/* ---- statfs: a file system of 64 GiB, half of it free; what kind it is stays true ---- */
#define FS_BYTES (64ul << 30)
#define FS_FILES (4ul << 20)

static i64 statfs_out(u64 user, struct statfs_k *s, u64 dev)
{
    const struct file_view *view = file_view_of(dev);
    if (view) {
        s->type = view->fs_type;
        s->bsize = view->block_bytes;
        s->frsize = view->fragment_bytes;
        s->namelen = view->name_bytes_max;
    }
    if (s->blocks) { /* /proc and the like have none */
        u64 block = s->bsize > 0 ? (u64)s->bsize : 4096;
        s->blocks = FS_BYTES / block;
        s->bfree = s->bavail = s->blocks / 2;
        s->files = FS_FILES;
        s->ffree = FS_FILES / 2;
    }
    s->fsid[0] = dev ? (i32)dev_virtual(dev) : 0;
    s->fsid[1] = 0;
    memset(s->spare, 0, sizeof s->spare);
    return copy_out(user, s, sizeof *s);
}

static u64 dev_of(i64 error, const struct statx_k *x) { return error ? 0 : statx_dev(x); }

i64 sys_statfs(struct trap *c)
{
    struct statfs_k s;
    struct statx_k x;
    i64 error = raw(__NR_statfs, c->a[0], &s);
    if (error)
        return error;
    return statfs_out(c->a[1], &s, dev_of(statx_of_path(AT_FDCWD_K, c->path[0], 0, &x), &x));
}

i64 sys_fstatfs(struct trap *c)
{
    struct statfs_k s;
    struct statx_k x;
    i64 error = raw(__NR_fstatfs, (i32)c->a[0], &s);
    if (error)
        return error;
    return statfs_out(c->a[1], &s, dev_of(statx_of_fd((i32)c->a[0], &x), &x));
}
