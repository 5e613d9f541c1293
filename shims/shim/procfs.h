/* procfs.h: files of /proc and /sys whose content is the simulation's. */
#ifndef DST_PROCFS_H
#define DST_PROCFS_H
#include "files.h"

/* Whether `path` is the virtual /etc/ld.so.preload. */
int preload_is_served(const char *path) HIDDEN;
#endif
