/* views.h: what is written to an output without passing through the program's memory, for marks and functions
 * of a fault plan. */
#ifndef DST_VIEWS_H
#define DST_VIEWS_H
#include "shim.h"

struct transfer_ends {
    i64 in_fd, out_fd;
    u64 offset_at; /* the program's, of the source; 0: its own */
    u64 bytes;     /* at most */
};

struct transfer_view {
    i64 copy;    /* a pipe with the same bytes, -1: there is none */
    const u8 *buffer; /* or they are here */
    i64 offset;  /* or there in the source */
};

int faults_is_output(struct proc *p, i64 fd) HIDDEN; /* and some rule looks at it */
void faults_transfer_begins(struct trap *c, struct transfer_view *v, const struct transfer_ends *e) HIDDEN;
void faults_transfer_ended(struct transfer_view *v, const struct transfer_ends *e, i64 result) HIDDEN;
void faults_output(i64 fd, const u8 *bytes, u64 n) HIDDEN; /* they were written there */
#endif
