/* abi_views.h: the run's own views of files (dstrun/launch/overlay.py), and what lies under them.
 *
 * A program must not be able to tell a view from the files themselves: it is shown the device and the
 * kind of the file system that is covered, and the mounts as they were before.
 */
#ifndef DST_ABI_VIEWS_H
#define DST_ABI_VIEWS_H

#define VIEWS_MAX 256u
#define MOUNTS_BYTES_MAX 262144u

struct file_view {
    u64 dev, real_dev; /* st_dev of the view, and of what it covers */
    i64 fs_type, block_bytes, fragment_bytes, name_bytes_max; /* as statfs tells them of that */
};

struct views_world {
    u32 used_views;
    u32 mounts_bytes, mountinfo_bytes; /* 0: as the kernel has them */
    u32 unknown_are_roots; /* owners that this user namespace does not know are shown as root, */
    u32 unknown_uid, unknown_gid; /* which they look like: the kernel's overflow ids */
    struct file_view views[VIEWS_MAX];
    char mounts[MOUNTS_BYTES_MAX], mountinfo[MOUNTS_BYTES_MAX]; /* files of /proc/PID */
};

#endif
