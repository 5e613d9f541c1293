/* abi.h: the one layout shared by the shim, the preload library and Python.
 *
 * All processes of a simulation map one shared memory object, the *world*, at a fixed address, and
 * the trace file behind it. Everything that belongs to the simulation lives here and not in the
 * shim's own data: a vfork child shares its parent's memory, and a dead process loses its own.
 * Tables refer to each other by index. Every table has a limit; 0 is "none" where an index may be
 * absent (slot 0 of such a table is never used).
 *
 * Python's view (dstrun/abi.py) is generated from this file by scripts/gen_abi.py.
 */
#ifndef DST_ABI_H
#define DST_ABI_H

typedef unsigned long u64;
typedef long i64;
typedef unsigned int u32;
typedef int i32;
typedef unsigned short u16;
typedef short i16;
typedef unsigned char u8;

#define ABI_MAGIC 0x646c726f77747364ul /* "dstworld" */
#define ABI_VERSION 1u

/* ---- addresses: one reserved range, the same in every process ---- */
#define OURS_START 0x7ee000000000ul
#define SHIM_BASE 0x7ee000000000ul
#define WORLD_BASE 0x7ee100000000ul
#define TRACE_BASE 0x7ef000000000ul
#define TRACE_SIZE_MAX 0x1000000000ul /* 64 GiB of address space; the file grows as it is used */
#define OURS_END 0x7f0000000000ul
#define REPLAY_BASE 0x7ee800000000ul /* where the world leaves room */

/* ---- limits ---- */
#define TASKS_MAX 4096u
#define PROCS_MAX 2048u
#define FD_TABLES_MAX 2048u
#define FDS_MAX 65536u
#define OBJECTS_MAX 262144u
#define CHANNELS_MAX 131072u
#define WAITERS_MAX 131072u
#define HOLDS_MAX 131072u
#define EPOLLS_MAX 16384u
#define EPOLL_ITEMS_MAX 262144u
#define POINTS_MAX 256u
#define POINT_CODE_BYTES 16u
#define FUTEX_WAITERS_MAX 16384u
#define FUTEX_BUCKETS 4096u
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
#define INODES_MAX 1048576u
#define INODE_INDEX_SIZE 2097152u
#define TIMERS_MAX 16384u
#define POSIX_TIMERS_MAX 4096u
#define SIGNALS_QUEUED_MAX 16384u
#define DIRS_MAX 64u
#define DIR_BYTES_MAX 33554432u
#define TASK_STACK_BYTES 64448u
#define TASK_PAGE_OFFSET 3200u
#define SYSCALLS_MAX 512u
#define FORCE_SIGNAL 16 /* SIGSTKFLT, which nobody uses: the supervisor interrupts who spins */
#define PIDS_MAX 4194304u
#define CPUID_LEAVES_MAX 256u
#define PATH_BYTES_MAX 4096u
#define HOSTNAME_BYTES_MAX 65u

#include "abi_replay.h"
#include "abi_sched.h"

/* ---- configuration, written by the supervisor before the first exec ---- */
enum config_flag {
    CONFIG_RECORD = 1,      /* a trace file is mapped */
    CONFIG_STRICT = 2,      /* the first uncontrolled thing ends the run */
    CONFIG_PRELOAD = 4,     /* serve a virtual /etc/ld.so.preload */
    CONFIG_PID_NS = 8,      /* pids are a namespace's own */
    CONFIG_NET_HOST = 16,   /* --net host */
    CONFIG_CPUID_FAULT = 32, /* the machine can make cpuid fault */
    CONFIG_REPLAY = 64,     /* the run follows the decisions of a trace, which are mapped; */
    CONFIG_COMPARE = 128,   /* it has to make the same events */
    CONFIG_KEEP = 256,      /* what files were before the run changes them is kept, for replay */
    CONFIG_INPUTS = 512     /* files that it reads are listed */
};

struct config {
    u64 flags;
    u64 entropy_seed, sched_seed, fault_seed;
    u64 epoch_ns;         /* wall clock (ns since 1970) at the first instruction */
    u64 boot_ns;          /* monotonic clock at the first instruction */
    u64 real_start_ns;    /* CLOCK_REALTIME_COARSE before the run touched any file: later stamps are virtual */
    u64 cost_syscall_ns;  /* what a trapped call charges */
    u64 cost_clock_ns;    /* what a clock read in the vDSO or by rdtsc charges */
    u64 cost_jitter_ppm;  /* by which part of a million either varies, more or less; 0: not at all */
    u64 events_max;       /* 0: no limit */
    u64 end_ns;           /* monotonic clock after which the run is over: --max-time */
    u32 cpus;             /* CPUs the program sees */
    u32 pad;
    struct sched_config sched;
    u32 proc_dev, sys_dev; /* st_dev of /proc and /sys in the simulation, kernel's encoding */
    u64 memory_bytes;     /* what sysinfo and /proc/meminfo tell */
    u64 cpu_features[8];  /* cpuid as found, for the trace's header */
    char hostname[HOSTNAME_BYTES_MAX + 7];
    char boot_id[40];
    char preload_path[PATH_BYTES_MAX];
};

/* ---- what dstrun tells its init (shims/init/init.c), and init tells dstrun ---- */
#define INIT_LIMITS 3u
#define INIT_WHAT_BYTES 40u

struct init_limit {
    u32 resource, pad;
    u64 soft, hard;
};

struct init_request {
    u64 namespaces; /* clone flags */
    u64 ignored;    /* signals that the program finds ignored; bit 0: signal 1 */
    u64 sigmask;    /* signals that it finds blocked */
    u32 uid, gid;   /* dstrun's own, to be mapped where it gets a user namespace */
    u32 shown_uid, shown_gid; /* to these */
    i32 life;       /* descriptor, at its end when dstrun is gone */
    u32 overlays;   /* dstrun mounts some when init is up, and says so */
    u32 cpu;
    u32 own_ipc;    /* /dev/mqueue is to be the run's own; */
    u32 own_shm;    /* so is /dev/shm */
    u32 pad;
    u64 epoch_ns;   /* the time that they show */
    struct init_limit limits[INIT_LIMITS];
    char cwd[PATH_BYTES_MAX];
    char program[PATH_BYTES_MAX];
};

enum init_kind {
    INIT_REFUSED = 1, /* other namespaces may do better */
    INIT_FAILED,      /* so is the run */
    INIT_UP,          /* from init: the namespaces are there */
    INIT_READY,       /* from the program's process: it waits to be told to exec */
    INIT_NO_EXEC,     /* that failed */
    INIT_ENDED        /* the program; `status` as wait4 gives it */
};

struct init_report {
    u32 kind;
    i32 error;
    u32 status;
    u32 proc_refused;      /* INIT_READY: /proc shows the machine's processes */
    u32 proc_dev, sys_dev; /* INIT_READY: st_dev of /proc and /sys */
    i32 shm_error;         /* INIT_READY: errno for which /dev/shm is the machine's */
    u32 pad;
    char what[INIT_WHAT_BYTES]; /* INIT_REFUSED, INIT_FAILED: what was not to be done */
};

/* ---- what a task waits for ---- */
enum task_state {
    TASK_FREE = 0,
    TASK_READY = 1,    /* in the ready set */
    TASK_RUNNING = 2,  /* holds the token */
    TASK_PARKED = 3,   /* waits for `wait` */
    TASK_EXITING = 4,  /* has handed the token on, is about to die */
    TASK_STOPPED = 5,  /* its process is stopped by a signal */
    TASK_STARTING = 6  /* cloned, not yet run */
};

enum wait_kind {
    WAIT_NONE = 0,
    WAIT_SLEEP,   /* only its deadline (or a signal) */
    WAIT_CHILD,   /* wait4, waitid */
    WAIT_OBJECT,  /* readiness of one or more descriptors */
    WAIT_FUTEX,
    WAIT_SIGNAL,  /* pause, sigsuspend, sigtimedwait */
    WAIT_VFORK,   /* a vfork child has our memory */
    WAIT_LOCK,    /* a file lock */
    WAIT_OUTSIDE, /* input from outside the simulation */
    WAIT_TURN     /* a semaphore, a message, room for one */
};

/* What a fault rule does to the waits and wakes of the call that is being handled. */
enum call_fault {
    CALL_AS_EVER = 0,
    CALL_EINTR = 1,    /* its next wait is to end as by a signal, */
    CALL_ENDED = 2,    /* and has */
    CALL_SPURIOUS = 3, /* its wait for a futex ends at once, as if woken, */
    CALL_WOKEN = 4,    /* and has */
    CALL_WAKES_NEWEST = 5 /* of those who wait for a futex */
};

enum wake_result { WAKE_NONE = 0, WAKE_DONE = 1, WAKE_TIMEOUT = 2, WAKE_SIGNAL = 3 };

/* Where a task is, as seen by whoever finds it dead. */
enum shim_place {
    PLACE_PROGRAM = 0, /* in the program's own code */
    PLACE_SHIM = 1,    /* in the shim: the world may be half changed */
    PLACE_KERNEL = 2,  /* in a call to the kernel, or between such: the world is consistent */
    PLACE_PARKED = 3,  /* asleep in the shim: the world is consistent */
    PLACE_EXEC = 4     /* between execve and the new program's first instruction */
};

/* A futex word that the kernel marks when its owner dies (set_robust_list): tid | FUTEX_WAITERS. */
#define ROBUST_WAITERS 0x80000000u
#define ROBUST_OWNER_DIED 0x40000000u
#define ROBUST_TID_MASK 0x3fffffffu
#define ROBUST_REACH 64

/* A task's own such word. The list's node lies before or behind it, as far away as in the program's
 * own list, which follows in the same list of the kernel's: there is one offset for all (robust.c). */
struct alive_word {
    u8 before[ROBUST_REACH];
    u32 word;
    u32 pad;
    u8 after[ROBUST_REACH];
};

struct robust_head {
    u64 first;
    i64 word_offset;
    u64 pending;
};

struct timer_ref { /* place of a timer in the heap, 0: not armed */
    u32 heap_pos;
    u32 pad;
};

struct altstack {
    u64 sp;
    u32 flags;
    u32 pad;
    u64 size;
};

struct siginfo_bytes { /* the kernel's siginfo_t */
    i32 signo, error, code, pad;
    u64 body[14];
};

struct async { /* of an object: O_ASYNC, a signal when it becomes readable or writable */
    u8 on, signo, owner_kind; /* signo 0: SIGIO; owner_kind: F_SETOWN_EX's */
    u8 sides;    /* bits 1 << enum wait_side: those that its end has */
    i32 owner;   /* thread, process or group; 0: nobody */
    i32 fd;      /* told with a signal that was chosen */
    u32 next, prev; /* of the objects of its channel that have it on */
};

#include "abi_ptrace.h"
#include "abi_waits.h"

struct guard { /* a place to come back to when user memory faults */
    u64 rip, rsp, rbx, rbp, r12, r13, r14, r15;
    u32 armed, pad;
};

struct task {
    u64 self; /* must be first: %gs:0 */
    u32 index;
    u32 tid;
    u32 proc;
    u32 state;
    u32 wake;  /* futex on which it sleeps: 1 when the token is its own */
    u32 place; /* enum shim_place */
    u32 wait;  /* enum wait_kind */
    u32 wake_result;
    u64 wait_arg;  /* what it waits for: address, pid, descriptor */
    u64 wait_since_ns;
    u64 wait_deadline_ns;
    u64 waker_event; /* who has woken it last, see struct field_waker; */
    u32 waker_tid;   /* 0: nobody */
    u32 waker_pad;
    struct timer_ref wait_timer;
    u32 first_waiter; /* its entries in objects' wait lists */
    u32 first_hold;   /* open files that the call it sleeps in holds */
    u32 next_in_proc, prev_in_proc;
    struct lock_wait lock;
    struct turn turn;
    u32 first_futex;      /* its entries in the futex queues */
    u32 first_pi;         /* locks of its own that others wait for */
    u32 futex_woken;      /* which of them was woken (futex_waitv) */
    u32 kernel_tid;       /* the kernel clears it when the thread is gone */
    u32 pidfd_channel;    /* on which its pidfds are waited for; 0: there is none */
    u32 pidfd_pad;
    u64 clear_tid;   /* CLONE_CHILD_CLEARTID, set_tid_address */
    u64 set_tid;     /* CLONE_CHILD_SETTID */
    u64 set_parent_tid; /* CLONE_PARENT_SETTID, where the parent cannot do it: vfork */
    u32 cloning, cloner; /* the task that it is making, in the kernel; which one makes it */
    u32 lent_token;  /* vfork: the token as its parent held it */
    u32 clone_pad;
    u64 start_frame; /* a child's copy of its parent's trap frame */
    u64 program_robust_list;
    u64 sigmask, saved_sigmask; /* virtual; saved: by sigsuspend, ppoll */
    u32 restore_mask;           /* saved_sigmask is to be restored after delivery */
    u32 stat_old;               /* enum inode_touched: times in the last stat that are not of the run */
    u32 wait_outside_now;       /* nobody else can run: wait for the outside in earnest */
    u32 sig_first;              /* queued signals directed at this task */
    u64 sig_pending;
    struct altstack altstack; /* virtual */
    u64 entropy_pos;          /* counter of its entropy stream */
    struct sched_task sched;
    u64 points_passed;        /* of the preload library */
    u32 at_point;             /* enum preload_point: it chooses there who runs next */
    u32 call_fault;           /* enum call_fault */
    u64 cost_pos;             /* counter of its costs' stream (with jitter) */
    u64 fault_calls; /* bits: slots of calls that some fault rule of it names */
    u32 fault_epoch; /* faults.epoch when that was looked at; 0: never */
    u32 fault_pad;
    u64 trap_nr;     /* call being handled */
    u64 trap_args[6];
    u64 trap_rip;
    u64 trap_registers; /* the program's, at the call: struct sigcontext on the task's stack */
    u32 tracer, trace_flags; /* the task that traces it, 0: none; enum tracee_flag */
    struct robust_head robust;
    struct alive_word alive; /* tid | ROBUST_WAITERS; marked by the kernel at death */
    struct guard guard;
    char comm[16];
    struct urgency urgency;
    char path[2][PATH_BYTES_MAX]; /* the call's path arguments, copied in */
    u8 scratch[PATH_BYTES_MAX];
    struct tracee tracee;         /* valid where it has a tracer */
    u8 polls[131072]; /* 8,192 members of a poll or select, and those that the kernel is asked of */
    u8 stack_of_next[TASK_STACK_BYTES]; /* the next task's, which grows down from that one's start */
};

enum proc_state { PROC_FREE = 0, PROC_LIVE = 1, PROC_ZOMBIE = 2, PROC_STOPPED = 3 };

struct sigaction_k { /* the kernel's struct sigaction */
    u64 handler, flags, restorer, mask;
};

struct proc {
    u32 index;
    u32 pid;
    u32 state;
    u32 parent; /* proc index, 0: init */
    u32 first_child, last_child, next_sibling, prev_sibling;
    u32 first_task, last_task, tasks_live;
    u32 mm;           /* whose memory it runs in: a process index (vfork, CLONE_VM: another's) */
    u32 parent_task;  /* which of the parent's threads made it */
    u32 pgid, sid, tty; /* tty: its controlling terminal, 0: none */
    u32 lost_group; /* of a session's leader: the foreground of the terminal that was hung up */
    u32 fd_table;
    u32 exit_signal;  /* to the parent at death, 0: none */
    u32 exit_status;  /* as wait4 gives it, valid in PROC_ZOMBIE */
    u32 vfork_waiter; /* task parked in WAIT_VFORK on us, 0: none */
    u32 subreaper;
    u32 dumpable;
    u32 pdeathsig;
    u32 stop_signal;  /* reported to WUNTRACED when nonzero and unreported */
    u32 stop_reported, continued, stops; /* stops: how often it was */
    u32 flags;        /* enum proc_flag */
    u32 execs;        /* programs it has been */
    u32 sig_first;    /* queued signals directed at the process */
    u64 sig_pending;
    u32 pidfd_channel; /* on which its pidfds are waited for; 0: there is none */
    u32 posix_timers;
    u32 sem_undo;     /* it has adjustments (SEM_UNDO) that its end takes back */
    u32 first_shm;    /* its attachments of System V shared memory */
    u32 first_aio;    /* its contexts of kernel AIO */
    u32 first_tracee; /* tasks that its threads trace */
    u64 preload_list; /* where the loader has mapped /etc/ld.so.preload */
    u64 start_ns;
    u64 cpu_ns;       /* virtual CPU time: what its calls were charged */
    u64 children_cpu_ns;
    u64 itimer_real_interval_ns;
    u64 itimer_real_deadline_ns;
    struct timer_ref itimer_real;
    struct sigaction_k actions[65];
    u64 rlimit_as[2], rlimit_nofile[2], rlimit_stack[2];
    u64 headers;       /* of its program, in its memory: ELF's */
    u32 headers_count, headers_pad;
    u32 umask;
    u32 uid;
    char comm[16];
    char exe[256];
};

enum proc_flag {
    PROC_KILLED_OUTSIDE = 1, /* died by something that is not in the simulation */
    PROC_ANNOUNCED = 2,      /* its preload library has announced itself */
};

/* ---- descriptors: proc -> fd table -> object (an open file description) ---- */
enum object_kind {
    OBJECT_NONE = 0,
    OBJECT_FILE,    /* regular file, directory: never blocks */
    OBJECT_DIR,
    OBJECT_PIPE_R,
    OBJECT_PIPE_W,
    OBJECT_PIPE_RW, /* a FIFO opened O_RDWR */
    OBJECT_UNIX,    /* AF_UNIX: the kernel's, kept non-blocking */
    OBJECT_INET,    /* TCP and UDP: in the world whole (struct sock) */
    OBJECT_SOCKET,  /* any other: the kernel's, its readiness has no wake-up of ours */
    OBJECT_EVENTFD,
    OBJECT_TIMERFD,
    OBJECT_SIGNALFD,
    OBJECT_EPOLL,
    OBJECT_PIDFD,
    OBJECT_TTY,     /* an end of a pty of the simulation (abi_tty.h) */
    OBJECT_RANDOM,  /* /dev/random, /dev/urandom */
    OBJECT_DEVICE,  /* other character or block device */
    OBJECT_OUTSIDE, /* came in from outside: never altered */
    OBJECT_OTHER,
    OBJECT_INOTIFY, /* value: all events that its watches ask for */
    OBJECT_MQ       /* a POSIX message queue */
};

enum flock_held { FLOCK_NONE = 0, FLOCK_SHARED = 1, FLOCK_EXCLUSIVE = 2 };

enum timed_flag {
    TIMED_ABSOLUTE = 1,
    TIMED_CANCEL = 2,  /* a jump of the clock is to be told, */
    TIMED_CANCELLED = 4 /* and is to be: by the next read */
};

struct object {
    u8 kind;
    u8 nonblock; /* what the program believes */
    u8 preload;  /* opened by the loader for our own library: no events */
    u8 kept_nonblock; /* O_NONBLOCK for the kernel, whatever the program believes */
    u8 flock;    /* enum flock_held */
    u8 path_only; /* O_PATH: it cannot be waited for */
    u8 is_thread; /* a pidfd of a thread, not of a process */
    u8 timed;     /* a timerfd: enum timed_flag */
    u32 refs;
    u32 channel;  /* what can block: where who waits for it is found */
    u32 part;     /* its kind's own: entry of the table of sockets or epolls; next signalfd; 1: NETLINK_ROUTE; process that set a timerfd */
    u32 dir;      /* sorted listing, 0: not read yet */
    u32 inode;    /* entry of the inode table, 0: not looked up */
    u32 ofd_locks; /* it has set fcntl locks of its own */
    u32 dir_pos;  /* entry of the listing that comes next */
    u64 value;    /* kind's own: pid or tid of a pidfd, deadline of a timerfd, set of a signalfd, SO_RCVTIMEO in ns */
    u64 value2;   /* expirations of a timerfd that were not read yet, SO_SNDTIMEO in ns */
    u64 interval_ns;
    u32 clock;    /* of a timerfd */
    struct timer_ref timer;
    u32 holds;    /* calls that sleep on it and hold it open */
    struct async async;
    u32 fault_epoch; /* faults.epoch when its rules were looked at; 0: never */
    u64 fault_calls; /* bits: slots of calls that some of them name */
};

/* What can become readable or writable, and who waits for it. */
enum wait_side {
    SIDE_READ = 0,
    SIDE_WRITE = 1,
    SIDE_EXCLUSIVE = 2, /* readers of which a change wakes one only: accept, epoll_wait */
    SIDES = 3
};

struct channel {
    u32 refs;
    u32 first[SIDES], last[SIDES]; /* waiters */
    u32 first_item;       /* entries of epolls that watch it */
    u32 readers, writers; /* open ends */
    u32 writers_ever;     /* opens for writing so far (a FIFO's reader may miss a quick one) */
    u32 inode;
    u32 full;             /* somebody saw it full: room is news */
    u32 first_async;      /* objects that a signal is sent for */
};

struct waiter {
    u32 task;
    u32 channel;
    u32 side;
    u32 next, prev;      /* in the channel's list */
    u32 next_of_task;    /* in the task's list */
};

/* An open file that a sleeping call holds: a close meanwhile is nothing to the call. */
struct hold {
    u32 object;
    i32 fd;   /* a descriptor of it: the call's own, a copy of ours once that is closed; -1: none */
    u32 copy; /* it is a copy of ours */
    u32 next; /* of the task */
};

/* ---- epoll: what Linux keeps in the kernel ---- */
struct epoll {
    u32 first_ready, last_ready; /* items that may be ready, in the order in which they became so */
    u32 ready;                   /* how many */
    u32 first_item;
    u32 outside; /* items whose readiness has no wake-up: looked at each time */
};

struct epoll_item {
    u32 epoll;  /* object of the epoll */
    u32 object; /* what is watched */
    u32 channel;
    i32 fd;     /* its number when it was added */
    u32 events;
    u32 is_ready; /* in the ready list */
    u64 data;
    u32 next_of_channel, prev_of_channel;
    u32 next_of_epoll, prev_of_epoll;
    u32 next_ready, prev_ready;
};

#include "abi_net.h"

struct futex_waiter { /* one per word waited for */
    u64 key[2];
    u32 task, bitset;
    u32 next, prev;   /* in the bucket, oldest first */
    u32 next_of_task;
    u32 index;        /* of futex_waitv */
    u32 pi_lock;      /* the lock it waits for, priority-inheriting; else 0 */
    u64 address;      /* of the word, in the memory of its task; 0: not known */
    u64 pi_word;      /* address of the lock that a condition's waiter is to be moved to, else 0 */
};

struct pi_lock { /* a priority-inheriting lock that has waiters */
    u64 key[2];
    u32 owner, waiters;
    u32 next, prev; /* of the owner's */
};

struct futex_bucket {
    u32 first, last;
};

struct task_queue {
    u32 first, last;
};

#include "abi_ipc.h"

struct fd_table {
    u32 refs;
    u32 fds_used; /* highest descriptor in use + 1 */
    u32 object[FDS_MAX];
};

/* ---- inodes: the number and the times that the program sees ---- */
struct inode {
    u64 dev, ino;      /* the kernel's */
    i64 birth_ns;      /* 0: not known */
    u64 number;        /* what the program sees */
    i64 atime_ns, mtime_ns, ctime_ns; /* virtual wall clock, valid by `touched` */
    i64 real_mtime_ns;                /* kernel's mtime when mtime_ns was set */
    u32 touched;       /* enum inode_touched */
    u32 next;          /* same hash */
    u32 channel;       /* a FIFO's channel */
    u32 alias;         /* a memfd: the file of /proc that it stands for */
    i64 seen_ns;       /* virtual wall clock at first sight */
};

enum inode_touched {
    INODE_ATIME = 1, INODE_MTIME = 2, INODE_CTIME = 4, INODE_BORN = 8, INODE_UNLINKED = 16,
    INODE_FORGOTTEN = 64 /* an fsync of it has failed */
};

struct posix_timer {
    u32 proc; /* 0: free */
    u32 notify, signo, target_tid, clock;
    u32 is_absolute, pad;
    u32 queued;  /* its signal is pending: further expirations are overruns */
    u32 overrun;
    u32 next;    /* free list */
    u64 value;   /* sigev_value */
    u64 deadline_ns, interval_ns;
    struct timer_ref ref;
};

struct queued_signal {
    struct siginfo_bytes info;
    u32 next;
    u32 pad;
};

struct timer {
    u64 deadline_ns;
    u64 seq; /* order among equal deadlines */
    u32 kind; /* enum timer_kind */
    u32 id;
};

enum timer_kind { TIMER_TASK = 1, TIMER_ITIMER_REAL = 2, TIMER_OBJECT = 3, TIMER_POSIX = 4, TIMER_FAULT = 5 };

/* ---- a request to the supervisor: to be seized before an exec, to be told what a fault rule's
 * callback says (one at a time: only the token's holder asks) ---- */
enum request_state { REQ_IDLE = 0, REQ_ASKED = 1, REQ_GRANTED = 2, REQ_REFUSED = 3 };

struct request {
    u32 state; /* futex */
    u32 pid, tid, task;
    u32 error, kind; /* enum request_kind */
};

/* ---- how a run ends ---- */
enum end_reason {
    END_NONE = 0,
    END_EXITED = 1,   /* the first process ended, all others too */
    END_DEADLOCK = 2,
    END_EVENTS = 3,   /* --max-events */
    END_TIME = 4,     /* --max-time */
    END_STRICT = 5,
    END_FATAL = 6,    /* message in end_message */
    END_TRACE_FULL = 7,
    END_UNSUPPORTED = 8,
    END_INTERRUPTED = 9, /* by the supervisor: Ctrl-C */
    END_WALL = 10,       /* by the supervisor: --wall-limit */
    END_DIVERGED = 11    /* a replay: an event is another one than in the trace */
};

/* What is not under control and is no syscall of its own; names in dstrun/report. */
enum hole {
    HOLE_UNKNOWN_SYSCALL = 0,
    HOLE_THREAD,
    HOLE_IOCTL,
    HOLE_OUTSIDE_INPUT,
    HOLE_OUTSIDE_DEATH,
    HOLE_DIRECTORY_TOO_LARGE,
    HOLE_PROC_FILE,
    HOLE_EXEC_REFUSED,
    HOLE_NET,
    HOLE_DEVICE,
    HOLE_SHARED_FILE,
    HOLE_FORCED,
    HOLE_EPOLL_FOREIGN,
    HOLE_ADDRESSES,
    HOLES_MAX = 32
};

#include "abi_trace.h"

struct dir_listing { /* a directory, read whole and sorted */
    u32 refs; /* 0: free */
    u32 entries;
    u32 bytes;
    u32 object; /* whose it is */
    u64 used_seq;
};

/* A learned yield point: a branch in a loop that only waits for others, where a breakpoint stands.
 * A file is known by its size and the code that it has there. */
struct yield_point {
    u64 file_bytes, file_offset;
    u64 counters; /* registers that only count turns: bits in the order of struct sigcontext */
    u64 visits, yields;
    u8 code[POINT_CODE_BYTES];
};

/* What cpuid answers, as the program is told: asking the processor costs an exit from a VM each time. */
struct cpuid_leaf {
    u32 leaf, sub;
    u32 a, b, c, d;
};

#include "abi_points.h"
#include "abi_own.h"
#include "abi_start.h"
#include "abi_tty.h"
#include "abi_unix.h"
#include "abi_faults.h"
#include "abi_before.h"
#include "abi_views.h"

struct world {
    u64 magic;
    u32 version;
    u32 end_reason;
    u64 bytes;
    struct config config;

    /* clock */
    u64 now_ns; /* monotonic virtual clock */
    u64 clock_reads;

    /* the token */
    u32 token;      /* robust word: tid of the holder | ROBUST_WAITERS */
    u32 token_task; /* its task */
    u32 dying_task; /* the successor waits until this task is really gone, and frees its slot; */
    u32 dying_pid;  /* its process with it (0: a thread) */
    u32 live_procs, live_tasks;
    u32 first_proc; /* index of the first program's process */
    u32 bell;       /* futex: the supervisor has something to look at */
    u32 stopping;   /* the supervisor ends the run: nobody proceeds */
    u32 ready;      /* the first program has started */
    struct request request;
    u32 look_wanted; /* futex: the holder waits until the supervisor has looked who is stuck for ever */
    u32 look_pad;
    u64 look_next_ns; /* a jump of the clock before that is not worth another look */
    u32 outside_death; /* the supervisor saw a task die: look before the next choice */
    u32 deputy;        /* the task that was given the token is to choose for a dead holder */
    u32 end_status;    /* wait status of the first process */

    /* counters */
    u64 events, traps, switches, forks, execs, signals_delivered;
    u64 uncontrolled_syscalls[SYSCALLS_MAX];
    u64 holes[HOLES_MAX];
    u64 outside_bytes; /* read from outside */
    u32 outside_channel; /* who waits for the outside, the longest waiting first */
    u32 first_signalfd;  /* objects, linked by `part` */
    char end_message[512];

    struct trace_state trace;
    struct site_slot sites[TRACE_SITE_SLOTS];
    struct sched_state sched;
    struct replay_state replay;
    u64 slice_start_ns; /* when the holder got the token */
    u64 point_ns;       /* the last scheduling point */
    u32 chosen;         /* task that the strategy chose at a preload point, until the token goes to it */
    u32 chosen_pad;

    u32 timers_count;
    u32 timers_pad;
    u64 timers_seq;
    struct timer timers[TIMERS_MAX];
    u32 free_posix_timer, used_posix_timers;
    struct posix_timer posix_timers[POSIX_TIMERS_MAX];

    u32 free_task, free_proc, free_fd_table, free_object, free_channel, free_waiter, free_signal, free_futex;
    u32 used_tasks, used_procs, used_fd_tables, used_objects, used_channels, used_waiters, used_signals, used_futexes;
    u32 free_epoll, free_epoll_item, free_sock, free_net_block, free_hold;
    u32 used_epolls, used_epoll_items, used_socks, used_net_blocks, used_holds;
    u32 free_pi_lock, used_pi_locks;
    u32 free_port_use, used_port_uses, free_time_wait, used_time_waits;
    u32 free_membership, used_memberships;
    u32 used_inodes, used_devs, used_proc_inodes, used_file_inodes, free_inode;
    u64 devs[256]; /* kernel's device numbers in the order in which they were seen */
    u64 dirs_seq;
    u32 used_cpuid_leaves, points_count;
    struct yield_point points[POINTS_MAX];
    /* hash of a task's registers at its last visit of each */
    u64 spin_registers[TASKS_MAX][POINTS_MAX];
    struct cpuid_leaf cpuid_leaves[CPUID_LEAVES_MAX];
    char domainname[72]; /* setdomainname; empty: (none) */

    u16 task_of_tid[PIDS_MAX];
    u16 proc_of_pid[PIDS_MAX]; /* zombies too */
    u8 before_tasks[TASK_PAGE_OFFSET] __attribute__((aligned(4096)));
    struct task tasks[TASKS_MAX];
    struct proc procs[PROCS_MAX];
    struct queued_signal signals[SIGNALS_QUEUED_MAX];
    struct object objects[OBJECTS_MAX];
    struct channel channels[CHANNELS_MAX];
    struct waiter waiters[WAITERS_MAX];
    struct hold holds[HOLDS_MAX];
    struct unix_world af_unix;
    struct tty_world tty;
    struct epoll epolls[EPOLLS_MAX];
    struct epoll_item epoll_items[EPOLL_ITEMS_MAX];
    struct sock socks[SOCKETS_MAX];
    struct port_uses port_uses[PORT_USES_MAX];
    struct time_wait time_waits[TIME_WAITS_MAX];
    struct membership memberships[MEMBERSHIPS_MAX];
    struct host host;
    struct futex_waiter futexes[FUTEX_WAITERS_MAX];
    struct futex_bucket futex_buckets[FUTEX_BUCKETS];
    struct pi_lock pi_locks[FUTEX_WAITERS_MAX]; /* each has a waiter */
    u32 lock_waiters, lock_pad;
    struct task_queue lock_buckets[LOCK_BUCKETS]; /* by inode */
    struct task_queue turn_buckets[TURN_BUCKETS]; /* by kind and id */
    u32 free_shm_attachment, used_shm_attachments;
    struct shm_attachment shm_attachments[SHM_ATTACHMENTS_MAX];
    struct ipc_times ipc_times[IPC_KINDS * IPC_INDICES_MAX];
    u32 used_mq_notifies, aio_requests; /* those that all contexts may have at once */
    struct mq_notify mq_notifies[MQ_NOTIFIES_MAX];
    u64 aio_serial;
    u32 free_aio_context, used_aio_contexts, free_aio_completion, used_aio_completions;
    struct aio_context aio_contexts[AIO_CONTEXTS_MAX];
    struct aio_completion aio_completions[AIO_COMPLETIONS_MAX];
    u32 used_inotify_objects, inotify_cookies_shown;
    u32 inotify_objects[INOTIFY_OBJECTS_MAX];
    struct inotify_cookie inotify_cookies[INOTIFY_COOKIES_MAX];
    u32 used_start_files, start_files_pad;
    u32 start_index[START_INDEX_SIZE];
    struct start_file start_files[START_FILES_MAX];
    u32 inode_index[INODE_INDEX_SIZE];
    struct inode inodes[INODES_MAX];
    struct dir_listing dirs[DIRS_MAX];
    struct fault_world faults;
    struct before_world before;
    struct views_world views;
    struct own_file own_files[OWN_FILES_MAX];
    struct fd_table fd_tables[FD_TABLES_MAX];
    struct net_block net_blocks[NET_BLOCKS_MAX];
    u8 dir_bytes[DIRS_MAX][DIR_BYTES_MAX];
};

#define WORLD ((struct world *)WORLD_BASE)
#define WORLD_BYTES ((sizeof(struct world) + 0xffful) & ~0xffful)

_Static_assert(sizeof(struct siginfo_bytes) == 128, "siginfo");
_Static_assert(sizeof(struct net_block) == NET_BLOCK_BYTES, "block of the network");
/* A switch comes to memory that is cold: what it needs of a task and the top of its stack share a
 * page, and those pages lie an odd number apart, so as not to compete for the same cache sets. */
_Static_assert(sizeof(struct task) % 8192 == 4096, "tasks lie an odd number of pages apart");
_Static_assert(__builtin_offsetof(struct task, path) <= 4096 - TASK_PAGE_OFFSET, "a task's hot page");
_Static_assert(WORLD_BASE + sizeof(struct world) <= REPLAY_BASE, "world fits its range");

#endif
