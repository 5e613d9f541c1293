/* abi_waits.h: a part of abi.h: places of tasks in queues, where who waits longest has its turn. */
#ifndef DST_ABI_WAITS_H
#define DST_ABI_WAITS_H

/* A task's wait for a file lock, in a queue of the file. Owners are processes (POSIX locks) or 0. */
enum lock_state { LOCK_NONE = 0, LOCK_BLOCKED = 1, LOCK_WOKEN = 2 };

struct lock_wait {
    u32 state;
    u32 inode;
    u8 is_flock, exclusive, is_posix, pad;
    u32 blocker;    /* the process whose lock is in the way; 0: none, or not known */
    u64 start, end; /* first and last byte */
    u32 next, prev; /* tasks in the bucket, oldest first */
    u64 looked;     /* trap at which it was woken to look again because nothing could run */
    u64 since_ns;   /* it had waited before that */
};

/* A task's place in a queue of those that wait for their turn (turns.c). */
enum turn_kind {
    TURN_NONE = 0, TURN_SEM = 1, TURN_MSG_SEND = 2, TURN_MSG_RECEIVE = 3, TURN_MQ_SEND = 4, TURN_MQ_RECEIVE = 5
};

struct turn {
    u32 kind, id;   /* of the queue */
    u32 next, prev; /* tasks in the bucket, oldest first */
    u32 giver;      /* the task that let it try, and waits meanwhile */
    u32 done;
    i64 result;     /* of its try */
    i64 given;      /* result of the try of the task that it let try */
    u64 request;    /* on its own stack */
};

#endif
