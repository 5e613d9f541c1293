/* abi_ipc.h: a part of abi.h: System V IPC, POSIX message queues, kernel AIO and inotify. */
#ifndef DST_ABI_IPC_H
#define DST_ABI_IPC_H

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
