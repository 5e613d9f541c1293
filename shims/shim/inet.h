/* inet.h: what the files of the simulated network share.
 *
 * There is one host, and between any two of its sockets nothing is lost and nothing takes time: what
 * one end sends has arrived at the other when the call returns. Everything that passes from one end
 * to the other goes through inet_stream.c's and inet_dgram.c's arrive functions, the place for
 * latency and loss. States, errors and readiness are those of Linux's TCP and UDP.
 */
#ifndef DST_INET_H
#define DST_INET_H
#include "core/net_ports.h"
#include "core/net_queue.h"
#include "core/net_time_wait.h"
#include "files.h"
#include "sockets.h"

#define IPPROTO_TCP_K 6u
#define IPPROTO_UDP_K 17u
#define TCP_SEND_FIRST 16384u /* net.ipv4.tcp_wmem */
#define TCP_SEND_MAX 2626560u /* what Linux grows to on the loopback device, once connected */

static inline struct sock *sock_at(u32 sock) { return &WORLD->socks[sock]; }
static inline struct sock *sock_of(const struct object *o) { return sock_at(o->part); }
static inline u32 sock_index(const struct sock *s) { return (u32)(s - WORLD->socks); }
static inline int is_stream(const struct sock *s) { return s->type == SOCK_STREAM_K; }
static inline u32 sock_channel(const struct sock *s)
{
    return s->object ? WORLD->objects[s->object].channel : 0;
}

/* ---- inet.c ---- */
/* `mixed`: UDP's, for which AF_INET is as good on an IPv6 socket. 1: the family is AF_UNSPEC. */
i64 sockaddr_in(const struct sock *s, u64 user, u32 bytes, struct net_address *a, int mixed) HIDDEN;
u32 sockaddr_make(const struct sock *s, const struct net_address *a, u8 out[28]) HIDDEN; /* its length */
u32 sockaddr_make_as(u32 family, const struct net_address *a, u8 out[28]) HIDDEN;
i64 bind_ephemeral(struct sock *s) HIDDEN;
/* The address of ours that a packet to `to` leaves from. -ENETUNREACH: it is not on this host. */
i64 route(const struct sock *s, struct net_address *to, struct net_address *from) HIDDEN;
void unname(struct sock *s) HIDDEN;
i64 take_error(struct sock *s) HIDDEN; /* -SO_ERROR, which it clears */
void sock_release(struct sock *s) HIDDEN;
u32 inet_accepted(u32 sock) HIDDEN; /* an object for a connection out of a listener's queue */

/* ---- inet_stream.c ---- */
i64 stream_connect(struct trap *c, struct object *o, struct net_address *to, i64 name_error) HIDDEN;
i64 stream_accept(struct trap *c, struct object *o, u64 flags) HIDDEN;
void stream_listen_end(struct sock *s) HIDDEN;
void stream_close(struct sock *s) HIDDEN;
void stream_disconnect(struct sock *s) HIDDEN;
i64 stream_shutdown(struct sock *s, u64 how) HIDDEN;
int stream_lingers(const struct sock *s) HIDDEN;
void stream_linger(struct trap *c, struct object *o) HIDDEN;
i64 stream_send(struct trap *c, struct object *o, struct message *m) HIDDEN;
i64 stream_receive(struct trap *c, struct object *o, struct message *m) HIDDEN;
u32 stream_ready(struct sock *s) HIDDEN;
u64 stream_room(const struct sock *s) HIDDEN; /* what a send would take */
u64 stream_unsent(const struct sock *s) HIDDEN; /* what lies beyond the receiver's buffer */
void stream_taken(struct sock *s, u64 bytes) HIDDEN; /* read: they leave the queue */
/* Faults: a connect that fails with an errno, after so long; both ends are reset; no way between the
 * ends any more, and, with a timeout, an end with ETIMEDOUT for this one. */
i64 stream_connect_fails(struct trap *c, struct object *o, struct net_address *to, u32 error, u64 after_ns) HIDDEN;
void stream_reset(struct sock *s) HIDDEN;
void stream_cut(struct sock *s, u64 timeout_ns) HIDDEN;

/* ---- inet_options.c ---- */
enum tcp_state_k {
    TCP_ESTABLISHED_K = 1, TCP_SYN_SENT_K = 2, TCP_FIN_WAIT1_K = 4, TCP_FIN_WAIT2_K = 5,
    TCP_TIME_WAIT_K = 6, TCP_CLOSE_K = 7, TCP_CLOSE_WAIT_K = 8, TCP_LAST_ACK_K = 9, TCP_LISTEN_K = 10
};
u8 tcp_state(const struct sock *s) HIDDEN;

/* ---- inet_control.c ---- */
/* A datagram to be sent, and what its control messages ask for. */
struct sending {
    struct net_address to, from, source;
    u32 has_source;
    i32 hops;          /* 0: the socket's */
    i32 traffic_class; /* -1: the socket's */
    u64 segment;       /* UDP_SEGMENT: one send is several datagrams of so many bytes; 0: one */
};
i64 control_in(const struct sock *s, const struct message *m, struct sending *q) HIDDEN;
i64 control_out(const struct sock *s, struct message *m, u32 datagram) HIDDEN;
u32 control_asked(u32 level, u32 name) HIDDEN; /* the enum sock_ask of an option, 0: none */

/* ---- inet_dgram.c ---- */
i64 dgram_send(struct object *o, struct message *m) HIDDEN;
i64 dgram_receive(struct trap *c, struct object *o, struct message *m) HIDDEN;
u32 dgram_ready(const struct sock *s) HIDDEN;
void dgram_cork(struct sock *s, int on) HIDDEN; /* taken out: what is there is sent */
void dgram_drop_corked(struct sock *s) HIDDEN;
#endif
