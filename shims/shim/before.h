/* before.h: what files were before the run changed them (CONFIG_KEEP). */
#ifndef DST_BEFORE_H
#define DST_BEFORE_H
#include "inode.h"

/* A call that changes files: which argument is the directory (-1: it has none), which of its strings
 * the path (-1: the descriptor itself), which argument the flags (-1). */
struct before_row {
    u16 change; /* 0: it changes none */
    i16 dirfd, path, flags;
};
extern const struct before_row before_rows[SYSCALLS_MAX] HIDDEN;

static inline int before_is_kept(void) { return (WORLD->config.flags & CONFIG_INPUTS) != 0; }
/* The call, after what it is about to change has been kept. */
i64 before_changes(struct trap *c) HIDDEN;
/* A file that was opened, or is about to be executed: what the run depends on. */
void before_input(i64 fd, const struct statx_k *st, int is_program) HIDDEN;
/* A directory that is listed: 1 when its names, of at most so many bytes, are to be kept, which then
 * follow, and "" as the last. */
int before_listed(i64 fd, const struct statx_k *st, u64 bytes) HIDDEN;
void before_listed_name(const char *name) HIDDEN;
#endif
