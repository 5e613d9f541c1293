/* files.h: kernel structs and flags about files, and what the files' part of the shim shares. */
#ifndef DST_FILES_H
#define DST_FILES_H
#include "inode.h"
#include "signals.h"

#define NR_FCHMODAT2 452 /* not in every kernel's headers */
#define AT_FDCWD_VALUE (-100l)
#define AT_EMPTY_PATH_FLAG 0x1000ul
#define O_ACCMODE_BITS 3ul
#define O_RDONLY_FLAG 0ul
#define O_WRONLY_FLAG 1ul
#define O_CREAT_FLAG 0100ul
#define O_NOCTTY_FLAG 0400ul
#define O_TRUNC_FLAG 01000ul
#define O_NONBLOCK_FLAG 04000ul
#define SEEK_CUR_K 1
#define SPLICE_NONBLOCK_FLAG 2u
#define O_ASYNC_FLAG 020000ul
#define O_PATH_FLAG 010000000ul
#define O_CLOEXEC_FLAG 02000000ul
#define F_DUPFD_CMD 0
#define F_GETFD_CMD 1
#define F_SETFD_CMD 2
#define F_GETFL_CMD 3
#define F_SETFL_CMD 4
#define F_SETOWN_CMD 8
#define F_GETOWN_CMD 9
#define F_SETSIG_CMD 10
#define F_GETSIG_CMD 11
#define F_SETOWN_EX_CMD 15
#define F_GETOWN_EX_CMD 16
#define F_GETLK_CMD 5
#define F_SETLK_CMD 6
#define F_SETLKW_CMD 7
#define F_OFD_GETLK_CMD 36
#define F_OFD_SETLK_CMD 37
#define F_OFD_SETLKW_CMD 38
#define F_SETLEASE_CMD 1024
#define F_NOTIFY_CMD 1026
#define F_DUPFD_CLOEXEC_CMD 1030
u32 object_of_statx(const struct statx_k *st) HIDDEN;
/* sys_lock.c */
i64 lock_range(struct trap *c, struct object *o) HIDDEN; /* fcntl's F_SETLK and its kin */
/* sys_dir.c */
void dir_listing_drop(u32 slot) HIDDEN;
i64 dir_seek(struct object *o, i64 offset, int whence) HIDDEN;
/* own_files.c */
void own_files_start(void) HIDDEN; /* finds their directories */
int is_own_file(const struct statx_k *folder, const char *name) HIDDEN;
int has_own_file(const struct statx_k *folder) HIDDEN; /* it cannot be removed */
/* tty.c */
#define PTS_MAJOR 136
/* The object of a terminal of the simulation that was opened, 0: it is none. */
u32 tty_opened(struct proc *p, i64 fd, const struct statx_k *st, u64 flags) HIDDEN;
/* /dev/tty: a descriptor, or -ENXIO. */
i64 tty_open_controlling(struct proc *p, i64 dirfd, const char *path, u64 flags) HIDDEN;
void tty_close(struct object *o) HIDDEN;
u32 tty_ready(struct object *o) HIDDEN; /* POLL bits */
i64 tty_read(struct trap *c, struct object *o) HIDDEN;
i64 tty_write(struct trap *c, struct object *o) HIDDEN;
i64 tty_ioctl(struct trap *c, struct object *o) HIDDEN; /* tty_control.c */
/* procfs.c */
i64 procfs_open(struct trap *c, i64 fd, u64 flags) HIDDEN;
i64 preload_open(struct trap *c) HIDDEN;
int hosts_are_served(const char *path) HIDDEN; /* the simulation has an /etc/hosts of its own */

/* A wait for something that has no wake-up in the world: look again after 1 ms of virtual time. */
i64 park_and_look_again(struct task *t) HIDDEN;
u32 fifo_channel(u32 inode) HIDDEN; /* a reference to the channel of a FIFO */
#endif
