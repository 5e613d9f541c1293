/* eventlike.h: descriptors whose readiness is the simulation's: timerfd, signalfd. */
#ifndef DST_EVENTLIKE_H
#define DST_EVENTLIKE_H
#include "shim.h"

/* Before the kernel is asked what is ready: it must see of these descriptors what is so. */
void eventlike_sync(struct task *t) HIDDEN;
i64 timerfd_read(struct trap *c, struct object *o) HIDDEN;
i64 signalfd_read(struct trap *c, struct object *o) HIDDEN;
#endif
