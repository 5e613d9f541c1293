/* shim.h: the rules of life inside somebody else's process.
 *
 * - No libc, no TLS, no allocator, no vector registers, no data of our own: all state is in the
 *   world (abi.h). Every call to the kernel is `raw`.
 * - User memory is touched only by the functions of uaccess.c: a bad pointer is EFAULT for the
 *   program, not a crash of ours.
 * - Code here runs in a SIGSYS handler on the task's own stack (64 KiB in the world), holding the
 *   token, so nothing needs a lock.
 */
#ifndef DST_SHIM_H
#define DST_SHIM_H

#include "abi.h"
#include "core/cost.h"
#include "core/hash.h"
#include "core/rng.h"
#include "core/sched.h"
#include "core/timers.h"
#include "memory.h"
#include "raw.h"

#define EXPORT __attribute__((visibility("default"), used))
#define NORETURN __attribute__((noreturn))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define NS_PER_SECOND 1000000000ul

/* ---- kernel structs (x86-64 ABI) ---- */
struct sigcontext_k {
    u64 r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    u16 cs, gs, fs, ss;
    u64 err, trapno, oldmask, cr2, fpstate, reserved[8];
};

struct ucontext_k {
    u64 flags, link;
    struct altstack stack;
    struct sigcontext_k regs;
    u64 sigmask;
};

struct sigframe_k {
    u64 restorer;
    struct ucontext_k uc;
    struct siginfo_bytes info;
};

struct timespec_k {
    i64 sec, nsec;
};
struct timeval_k {
    i64 sec, usec;
};
struct pollfd_k {
    i32 fd;
    i16 events, revents;
};
struct iovec_k {
    u64 base, len;
};

/* ---- one trapped call ---- */
struct trap {
    struct task *t;
    struct proc *p;
    struct ucontext_k *uc;
    u64 nr;
    u64 a[6];
    u64 enter_ns;
    const char *path[2]; /* string arguments, copied in; 0 where there is none */
    i64 path_error;      /* EFAULT, ENAMETOOLONG met while copying them */
    u8 keep_registers;   /* the handler has set all registers (rt_sigreturn) */
    u8 recorded;         /* no event is to be appended at the end */
    u8 injected;         /* some fault rule has done something to it */
    u8 is_part;          /* of another call of the program, which does several like it (io_submit) */
    u8 steps;            /* its tracer lets the task make a single step: this one */
};

typedef i64 (*handler_fn)(struct trap *);

enum arg_how { /* arg_kinds.def */
    HOW_SCALAR, HOW_POINTER, HOW_STRING, HOW_STRINGS, HOW_BUF_IN, HOW_BUF_OUT, HOW_IOV_IN, HOW_IOV_OUT,
    HOW_IN, HOW_OUT, HOW_IN_RAW, HOW_OUT_RAW, HOW_ARRAY_IN, HOW_ARRAY_INOUT, HOW_ARRAY_OUT_RAW,
    HOW_COUNTED_IN, HOW_SOCKADDR_IN, HOW_SOCKADDR_OUT, HOW_OUT_STAT, HOW_MSG, HOW_MSGS, HOW_EPOLL_EVENTS, HOW_FDSET
};

struct arg_kind_row {
    u16 how, bytes;
};

struct syscall_row {
    handler_fn handler;
    u8 cls, args, fds, strings; /* number of arguments, of descriptors and of strings among them */
    u8 kinds[6];
};

enum syscall_class { EMULATED = 1, VIRTUALISED, ORDERED, PASSED, UNCONTROLLED, REFUSED };

/* Restart codes, never seen by the program (the kernel's own numbers). */
#define ERESTARTSYS 512
#define ERESTARTNOHAND 514

extern const struct syscall_row syscall_rows[SYSCALLS_MAX] HIDDEN;
extern const struct arg_kind_row arg_kinds[] HIDDEN;
extern char shim_text_start[] HIDDEN, shim_text_end[] HIDDEN;

static inline struct task *current_task(void)
{
    struct task *t;
    __asm__("mov %%gs:0, %0" : "=r"(t));
    return t;
}
static inline int in_shim_text(u64 ip) { return ip >= (u64)shim_text_start && ip < (u64)shim_text_end; }
static inline struct proc *proc_of(const struct task *t) { return &WORLD->procs[t->proc]; }
static inline struct task *task_at(u32 index) { return &WORLD->tasks[index]; }
/* As raw, where the world is consistent: who is killed there is buried like any other. */
#define raw_killable(nr, ...)                       \
    ({                                              \
        current_task()->place = PLACE_KERNEL;       \
        i64 result_ = raw(nr, ##__VA_ARGS__);       \
        current_task()->place = PLACE_SHIM;         \
        result_;                                    \
    })
static inline u64 task_stack(const struct task *t) { return (u64)t - TASK_STACK_BYTES; } /* its end */
static inline u64 min_u64(u64 a, u64 b) { return a < b ? a : b; }

/* fault.c */
void on_fault(int signo, struct siginfo_bytes *info, struct ucontext_k *uc) HIDDEN;

/* trap.c */
i64 pass(struct trap *c) HIDDEN;
void count_uncontrolled(const struct trap *c) HIDDEN; /* named in the summary, refused by --strict */
void task_enter_control(struct task *t) HIDDEN;
i64 trap_handle(struct trap *c) HIDDEN;       /* the call, whatever rules there are */
i64 trap_call(struct trap *c) HIDDEN; /* with what the fault rules say of it */
void take_strings(struct trap *c) HIDDEN; /* the call's path arguments */
i64 install_kernel_handlers(void) HIDDEN;

/* fatal.c */
void fatal(const char *what, i64 number) HIDDEN NORETURN;
void end_run(u32 reason, const char *message) HIDDEN NORETURN;
void count_hole(u32 hole) HIDDEN;
void ring_bell(void) HIDDEN; /* wakes the supervisor */

/* look.c: the supervisor looks who can never run again (dstrun/launch/stuck.py) */
void look_before_jump(u64 deadline_ns) HIDDEN;
void look_before_exit(const struct task *t) HIDDEN;

/* uaccess.c: all return 0 or -EFAULT */
i64 copy_in(void *to, u64 user, u64 n) HIDDEN;
i64 copy_out(u64 user, const void *from, u64 n) HIDDEN;
i64 clear_user(u64 user, u64 n) HIDDEN;
/* Length without the NUL, -EFAULT, or -ENAMETOOLONG when there is no NUL within n bytes. */
i64 copy_string(char *to, u64 user, u64 n) HIDDEN;
i64 hash_user(struct hash_state *h, u64 user, u64 n) HIDDEN;

/* clock.c */
static inline void charge(struct task *t, u64 cost_ns) /* moves the clock by what a call takes */
{
    struct world *w = WORLD;
    const struct config *c = &w->config;
    if (unlikely(c->cost_jitter_ppm))
        cost_ns = cost_with_jitter(cost_ns, c->cost_jitter_ppm, c->sched_seed, t->tid, t->cost_pos++);
    w->now_ns += cost_ns;
    proc_of(t)->cpu_ns += cost_ns;
}
/* faults_clock.c: as fault rules have moved the caller's clocks: what a clock shows when the simulation's
 * time for it is base_ns; how long it takes until it has moved on by so much. */
u64 faults_clock_shows(u32 clock, u64 base_ns) HIDDEN;
u64 faults_clock_takes(const struct proc *p, u32 clock, u64 left_ns) HIDDEN;
u64 faults_clock_left(const struct proc *p, u32 clock, u64 until_ns) HIDDEN; /* on the clock, until then */
/* What has become of a wait's deadline when its clock was moved meanwhile; a new one is made. */
u64 faults_deadline(const struct task *t, u64 deadline_ns) HIDDEN;
void faults_deadline_made(const struct task *t) HIDDEN;
#define CLOCK_MONOTONIC_RAW_ID 4u
#define CLOCK_BOOTTIME_ID 7u
static inline int clocks_moved(void) { return unlikely(WORLD->faults.clocks_moved); }
static inline u64 wall_ns(void)
{
    u64 ns = WORLD->now_ns - WORLD->config.boot_ns + WORLD->config.epoch_ns;
    return clocks_moved() ? faults_clock_shows(0, ns) : ns;
}
static inline u64 monotonic_ns(void)
{
    return clocks_moved() ? faults_clock_shows(1, WORLD->now_ns) : WORLD->now_ns;
}
/* The simulation's time when a clock of the caller's has moved on by so much. */
static inline u64 deadline_after(u32 clock, u64 left_ns)
{
    if (clocks_moved()) {
        faults_deadline_made(current_task());
        left_ns = faults_clock_takes(proc_of(current_task()), clock, left_ns);
    }
    return WORLD->now_ns + left_ns;
}
static inline int is_over(const struct task *t, u64 deadline_ns)
{
    return WORLD->now_ns >= (clocks_moved() ? faults_deadline(t, deadline_ns) : deadline_ns);
}
/* What a clock has to go until a deadline, 0: it is over. */
static inline u64 time_left(const struct proc *p, u32 clock, u64 deadline_ns)
{
    if (clocks_moved())
        return faults_clock_left(p, clock, deadline_ns);
    return deadline_ns > WORLD->now_ns ? deadline_ns - WORLD->now_ns : 0;
}
/* A reading of one of the caller's clocks that there are. */
u64 clock_shown(u32 clock) HIDDEN;
/* Which clock a timer goes by: a relative one on a wall clock by the monotonic one, as in Linux. */
static inline u32 timer_clock(u32 clock, int absolute)
{
    return absolute || !(clock < 32 && (CLOCKS_WALL | 1u << 8) >> clock & 1) ? clock : 1;
}
/* What the deadline of the task's next wait follows when clocks move; 0, 0: afterwards. */
static inline void wait_follows(const struct task *t, u32 clock, int absolute)
{
    if (unlikely(WORLD->faults.rules_count))
        WORLD->faults.tasks[t->index].wait_clock = timer_clock(clock & 15, absolute) | (absolute ? WAIT_ABSOLUTE : 0);
}
void run_chosen(struct task *t) HIDDEN; /* token.c: hands the token to world.chosen, and comes back */
/* preload.c */
i64 preload_announced(struct trap *c) HIDDEN;
i64 preload_point(struct trap *c) HIDDEN;
/* clock.c: a call of the program's, made for it. */
i64 trapped_call(i64 nr, u64 a, u64 b, u64 c) HIDDEN;
/* Nanoseconds of a user timespec; -EFAULT, -EINVAL. */
i64 timespec_in(u64 user, u64 *ns) HIDDEN;
i64 timespec_out(u64 user, u64 ns) HIDDEN;
i64 clock_value(u64 id, u64 *ns) HIDDEN;

/* token.c: who runs */
void park(struct task *t, u32 wait, u64 arg, u64 deadline_ns) HIDDEN; /* result in t->wake_result */
void wake(struct task *t, u32 result) HIDDEN;
void make_ready(struct task *t) HIDDEN;
void clock_jump(u64 to_ns) HIDDEN; /* nobody can run before: as far as the run goes */
void stop_self(struct task *t) HIDDEN;
void yield_token(struct task *t) HIDDEN;
void hand_on_and_die(struct task *t, u32 pid) HIDDEN; /* gives the token away; the caller then dies */
void token_wait(struct task *t) HIDDEN;
/* Gives the token to a parked task, past the scheduler, and waits for ours. 0: it is dead, we go on. */
int lend_token(struct task *t, struct task *to) HIDDEN;
/* Gives a lent token back, and waits for ours. */
void return_token(struct task *t, struct task *to) HIDDEN;
void wait_until_dead(u32 pid) HIDDEN;
void scheduling_point(struct task *t) HIDDEN;

/* tables.c */
struct task *task_alloc(void) HIDDEN;
void task_free(struct task *t) HIDDEN;
struct proc *proc_alloc(void) HIDDEN;
void proc_free(struct proc *p) HIDDEN;
struct proc *proc_by_pid(u32 pid) HIDDEN;
struct task *task_by_tid(u32 tid) HIDDEN;
u32 fd_table_alloc(void) HIDDEN;
u32 object_alloc(u32 kind) HIDDEN;
u32 channel_alloc(void) HIDDEN;
u32 epoll_alloc(void) HIDDEN;
u32 epoll_item_alloc(void) HIDDEN;
u32 sock_alloc(void) HIDDEN;
u32 flight_alloc(void) HIDDEN;
u32 hold_alloc(void) HIDDEN;
u32 unix_end_alloc(void) HIDDEN;
u32 unix_name_alloc(void) HIDDEN;

/* descriptors.c */
#define FD_CLOEXEC_BIT 0x80000000u
#define FD_OBJECT_MASK 0x7fffffffu
u32 fd_object(struct proc *p, i64 fd) HIDDEN; /* object index, 0: not open */
u32 fd_known(const struct proc *p, i64 fd) HIDDEN; /* the same of any process, as far as it is known */
void fd_install(struct proc *p, i64 fd, u32 object, int cloexec) HIDDEN; /* takes over the reference */
void fd_forget(struct proc *p, i64 fd) HIDDEN;                           /* after a close */
void fd_set_cloexec(struct proc *p, i64 fd, int on) HIDDEN;
u32 fd_table_copy(u32 table) HIDDEN;
void fd_table_drop(u32 table) HIDDEN;
void fd_table_exec(struct proc *p) HIDDEN;
void fd_table_init_outside(struct proc *p) HIDDEN;
void object_unref(u32 object) HIDDEN;
/* A descriptor of this process that is the object, `hint` if that one is; -1: it has none. */
i64 fd_of_object(struct proc *p, u32 object, i64 hint) HIDDEN;

/* channel.c; channel.h has the rest */
void waiters_drop(struct task *t) HIDDEN;

/* holds.c; channel.h has the rest */
void holds_drop(struct trap *c) HIDDEN;      /* the call is over */
void holds_forget(struct task *t) HIDDEN;    /* the task is gone */
/* Before descriptors are closed: who sleeps on what they lead to is given copies. */
void holds_keep(struct proc *p, u32 first, u32 last) HIDDEN;

/* outside.c: wakes a task that waits for what is not in the simulation; 0: none does */
int wait_for_outside(u64 deadline_ns) HIDDEN;

/* sys_lock.c: before a descriptor's reference to its object goes, and when a task ends */
void locks_on_close(u32 fd_table, u32 object) HIDDEN;
void locks_on_last_close(const struct object *o) HIDDEN;
void lock_forget(struct task *t) HIDDEN;
void lock_stopped(struct task *t) HIDDEN; /* its process: who is stopped does not stand in line */
int locks_look_again(void) HIDDEN; /* nothing can run: wakes one that waits for a lock; 0: none does */

/* turns.c, sys_sem.c, sys_shm.c */
void turn_forget(struct task *t) HIDDEN; /* the task ends */
void turn_stopped(struct task *t) HIDDEN;
void sems_undone(const struct proc *p) HIDDEN; /* the process ends, SEM_UNDO */
void shm_forked(const struct proc *parent, struct proc *child) HIDDEN;
void shm_detach_all(struct proc *p) HIDDEN; /* exec, exit */

/* sys_mq.c, sys_aio.c, sys_inotify.c */
void mq_on_close(u32 fd_table, u32 object) HIDDEN;
void aio_drop_all(struct proc *p) HIDDEN; /* exec, exit */
void inotify_gone(u32 object) HIDDEN;
void inotify_after_call(const struct trap *c, i64 result) HIDDEN;
void inotify_after_end(void) HIDDEN; /* exit or exec: descriptors close */
i64 inotify_read(struct trap *c, struct object *o) HIDDEN;

/* sys_timer.c, sys_eventlike.c */
void posix_timer_fired(u32 timer, u64 deadline_ns) HIDDEN;
void posix_timer_signal_taken(struct siginfo_bytes *info) HIDDEN;
void posix_timers_drop(struct proc *p) HIDDEN; /* exec, exit */
void object_timer_fired(u32 object, u64 deadline_ns) HIDDEN;
void signalfds_wake(int signo) HIDDEN; /* a signal came */

/* sys_time.c */
i64 deadline_on_clock(u32 clock, u64 ns, int absolute, u64 *deadline_ns) HIDDEN;
void itimer_real_fired(struct proc *p, u64 deadline_ns) HIDDEN;

/* tracing.c: in a tracee that was lent the token for it; the tracer, who gets it back */
struct task *trace_serve(struct task *t) HIDDEN;

/* signals.c */
void signal_send(struct proc *p, struct task *t, const struct siginfo_bytes *info) HIDDEN;
void process_kill(struct proc *p, u32 signo) HIDDEN; /* SIGKILL in effect; signo: what it is told to be */
void signal_self(struct task *t, int signo) HIDDEN; /* SIGPIPE and the like */
void signals_deliver(struct trap *c, i64 result) HIDDEN;
int signal_waits(struct task *t) HIDDEN; /* a signal that would interrupt a wait */
void signals_exec(struct proc *p, struct task *t) HIDDEN;
void signals_drop_all(struct proc *p) HIDDEN;
void siginfo_kill(struct siginfo_bytes *info, int signo, int code, u32 pid, u32 uid) HIDDEN;
void fault_signal(struct trap *c, struct siginfo_bytes *info) HIDDEN;

/* points.c: learned yield points */
void points_patch_program(const u64 *auxv) HIDDEN;
void points_patch_mapping(u64 start, u64 bytes, i64 fd, u64 file_offset) HIDDEN;
/* Nothing has changed since it came by last: others are to run, or time passes: up to the next timer
 * when it would turn for ever. */
void give_way(struct task *t, int for_ever) HIDDEN;
int point_reached(struct task *t, struct sigcontext_k *regs) HIDDEN; /* 0: it is no breakpoint of ours */

/* process.c */
void process_exit(struct task *t, u32 wait_status) HIDDEN NORETURN;
void process_mark_dead(struct proc *p, u32 wait_status) HIDDEN;
void sweep_outside_deaths(int thorough) HIDDEN;

/* stream.c: bytes for one of the trace's streams (enum trace_stream), where a trace is recorded */
u8 *stream_reserve(u32 stream, u64 bytes) HIDDEN; /* less than a segment; */
void stream_commit(u32 stream, u64 bytes) HIDDEN; /* so many of them were written */
struct event *record_slot(void) HIDDEN; /* the place of the next record; reserve it with its side data */
void record_count(u32 count) HIDDEN; /* so many records are in the current segment of events */

/* record.c */
void record_call(struct trap *c, i64 result) HIDDEN;
void record_plain(struct task *t, u32 kind, u32 nr, i64 result, const char *text) HIDDEN;
/* Bytes that came from outside, at most 16 KiB, kept whole. */
/* How many of the bytes are kept: all, or none where they cannot be read. */
u64 record_input(struct task *t, u32 fd, u64 user, u64 bytes) HIDDEN;
void record_start(struct task *t, const char *path, u64 argv) HIDDEN;
/* A call's event that may have to be taken back (an exec that fails after all). */
void record_provisionally(struct trap *c, i64 result, struct trace_state *before) HIDDEN;
void record_take_back(const struct trace_state *mark) HIDDEN;

void record_fault(struct task *t, u32 nr, const struct fault_record *r) HIDDEN;

/* exec.c: one request at a time, only the token's holder asks; enum request_kind. 0, or the supervisor's errno. */
i64 ask_supervisor(struct task *t, u32 kind) HIDDEN;

/* faults.c: a call that some fault rule names */
i64 faults_call(struct trap *c) HIDDEN;
int faults_may_concern(const struct trap *c) HIDDEN; /* 0: no rule does */
i64 faults_point(struct trap *c) HIDDEN; /* a point of the preload library */
void faults_written(const struct trap *c, i64 result) HIDDEN; /* faults_marks.c */
/* faults_waits.c: what rules do to waits. The deadline that a wait has then. */
u64 faults_wait_begins(struct task *t, u32 wait, u64 deadline_ns) HIDDEN;
void faults_wait_ended(struct task *t) HIDDEN;
int faults_release_held(void) HIDDEN; /* nobody else can run; 0: no task is held back */
void faults_held_point(void) HIDDEN;
void faults_task_gone(struct task *t) HIDDEN;
/* faults_timed.c */
void faults_start(void) HIDDEN; /* of the run */
void faults_timer_fired(u32 id, u64 deadline_ns) HIDDEN;
void faults_proc_gone(struct proc *p) HIDDEN;
/* faults_match.c, faults_paths.c: where there is a plan, what changes whom its rules concern */
static inline int has_plan(void) { return unlikely(WORLD->faults.rules_count); }
void faults_task_made(const struct proc *p, struct task *t) HIDDEN;
void faults_proc_forked(const struct proc *parent, const struct proc *child) HIDDEN;
void faults_proc_made(const struct proc *p) HIDDEN;
void faults_program_began(const struct proc *p) HIDDEN;
void faults_proc_renamed(const struct proc *p) HIDDEN;
void faults_object_made(u32 object) HIDDEN;
void faults_object_changed(u32 object) HIDDEN;
void faults_names_changed(void) HIDDEN; /* of files */
void faults_link_made(void) HIDDEN;     /* a symbolic link has come */
void faults_directory_changed(void) HIDDEN; /* a task's working directory */
void faults_opened(struct trap *c, i64 dirfd, u32 object) HIDDEN;

/* sys_identity.c */
void entropy_fill(struct task *t, u8 *to, u64 n) HIDDEN;

/* entry.S */
i64 clone_raw(u64 flags, u64 stack, u64 parent_tid, u64 child_tid, u64 tls) HIDDEN;
void sigreturn_to(struct ucontext_k *uc) HIDDEN NORETURN;
void restorer(void) HIDDEN;
i64 guarded(struct guard *g) HIDDEN; /* like setjmp: 0 now, 1 after a fault */

#endif
