/* net_queue.h: what has arrived at a socket and waits to be read. Pure.
 *
 * A stream is a list of blocks of bytes; a datagram is a list of blocks of its own. All spans are
 * contiguous memory of the world, so that bytes are copied once, by whoever owns the other memory.
 * Blocks come from one pool; where that is used up, 0 is returned.
 */
#ifndef DST_NET_QUEUE_H
#define DST_NET_QUEUE_H
#include "abi.h"

#define NET_BLOCK_DATA (NET_BLOCK_BYTES - 72u)

/* ---- streams ---- */
/* Where the next bytes go: at most `*bytes` of them. Then say how many it were. */
u8 *stream_space(struct world *w, struct sock *s, u64 *bytes);
void stream_added(struct world *w, struct sock *s, u64 bytes);
/* The unread bytes, `skip` of them passed over: at most `*bytes`, 0 bytes at the end. */
const u8 *stream_data(struct world *w, struct sock *s, u64 skip, u64 *bytes);
void stream_remove(struct world *w, struct sock *s, u64 bytes);

/* ---- datagrams ---- */
/* Room for a datagram of so many bytes: its first block. Constant time but for its blocks. */
u32 datagram_new(struct world *w, u64 bytes);
/* The bytes at `offset` of a datagram: at most `*bytes`. */
u8 *datagram_span(struct world *w, u32 datagram, u64 offset, u64 *bytes);
int datagram_grow(struct world *w, u32 datagram, u64 bytes); /* at its end; 0: no block is left */
void datagram_append(struct world *w, struct sock *s, u32 datagram);
/* The oldest one leaves the queue, and is freed. */
void datagram_remove(struct world *w, struct sock *s);
void datagram_free(struct world *w, u32 datagram);
u32 datagram_copy(struct world *w, u32 datagram);
/* What one costs of the receive buffer: as Linux counts, its bookkeeping included. */
u64 datagram_charge(u64 bytes);

/* All that waits, of either kind. */
void net_queue_drop(struct world *w, struct sock *s);
#endif
