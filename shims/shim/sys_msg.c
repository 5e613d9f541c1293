/* sys_msg.c: System V message queues.
 *
 * The messages are the kernel's. A call that would wait is made without waiting, and when it fails
 * queues (turns.c). A message goes to the receiver of its type that has waited longest; room goes
 * to the oldest senders whose messages fit.
 */
#include "ipc.h"

#define MSG_EXCEPT_FLAG 020000
#define MSG_COPY_FLAG 040000
#define MSG_STAT_CMD 11
#define MSG_STAT_ANY_CMD 13

struct msqid_ds_k {
    u64 perm[6];
    i64 stime_s, rtime_s, ctime_s;
    u64 bytes, messages, bytes_max;
    i32 last_sender, last_receiver;
    u64 unused4, unused5;
};
_Static_assert(sizeof(struct msqid_ds_k) == 120, "struct msqid64_ds");

struct msg_request {
    struct turn_request turn;
    i64 id;
    u64 buffer, bytes, flags;
    i64 type; /* of the message, or of those wanted */
};

static i64 send_now(struct turn_request *r)
{
    struct msg_request *q = (struct msg_request *)r;
    i64 error = raw(__NR_msgsnd, q->id, q->buffer, q->bytes, q->flags | IPC_NOWAIT_FLAG);
    if (!error)
        ipc_times(IPC_MSG, q->id)->first_s = ipc_now_s();
    return error;
}

static i64 receive_now(struct turn_request *r)
{
    struct msg_request *q = (struct msg_request *)r;
    i64 bytes = raw(__NR_msgrcv, q->id, q->buffer, q->bytes, q->type, q->flags | IPC_NOWAIT_FLAG);
    if (bytes >= 0 && !(q->flags & MSG_COPY_FLAG))
        ipc_times(IPC_MSG, q->id)->second_s = ipc_now_s();
    return bytes == -ENOMSG ? -EAGAIN : bytes;
}

static int wants(const struct msg_request *q, i64 type)
{
    if (q->type < 0)
        return type <= -q->type;
    if (q->type == 0)
        return 1;
    return (q->type == type) != ((q->flags & MSG_EXCEPT_FLAG) != 0);
}

/* A message came. For whose buffer it is too long, it is the next one's. */
static void message_came(struct task *t, i64 id, i64 type)
{
    struct task *w = 0;
    while ((w = turn_next(TURN_MSG_RECEIVE, (u32)id, w)))
        if (wants(turn_request_of(w), type) && turn_give(t, w) >= 0)
            return;
}

static int fits(const struct msg_request *q)
{
    struct msqid_ds_k ds;
    if (raw(__NR_msgctl, q->id, IPC_STAT_CMD, &ds) < 0)
        return 1; /* the kernel will tell */
    return ds.bytes + q->bytes <= ds.bytes_max && ds.messages + 1 <= ds.bytes_max;
}

static void room_came(struct task *t, i64 id)
{
    struct task *w = 0;
    while ((w = turn_next(TURN_MSG_SEND, (u32)id, w))) {
        const struct msg_request *q = turn_request_of(w);
        if (!fits(q) || turn_give(t, w))
            continue;
        message_came(t, id, q->type);
        w = 0;
    }
}

i64 sys_msgget(struct trap *c) { return ipc_get(c, IPC_MSG); }

static i64 waited(struct trap *c, struct msg_request *q, u32 kind)
{
    i64 result = turn_wait(c->t, kind, (u32)q->id, &q->turn, ~0ul);
    return result == -ERESTARTSYS ? -ERESTARTNOHAND : result == -EINVAL ? -EIDRM : result;
}

i64 sys_msgsnd(struct trap *c)
{
    struct msg_request q = {.turn = {send_now},
                            .id = (i32)c->a[0],
                            .buffer = c->a[1],
                            .bytes = c->a[2],
                            .flags = (u32)c->a[3]};
    ipc_count(c);
    if (copy_in(&q.type, q.buffer, sizeof q.type))
        return -EFAULT;
    i64 error = send_now(&q.turn);
    if (!error)
        message_came(c->t, q.id, q.type);
    if (error == -EAGAIN && !(q.flags & IPC_NOWAIT_FLAG))
        error = waited(c, &q, TURN_MSG_SEND);
    return error;
}

i64 sys_msgrcv(struct trap *c)
{
    struct msg_request q = {.turn = {receive_now},
                            .id = (i32)c->a[0],
                            .buffer = c->a[1],
                            .bytes = c->a[2],
                            .flags = (u32)c->a[4],
                            .type = (i64)c->a[3]};
    ipc_count(c);
    if (q.flags & MSG_COPY_FLAG)
        return pass(c); /* never waits, takes nothing */
    i64 bytes = receive_now(&q.turn);
    if (bytes >= 0)
        room_came(c->t, q.id);
    if (bytes == -EAGAIN)
        bytes = q.flags & IPC_NOWAIT_FLAG ? -ENOMSG : waited(c, &q, TURN_MSG_RECEIVE);
    return bytes;
}

/* ---- msgctl ---- */
static i64 stat_out(struct trap *c)
{
    struct msqid_ds_k ds;
    i64 result = raw(__NR_msgctl, c->a[0], c->a[1], &ds);
    if (result < 0)
        return result;
    const struct ipc_times *times = ipc_times(IPC_MSG,
                                              (u32)c->a[1] == IPC_STAT_CMD ? (i32)c->a[0] : result);
    ds.stime_s = times->first_s;
    ds.rtime_s = times->second_s;
    ds.ctime_s = times->change_s;
    return copy_out(c->a[2], &ds, sizeof ds) ? -EFAULT : result;
}

static void end_all(u32 kind, i64 id)
{
    for (struct task *w = turn_next(kind, (u32)id, 0), *next; w; w = next) {
        next = turn_next(kind, (u32)id, w);
        turn_end(w, -EIDRM);
    }
}

/* Other permissions, another size: each looks for itself, as in the kernel. */
static void all_look_again(struct task *t, i64 id)
{
    struct task *w = 0;
    while ((w = turn_next(TURN_MSG_RECEIVE, (u32)id, w)))
        turn_give(t, w);
    room_came(t, id);
}

i64 sys_msgctl(struct trap *c)
{
    u32 cmd = (u32)c->a[1];
    i64 id = (i32)c->a[0];
    ipc_count(c);
    if (cmd == IPC_STAT_CMD || cmd == MSG_STAT_CMD || cmd == MSG_STAT_ANY_CMD)
        return stat_out(c);
    i64 result = pass(c);
    if (result < 0)
        return result;
    if (cmd == IPC_SET_CMD) {
        ipc_times(IPC_MSG, id)->change_s = ipc_now_s();
        all_look_again(c->t, id);
    } else if (cmd == IPC_RMID_CMD) {
        end_all(TURN_MSG_SEND, id);
        end_all(TURN_MSG_RECEIVE, id);
    }
    return result;
}
