/* net_time_wait.h: TCP's TIME_WAIT: for a minute, the port of the end that closed first. Pure.
 *
 * No timer runs for it: who looks at ports lets go what is over.
 */
#ifndef DST_NET_TIME_WAIT_H
#define DST_NET_TIME_WAIT_H
#include "abi.h"

#define TIME_WAIT_NS 60000000000ul

/* A connection's end is gone. `other`: the other end when it is open still (FIN_WAIT2), else 0.
 * 0: there are too many. */
u32 time_wait_start(struct world *w, const struct sock *s, u32 other);
/* The other end has closed as well: a minute from now. */
void time_wait_again(struct world *w, u32 time_wait);
/* A reset came, or it is over. */
void time_wait_end(struct world *w, u32 time_wait);
void time_waits_expire(struct world *w);
#endif
