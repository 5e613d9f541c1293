/* inode.h: what a file looks like to the program: its numbers and its times. */
#ifndef DST_INODE_H
#define DST_INODE_H
#include "shim.h"

/* ---- linux/stat.h, linux/fcntl.h ---- */
#define AT_FDCWD_K (-100l)
#define AT_SYMLINK_NOFOLLOW_K 0x100u
#define AT_SYMLINK_FOLLOW_K 0x400u
#define AT_NO_AUTOMOUNT_K 0x800u
#define AT_EMPTY_PATH_K 0x1000u
#define STATX_BASIC_K 0x7ffu
#define STATX_BTIME_K 0x800u
#define STATX_BASIC_AND_BIRTH (STATX_BASIC_K | STATX_BTIME_K)
#define STATX_MNT_ID_K 0x1000u
#define S_IFMT_BITS 0170000u
#define S_IFIFO_BITS 0010000u
#define S_IFCHR_BITS 0020000u
#define S_IFDIR_BITS 0040000u
#define S_IFBLK_BITS 0060000u
#define S_IFREG_BITS 0100000u
#define S_IFLNK_BITS 0120000u
#define S_IFSOCK_BITS 0140000u

struct statx_time_k {
    i64 sec;
    u32 nsec;
    u32 pad;
};

struct statx_k {
    u32 mask, blksize;
    u64 attributes;
    u32 nlink, uid, gid;
    u16 mode, pad0;
    u64 ino, size, blocks, attributes_mask;
    struct statx_time_k atime, btime, ctime, mtime;
    u32 rdev_major, rdev_minor, dev_major, dev_minor;
    u64 mnt_id;
    u32 dio_mem_align, dio_offset_align;
    u64 pad1[12];
};
_Static_assert(sizeof(struct statx_k) == 256, "struct statx");

/* What a change of a file changes: INODE_ATIME, INODE_MTIME, INODE_CTIME. */
#define INODE_WRITTEN (INODE_MTIME | INODE_CTIME)
#define INODE_ALL_TIMES (INODE_ATIME | INODE_MTIME | INODE_CTIME)

static inline u64 dev_make(u32 major, u32 minor)
{
    return (minor & 0xff) | (u64)major << 8 | (u64)(minor & ~0xffu) << 12;
}
static inline u32 dev_major(u64 dev) { return (u32)(dev >> 8 & 0xfff); }
static inline u32 dev_minor(u64 dev) { return (u32)((dev & 0xff) | (dev >> 12 & 0xfff00)); }
/* As in struct stat, in /proc and in config.proc_dev. */
static inline u64 statx_dev(const struct statx_k *st)
{
    return dev_make(st->dev_major, st->dev_minor);
}
static inline int statx_is(const struct statx_k *st, u32 type)
{
    return (st->mode & S_IFMT_BITS) == type;
}
static inline i64 time_ns(const struct statx_time_k *t)
{
    return t->sec * (i64)NS_PER_SECOND + t->nsec;
}

/* ---- asking the kernel; `path` may be 0 for the descriptor itself ---- */
/* start_files.c: where a view's copy was asked of, what the original tells of itself */
void show_start_file(struct statx_k *st) HIDDEN;
/* statx; `path` may be the program's own pointer: the kernel finds out what is wrong with it. */
i64 statx_of(i64 dirfd, const char *path, u32 flags, u32 mask, struct statx_k *st) HIDDEN;
i64 statx_of_path(i64 dirfd, const char *path, u32 flags, struct statx_k *st) HIDDEN;
i64 statx_of_fd(i64 fd, struct statx_k *st) HIDDEN;

/* ---- the table; entry 0 is "none" and every function takes it ---- */
struct inode *inode_seen(const struct statx_k *st) HIDDEN; /* made at first sight */
u32 inode_of_statx(const struct statx_k *st) HIDDEN;
u32 inode_of_fd(i64 fd) HIDDEN;
u32 inode_of_path(i64 dirfd, const char *path, u32 flags) HIDDEN;
/* A descriptor's file, kept with its object. */
u32 inode_of_descriptor(struct proc *p, i64 fd) HIDDEN;
/* A file that this very call made without a name (memfd, O_TMPFILE): never one seen before. */
u32 inode_of_new_fd(i64 fd) HIDDEN;
/* After a successful open: what O_CREAT and O_TRUNC changed is touched. `path` is ours, and is put
 * back as it was. */
u32 inode_of_open(i64 fd, i64 dirfd, char *path, u64 flags) HIDDEN;
u32 inode_find(const struct statx_k *st) HIDDEN; /* 0 when it was never seen */
void inode_touch(u32 index, u32 what) HIDDEN;
/* Who made, removed or renamed the last component of `path` changed the directory that holds it. */
void inode_touch_parent(i64 dirfd, char *path) HIDDEN;
/* The name `st` (asked before) is gone. */
void inode_name_gone(const struct statx_k *st) HIDDEN;

/* ---- numbers ---- */
const struct file_view *file_view_of(u64 dev) HIDDEN; /* 0: it is none */
u64 dev_virtual(u64 dev) HIDDEN;
u64 inode_number(u64 dev, u64 ino) HIDDEN; /* for who knows no more: directory entries, maps */

/* Everything in `st` that varies becomes the simulation's. */
void statx_virtual(struct statx_k *st) HIDDEN;
#endif
