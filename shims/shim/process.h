/* process.h: what fork.c, process.c, wait.c, exec.c and start.c share. */
#ifndef DST_PROCESS_H
#define DST_PROCESS_H
#include "signals.h"

#define CLONE_VM_FLAG 0x100ul
#define CLONE_FILES_FLAG 0x400ul
#define CLONE_SIGHAND_FLAG 0x800ul
#define CLONE_PIDFD_FLAG 0x1000ul
#define CLONE_VFORK_FLAG 0x4000ul
#define CLONE_PARENT_FLAG 0x8000ul
#define CLONE_THREAD_FLAG 0x10000ul
#define CLONE_PARENT_SETTID_FLAG 0x100000ul
#define CLONE_CHILD_CLEARTID_FLAG 0x200000ul
#define CLONE_CHILD_SETTID_FLAG 0x1000000ul
#define CLONE_PARENT_SETTID_FLAG 0x100000ul
#define CLONE_DETACHED_FLAG 0x400000ul
#define CLONE_CLEAR_SIGHAND_FLAG 0x100000000ul
#define CLONE_NEW_NAMESPACES 0x7e020080ul
#define CLONE_EXIT_SIGNAL_MASK 0xfful
#define PERSONALITY_QUERY 0xfffffffful

/* A child's first steps, on its own stack (entry.S calls it). */
void start_child(struct task *t) NORETURN HIDDEN;
void clone_finish(struct task *cloner) HIDDEN;
/* The program's initial stack pointer, after the shim has set everything up (entry.S calls it). */
u64 start_program(u64 program_sp, u64 task_index) HIDDEN;
u64 auxv_value(const u64 *auxv, u64 tag) HIDDEN; /* 0: it is not there */

/* runtimes.c: where the new program is. */
void runtimes_note(struct proc *p, const u64 *auxv) HIDDEN;

void tasks_add(struct proc *p, struct task *t) HIDDEN; /* as the youngest */
void tasks_remove(struct proc *p, struct task *t) HIDDEN;
/* After an exec only its caller is left. */
void tasks_keep_only(struct proc *p, struct task *t) HIDDEN;
void children_add(struct proc *parent, struct proc *child) HIDDEN;
void children_remove(struct proc *child) HIDDEN;
void robust_locks_die(struct proc *p) HIDDEN;
void release_vfork_parent(struct proc *p) HIDDEN;
void signal_group(u32 pgid, int signo) HIDDEN; /* from the kernel */

/* tty_session.c */
void tty_leader_died(struct proc *p) HIDDEN;     /* its terminal's foreground hears of it */
void tty_readers_restart(struct proc *p) HIDDEN; /* it was stopped, and may be in the background now */

/* sys_pidfd.c: a new descriptor of a process, or by its flags of a thread. */
#define PIDFD_THREAD_FLAG 0200ul /* O_EXCL */
void pidfd_install(struct proc *holder, i64 fd, u32 id, u64 flags) HIDDEN;
void pidfds_let_go(u32 *channel) HIDDEN; /* what they stood for is gone */
#endif
