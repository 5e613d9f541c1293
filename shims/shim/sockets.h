/* sockets.h: sockets of every family.
 *
 * sys_socket.c has the system calls and asks what the descriptor is: AF_UNIX is the kernel's, kept
 * non-blocking (unix.c); TCP and UDP are in the world whole (inet*.c); any other is the kernel's and
 * counted as not under control.
 */
#ifndef DST_SOCKETS_H
#define DST_SOCKETS_H
#include "channel.h"

#define AF_UNSPEC_K 0
#define AF_UNIX_K 1
#define AF_INET_K 2
#define AF_INET6_K 10
#define AF_NETLINK_K 16
#define NETLINK_ROUTE_PROTOCOL 0
#define SOCK_STREAM_K 1
#define SOCK_DGRAM_K 2
#define SOCK_SEQPACKET_K 5
#define SOCK_TYPE_BITS 0xfu
#define SOCK_NONBLOCK_FLAG 04000u
#define SOCK_CLOEXEC_FLAG 02000000u

#define MSG_OOB_FLAG 1u
#define MSG_PEEK_FLAG 2u
#define MSG_CTRUNC_FLAG 8u
#define MSG_TRUNC_FLAG 0x20u
#define MSG_DONTWAIT_FLAG 0x40u
#define MSG_WAITALL_FLAG 0x100u
#define MSG_ERRQUEUE_FLAG 0x2000u
#define MSG_NOSIGNAL_FLAG 0x4000u
#define MSG_MORE_FLAG 0x8000u
#define MSG_WAITFORONE_FLAG 0x10000u

#define SOL_SOCKET_K 1
#define SO_ERROR_K 4
#define SO_DOMAIN_K 39
#define FIONREAD_CMD 0x541bu
#define SO_PASSCRED_K 16
#define SO_RCVLOWAT_K 18
#define SO_RCVTIMEO_K 20
#define SO_SNDTIMEO_K 21
#define SO_RCVTIMEO_NEW_K 66
#define SO_SNDTIMEO_NEW_K 67
#define SO_PASSPIDFD_K 76
#define SO_PEERPIDFD_K 77

#define SOCKADDR_BYTES_MAX 128u
#define IOVECS_MAX 1024u

struct msghdr_k {
    u64 name;
    u32 name_bytes, pad0;
    u64 iov, iov_count;
    u64 control, control_bytes;
    u32 flags, pad1;
};

struct mmsghdr_k {
    struct msghdr_k header;
    u32 bytes, pad;
};

/* ---- message.c: what a call sends or receives, whatever the call ---- */
struct message {
    u64 iov, iov_count; /* the program's array, or 0 and one buffer */
    u64 base, bytes;    /* rest of the current buffer */
    u64 next;           /* index of the next buffer */
    u64 total;          /* bytes of all buffers */
    u64 name;           /* the program's sockaddr */
    u32 name_bytes;     /* its length: in, and out */
    u32 flags;          /* MSG_*, of the call; then of the answer */
    u64 control, control_bytes;
    u64 control_used;   /* of the answer */
    u64 header;         /* the program's msghdr to be filled in, 0: none */
    u64 name_length_at; /* the program's int for the name's length, 0: none */
};

i64 message_of_call(struct trap *c, struct message *m) HIDDEN; /* read, write, send, recv in all forms */
i64 message_of_header(u64 header, u32 flags, struct message *m) HIDDEN;
/* The program's next memory, at most `*bytes`; 0 bytes: there is no more. */
i64 message_span(struct message *m, u64 *address, u64 *bytes) HIDDEN;
void message_advance(struct message *m, u64 bytes) HIDDEN;
/* Tells the program what was received: name and flags. */
i64 message_answer(struct message *m, const void *name, u32 name_bytes) HIDDEN;
/* The rest of the program's memory as vectors of ours, at most `most`; how many, or -EFAULT. */
i64 message_rest(const struct message *m, struct iovec_k *to, u64 most) HIDDEN;
/* Passes over so many bytes, whatever buffers they are in. */
i64 message_skip(struct message *m, u64 bytes) HIDDEN;
/* A name goes out, cut to the room that there is; its whole length too. */
i64 sockaddr_out(u64 user, u64 length_at, const void *name, u32 bytes) HIDDEN;

static inline int message_waits(const struct object *o, const struct message *m)
{
    return !o->nonblock && !(m->flags & MSG_DONTWAIT_FLAG);
}
static inline u64 wait_deadline(u64 timeout_ns)
{
    return timeout_ns ? deadline_after(1, timeout_ns) : ~0ul;
}

/* ---- outside.c ---- */
i64 outside_read(struct trap *c) HIDDEN;
/* What the call, made by `ask`, answers and brings from outside; a run that follows a trace has both
 * from there, and does not make it. */
i64 outside_answer(struct trap *c, i64 (*ask)(struct trap *)) HIDDEN;
u64 outside_word(struct task *t, u64 word) HIDDEN; /* a part of an address, as the kernel or the trace has it */

/* ---- sys_socket.c ---- */
/* A new descriptor of the kernel for an object, which it takes over. */
i64 socket_install(struct trap *c, i64 fd, u32 object, u64 flags) HIDDEN;
/* read and write on a socket, in all forms. */
i64 socket_read(struct trap *c, struct object *o) HIDDEN;
i64 socket_write(struct trap *c, struct object *o) HIDDEN;
/* SO_RCVTIMEO and SO_SNDTIMEO are timers of ours: 1 when it was one of these, or a negative errno. */
i64 timeout_option_set(struct trap *c, struct object *o) HIDDEN;
i64 broken_pipe(struct trap *c, i64 result, u32 flags) HIDDEN; /* EPIPE comes with SIGPIPE */

/* ---- unix.c ---- */
i64 unix_socket(struct trap *c) HIDDEN;
i64 unix_socketpair(struct trap *c) HIDDEN;
i64 unix_bind(struct trap *c, struct object *o) HIDDEN;
i64 unix_listen(struct trap *c, struct object *o) HIDDEN;
i64 unix_connect(struct trap *c, struct object *o) HIDDEN;
i64 unix_accept(struct trap *c, struct object *o, u64 flags) HIDDEN;
i64 unix_shutdown(struct trap *c, struct object *o) HIDDEN;
i64 unix_setsockopt(struct trap *c, struct object *o) HIDDEN;
i64 unix_getsockopt(struct trap *c, struct object *o) HIDDEN;
void unix_close(struct object *o) HIDDEN;
void unix_wake_peer(const struct object *o) HIDDEN;

/* ---- unix_transfer.c ---- */
i64 unix_send(struct trap *c, struct object *o, u32 flags) HIDDEN;
i64 unix_receive(struct trap *c, struct object *o, u32 flags) HIDDEN;
/* After sendfile and splice: so much went in; something was taken out. */
void unix_was_written(struct object *o, u64 bytes) HIDDEN;
void unix_was_read(struct object *o, i64 fd) HIDDEN;
void unix_found_full(struct object *o) HIDDEN; /* who asked waits for room */

/* ---- netlink.c ---- */
i64 netlink_bind(struct trap *c) HIDDEN;
void netlink_before_use(struct trap *c) HIDDEN; /* connect, send: it is given a name */
void netlink_received(struct trap *c, i64 result) HIDDEN;

/* ---- inet.c: addresses, names, connections ---- */
i64 inet_socket(struct trap *c) HIDDEN;
i64 inet_bind(struct trap *c, struct object *o) HIDDEN;
i64 inet_listen(struct trap *c, struct object *o) HIDDEN;
i64 inet_connect(struct trap *c, struct object *o) HIDDEN;
i64 inet_accept(struct trap *c, struct object *o, u64 flags) HIDDEN;
i64 inet_shutdown(struct trap *c, struct object *o) HIDDEN;
i64 inet_name(struct trap *c, struct object *o, int peer) HIDDEN;
i64 inet_send(struct trap *c, struct object *o, struct message *m) HIDDEN;
i64 inet_receive(struct trap *c, struct object *o, struct message *m) HIDDEN;
u32 inet_ready(struct object *o) HIDDEN;
i64 inet_error(struct object *o) HIDDEN; /* -SO_ERROR, which it clears */
void inet_error_is(struct object *o, i64 error) HIDDEN;
void inet_close(struct object *o) HIDDEN;
void inet_timer_fired(struct object *o) HIDDEN;
/* Its last close is to wait (SO_LINGER) until what was sent has arrived; the file must be held. */
int inet_lingers(const struct object *o) HIDDEN;
void inet_linger(struct trap *c, struct object *o) HIDDEN;
/* sendfile and splice: between a socket and the descriptor that argument `arg` is. `offset`: 0, or
 * where to read. */
i64 inet_from_file(struct trap *c, struct object *o, u32 arg, i64 *offset, u64 bytes,
                   int waits) HIDDEN;
i64 inet_to_file(struct trap *c, struct object *o, u32 arg, u64 bytes, int waits) HIDDEN;
/* A wait of a call on a socket. Past its own time limit it is -EAGAIN; a signal ends a limited one
 * for good, whatever SA_RESTART says, as the rest of the time would be lost. */
i64 socket_park(struct trap *c, struct object *o, u32 channel, u32 side, u64 deadline_ns) HIDDEN;

/* ---- unix_cut.c ---- */
/* A fault: nothing comes through between the two ends any more; this one gives up after timeout_ns (0: never).
 * 0: it is no connection. */
int unix_cut(struct object *o, u64 timeout_ns) HIDDEN;
int unix_is_cut(const struct object *o) HIDDEN;
int unix_is_connecting(const struct object *o) HIDDEN; /* a connect would be the first, and of a stream */
i64 unix_cut_wait(struct trap *c, struct object *o) HIDDEN; /* until it gives up, if the call may; its error */
u32 unix_cut_ready(const struct object *o, i64 fd) HIDDEN;
void unix_timer_fired(struct object *o) HIDDEN;

/* ---- inet_options.c ---- */
i64 inet_setsockopt(struct trap *c, struct object *o) HIDDEN;
i64 inet_getsockopt(struct trap *c, struct object *o) HIDDEN;
i64 inet_ioctl(struct trap *c, struct object *o) HIDDEN;
void inet_inherit_options(const struct sock *listener, i64 listener_fd, struct sock *s, i64 fd) HIDDEN;

/* ---- sys_eventlike.c ---- */
i64 timerfd_read(struct trap *c, struct object *o) HIDDEN;
i64 signalfd_read(struct trap *c, struct object *o) HIDDEN;
void signalfd_drop(u32 object) HIDDEN;
#endif
