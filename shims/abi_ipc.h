/* abi_ipc.h: a part of abi.h: file locks, System V IPC, message queues, kernel AIO, inotify. */
#ifndef DST_ABI_IPC_H
#define DST_ABI_IPC_H

#define LOCK_BUCKETS 1024u
#define TURN_BUCKETS 1024u
#define IPC_INDICES_MAX 32768u
#define SHM_ATTACHMENTS_MAX 16384u
#define MQ_NOTIFIES_MAX 256u
#define AIO_CONTEXTS_MAX 1024u
#define AIO_REQUESTS_MAX 65536u
#define AIO_COMPLETIONS_MAX 131072u
#define INOTIFY_OBJECTS_MAX 1024u
#define INOTIFY_COOKIES_MAX 1024u

struct task_queue {
    u32 first, last;
};

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

enum flock_held { FLOCK_NONE = 0, FLOCK_SHARED = 1, FLOCK_EXCLUSIVE = 2 };

/* ---- System V IPC: the objects are the kernel's, their times are ours ---- */
enum ipc_kind { IPC_SEM = 0, IPC_MSG = 1, IPC_SHM = 2, IPC_KINDS = 3 };

struct ipc_times { /* of the object with this index: the low bits of its identifier */
    i32 id;
    u32 known;
    i64 first_s, second_s, change_s; /* sem: otime, -; msg: stime, rtime; shm: atime, dtime */
};

struct mq_notify { /* who is told when a message comes into an empty queue */
    u32 proc;  /* 0: free */
    u32 inode; /* of the queue */
    u32 how, signo;
    u64 value;
    u32 object; /* SIGEV_THREAD: the netlink socket that the C library reads */
    u32 pad;
};

/* ---- kernel AIO, emulated: requests are carried out as they are submitted ---- */
struct aio_context {
    u64 address; /* the program's identifier: a mapping */
    u64 bytes;
    u64 serial;
    u32 requests_max, capacity;
    u32 first, last, completed; /* completions not yet fetched */
    u32 channel;
    u32 next; /* of the process; free list */
    u32 pad;
};

struct aio_completion { /* struct io_event */
    u64 data, request;
    i64 result, result2;
    u32 next, pad;
};

struct inotify_cookie { /* the kernel counts them for the whole machine */
    u32 real, shown;
};

struct shm_attachment {
    u64 address;
    i32 id;
    u32 next; /* of the process; free list */
};

#endif
