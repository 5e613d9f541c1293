/* own.h: what the run shares by name is its own. */
#ifndef DST_OWN_H
#define DST_OWN_H
#include "abi.h"

/* An empty /dev/mqueue and, where `shm` says so, an empty /dev/shm in the current mount namespace;
 * their times are `epoch_ns`. Changes the working directory. 0, or why /dev/shm is the machine's. */
i64 mount_own(u64 epoch_ns, int shm);

#endif
