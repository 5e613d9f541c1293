/* unix.h: what the files of AF_UNIX share.
 *
 * The sockets are the kernel's, kept non-blocking; it knows what is in them and for how long they
 * live. What the world adds is who is connected to whom, so that a change wakes who waits for it
 * and nobody else: struct unix_end is one end, and lives until nothing leads to it any more.
 */
#ifndef DST_UNIX_H
#define DST_UNIX_H
#include "files.h"
#include "sockets.h"

#define UNIX_ADDRESS_BYTES (2 + UNIX_NAME_BYTES)

struct unix_address {
    u32 bytes; /* of the sockaddr; 0: it is none that the kernel would take */
    u16 family;
    char path[UNIX_NAME_BYTES + 1];
};

static inline struct unix_end *end_at(u32 end) { return &WORLD->af_unix.ends[end]; }
static inline struct unix_end *end_of(const struct object *o) { return end_at(o->part); }
static inline u32 end_index(const struct unix_end *e) { return (u32)(e - WORLD->af_unix.ends); }
static inline struct unix_end *peer_of(const struct unix_end *e)
{
    return e->peer ? end_at(e->peer) : 0;
}
static inline int is_datagram(const struct unix_end *e) { return e->type == SOCK_DGRAM_K; }
/* Each is connected to the other. */
static inline int are_mutual(const struct unix_end *a, const struct unix_end *b)
{
    return a && b && a->peer == end_index(b) && b->peer == end_index(a);
}

/* ---- unix.c ---- */
struct unix_end *end_new(u32 type) HIDDEN; /* with one reference */
void end_unref(struct unix_end *e) HIDDEN;
void end_set_peer(struct unix_end *e, struct unix_end *peer) HIDDEN; /* 0: none any more */

/* ---- unix_cut.c ---- */
/* Of an end that was cut. To receive: 1, ask the kernel; else the result. */
i64 unix_cut_send(struct trap *c, struct object *o, int waits, u64 deadline_ns, u32 flags) HIDDEN;
i64 unix_cut_receive(struct trap *c, struct object *o, int waits, u64 deadline_ns) HIDDEN;
i64 unix_cut_error(struct trap *c, struct object *o) HIDDEN; /* SO_ERROR */

/* ---- unix_names.c ---- */
i64 unix_address_in(u64 user, u64 bytes, struct unix_address *a) HIDDEN;
/* Whose name it is. A socket outside the simulation: ECONNREFUSED, or counted and `*outside`. */
i64 unix_find(struct trap *c, const struct unix_end *e, const struct unix_address *a,
              struct unix_end **found, int *outside) HIDDEN;
/* The kernel would give a random name. */
i64 unix_autobind(struct unix_end *e, i64 fd) HIDDEN;
void unix_name_drop(struct unix_end *e) HIDDEN;

/* ---- unix_flights.c ---- */
#define RIGHTS_MAX 253u /* descriptors in one message */
/* After a message was sent: the descriptors in its control data, and whose buffer it fills. */
void flights_add(struct trap *c, struct unix_end *to, u64 position, u64 control,
                 u64 control_bytes) HIDDEN;
void flight_add_sender(struct unix_end *to, u64 position, u32 channel) HIDDEN;
/* After something was received: what had been sent before `upto` is read. Control data as the
 * kernel filled it in. Whether there were descriptors. */
int flights_land(struct trap *c, struct unix_end *e, u64 upto, u64 control, u64 control_bytes,
                 u32 flags) HIDDEN;
void flights_drop(struct unix_end *e) HIDDEN; /* all: nobody will read them */
void starved_add(struct unix_end *to, struct unix_end *sender) HIDDEN;
void starved_tell(struct unix_end *e) HIDDEN;
/* A new descriptor that is a pidfd. */
void pidfd_received(struct proc *p, i64 fd) HIDDEN;
#endif
