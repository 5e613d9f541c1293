/* sys_mq.c: POSIX message queues.
 *
 * The messages are the kernel's, which keeps all descriptors non-blocking; what the program
 * believes is in the object. A call that would wait queues (turns.c) by the queue's inode: a
 * message goes to the receiver that has waited longest, room to such a sender. Who polls waits on
 * the queue's channel.
 *
 * A queue's registration for a message (mq_notify) is in the world, for the kernel does not know
 * who waits: it is told only of SIGEV_THREAD, where the message to the C library's own socket is
 * its own.
 */
#include "channel.h"
#include "files.h"
#include "ipc.h"

#define SIGEV_SIGNAL_HOW 0
#define SIGEV_NONE_HOW 1
#define SIGEV_THREAD_HOW 2
#define SI_MESGQ_CODE (-3)

struct mq_attr_k {
    i64 flags, messages_max, bytes_max, messages, reserved[4];
};

struct sigevent_k {
    u64 value;
    i32 signo, how;
    u64 rest[6];
};

struct mq_request {
    struct turn_request turn;
    u64 fd, buffer, bytes, priority; /* priority: a number, or where it goes */
};

/* ---- descriptors ---- */
static void become_queue(struct object *o, u32 inode)
{
    o->kind = OBJECT_MQ;
    o->inode = inode;
    o->channel = fifo_channel(o->inode);
}

/* Its real times have whole seconds, so that even those of the run can seem older than it. */
static u32 inode_of_queue(i64 fd)
{
    struct statx_k st;
    if (statx_of_fd(fd, &st))
        return 0;
    u32 known = inode_find(&st), inode = inode_of_statx(&st);
    if (!known) {
        inode_touch(inode, INODE_ALL_TIMES);
        inode_touch(inode_of_path(AT_FDCWD_K, "/dev/mqueue", 0), INODE_WRITTEN);
    }
    return inode;
}

i64 sys_mq_open(struct trap *c)
{
    ipc_count(c);
    i64 fd = raw(__NR_mq_open, c->a[0], c->a[1] | O_NONBLOCK_FLAG, c->a[2], c->a[3]);
    if (fd < 0)
        return fd;
    u32 object = object_alloc(OBJECT_MQ);
    become_queue(&WORLD->objects[object], inode_of_queue(fd));
    WORLD->objects[object].nonblock = (c->a[1] & O_NONBLOCK_FLAG) != 0;
    WORLD->objects[object].kept_nonblock = 1;
    fd_install(c->p, fd, object, 1);
    return fd;
}

i64 sys_mq_unlink(struct trap *c)
{
    ipc_count(c);
    i64 error = pass(c);
    if (!error)
        inode_touch(inode_of_path(AT_FDCWD_K, "/dev/mqueue", 0), INODE_WRITTEN);
    return error;
}

/* The queue of a descriptor; 0: it is none. One that was opened as a file of /dev/mqueue is one. */
static struct object *queue_of(struct trap *c)
{
    struct mq_attr_k attr;
    i64 fd = (i32)c->a[0];
    u32 object = fd_object(c->p, fd);
    struct object *o = &WORLD->objects[object];
    if (o->kind == OBJECT_MQ)
        return o;
    if (o->kind != OBJECT_FILE || raw(__NR_mq_getsetattr, fd, 0, &attr))
        return 0;
    u64 flags = (u64)raw(__NR_fcntl, fd, F_GETFL_CMD, 0);
    raw(__NR_fcntl, fd, F_SETFL_CMD, flags | O_NONBLOCK_FLAG);
    become_queue(o, inode_of_descriptor(c->p, fd));
    return o;
}

/* ---- notification ---- */
static struct mq_notify *registration(u32 inode)
{
    struct world *w = WORLD;
    for (u32 i = 0; i < w->used_mq_notifies; i++)
        if (w->mq_notifies[i].proc && w->mq_notifies[i].inode == inode)
            return &w->mq_notifies[i];
    return 0;
}

static void forget(struct mq_notify *n)
{
    struct object *o = &WORLD->objects[n->object];
    if (n->how == SIGEV_THREAD_HOW)
        channel_wake(o->channel, SIDE_READ); /* the kernel has written to it */
    n->proc = 0;
}

static void notify(const struct trap *c, struct mq_notify *n)
{
    struct siginfo_bytes info;
    struct proc *p = &WORLD->procs[n->proc];
    siginfo_kill(&info, (int)n->signo, SI_MESGQ_CODE, c->p->pid, c->p->uid);
    info.body[1] = n->value;
    u32 how = n->how;
    forget(n);
    if (how == SIGEV_SIGNAL_HOW && info.signo)
        signal_send(p, 0, &info);
}

void mq_on_close(u32 fd_table, u32 object)
{
    struct mq_notify *n = registration(WORLD->objects[object].inode);
    if (n && WORLD->procs[n->proc].fd_table == fd_table)
        forget(n);
}

static i64 enter(const struct trap *c, u32 inode, const struct sigevent_k *event)
{
    struct world *w = WORLD;
    u32 i = 0;
    while (i < w->used_mq_notifies && w->mq_notifies[i].proc)
        i++;
    if (i == MQ_NOTIFIES_MAX)
        return -ENOMEM;
    if (i == w->used_mq_notifies)
        w->used_mq_notifies++;
    w->mq_notifies[i] = (struct mq_notify){.proc = c->p->index,
                                           .inode = inode,
                                           .how = (u32)event->how,
                                           .signo = (u32)event->signo,
                                           .value = event->value};
    if (event->how == SIGEV_THREAD_HOW)
        w->mq_notifies[i].object = fd_object(c->p, event->signo);
    return 0;
}

static i64 register_for(struct trap *c, u32 inode, const struct sigevent_k *event)
{
    if (event->how != SIGEV_SIGNAL_HOW && event->how != SIGEV_NONE_HOW &&
        event->how != SIGEV_THREAD_HOW)
        return -EINVAL;
    if (event->how == SIGEV_SIGNAL_HOW && (u32)event->signo > 64)
        return -EINVAL;
    if (registration(inode))
        return -EBUSY;
    i64 error = event->how == SIGEV_THREAD_HOW ? pass(c) : 0;
    return error ? error : enter(c, inode, event);
}

i64 sys_mq_notify(struct trap *c)
{
    struct sigevent_k event;
    ipc_count(c);
    if (c->a[1] && copy_in(&event, c->a[1], sizeof event))
        return -EFAULT;
    struct object *o = queue_of(c);
    if (!o)
        return -EBADF;
    if (c->a[1])
        return register_for(c, o->inode, &event);
    struct mq_notify *n = registration(o->inode);
    if (n && n->proc == c->p->index) {
        if (n->how == SIGEV_THREAD_HOW)
            pass(c);
        forget(n);
    }
    return 0;
}

/* ---- messages ---- */
static i64 send_now(struct turn_request *r)
{
    struct mq_request *q = (struct mq_request *)r;
    return raw(__NR_mq_timedsend, q->fd, q->buffer, q->bytes, q->priority, 0);
}

static i64 receive_now(struct turn_request *r)
{
    struct mq_request *q = (struct mq_request *)r;
    return raw(__NR_mq_timedreceive, q->fd, q->buffer, q->bytes, q->priority, 0);
}

static void message_came(struct trap *c, const struct object *o)
{
    struct mq_attr_k attr;
    struct mq_notify *n = registration(o->inode);
    struct task *w = 0;
    while ((w = turn_next(TURN_MQ_RECEIVE, o->inode, w)))
        if (turn_give(c->t, w) >= 0)
            return;
    if (n && !raw(__NR_mq_getsetattr, (i32)c->a[0], 0, &attr) && attr.messages == 1)
        notify(c, n);
    channel_wake(o->channel, SIDE_READ);
}

static void room_came(struct trap *c, const struct object *o)
{
    struct task *w = 0;
    while ((w = turn_next(TURN_MQ_SEND, o->inode, w)))
        if (!turn_give(c->t, w))
            return;
    channel_wake(o->channel, SIDE_WRITE);
}

/* Timeouts are of CLOCK_REALTIME. */
static i64 deadline_of(u64 user, u64 *deadline_ns)
{
    u64 ns;
    *deadline_ns = ~0ul;
    if (!user)
        return 0;
    i64 error = timespec_in(user, &ns);
    return error ? error : deadline_on_clock(0, ns, 1, deadline_ns);
}

/* A send or receive. What it came to at once is `*at_once`: then it concerns others. */
static i64 transfer(struct trap *c, struct object **queue, u32 kind, int *at_once)
{
    struct mq_request q = {.turn = {kind == TURN_MQ_SEND ? send_now : receive_now},
                           .fd = (u64)(i32)c->a[0],
                           .buffer = c->a[1],
                           .bytes = c->a[2],
                           .priority = c->a[3]};
    u64 deadline;
    ipc_count(c);
    *at_once = 0;
    i64 error = deadline_of(c->a[4], &deadline);
    if (error)
        return error;
    struct object *o = *queue = queue_of(c);
    if (!o)
        return -EBADF;
    i64 result = q.turn.attempt(&q.turn);
    *at_once = result >= 0;
    if (result == -EAGAIN && !o->nonblock)
        result = turn_wait(c->t, kind, o->inode, &q.turn, deadline);
    if (result >= 0)
        inode_touch(o->inode, INODE_ALL_TIMES);
    return result;
}

i64 sys_mq_timedsend(struct trap *c)
{
    struct object *o;
    int at_once;
    i64 error = transfer(c, &o, TURN_MQ_SEND, &at_once);
    if (at_once)
        message_came(c, o);
    return error;
}

i64 sys_mq_timedreceive(struct trap *c)
{
    struct object *o;
    int at_once;
    i64 bytes = transfer(c, &o, TURN_MQ_RECEIVE, &at_once);
    if (at_once)
        room_came(c, o);
    return bytes;
}

i64 sys_mq_getsetattr(struct trap *c)
{
    struct mq_attr_k next, old;
    ipc_count(c);
    if (c->a[1] && copy_in(&next, c->a[1], sizeof next))
        return -EFAULT;
    if (c->a[1] && (next.flags & ~(i64)O_NONBLOCK_FLAG))
        return -EINVAL;
    struct object *o = queue_of(c);
    i64 error = o ? raw(__NR_mq_getsetattr, (i32)c->a[0], 0, &old) : -EBADF;
    if (error)
        return error;
    old.flags = o->nonblock ? (i64)O_NONBLOCK_FLAG : 0;
    if (c->a[1])
        o->nonblock = (next.flags & (i64)O_NONBLOCK_FLAG) != 0;
    return c->a[2] ? copy_out(c->a[2], &old, sizeof old) : 0;
}
