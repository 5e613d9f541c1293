/* ipc.h: what the three kinds of System V IPC share. */
#ifndef DST_IPC_H
#define DST_IPC_H
#include "turns.h"

/* linux/ipc.h */
#define IPC_NOWAIT_FLAG 04000
#define IPC_RMID_CMD 0
#define IPC_SET_CMD 1
#define IPC_STAT_CMD 2

/* The objects are those of the run's own IPC namespace; without one they are the machine's:
 * counted. */
void ipc_count(const struct trap *c) HIDDEN;
/* The times of an object, all 0 but the last one when it is seen for the first time. */
struct ipc_times *ipc_times(u32 kind, i64 id) HIDDEN;
static inline i64 ipc_now_s(void) { return (i64)(wall_ns() / NS_PER_SECOND); }
/* semget and its kin. */
i64 ipc_get(struct trap *c, u32 kind) HIDDEN;
#endif
