/* signals.h: numbers of the kernel's signal ABI, and what signals.c, sigframe.c and others share. */
#ifndef DST_SIGNALS_H
#define DST_SIGNALS_H
#include "shim.h"

enum signal_number {
    SIG_HUP = 1, SIG_INT = 2, SIG_QUIT = 3, SIG_ILL = 4, SIG_TRAP = 5, SIG_ABRT = 6, SIG_BUS = 7,
    SIG_FPE = 8, SIG_KILL = 9, SIG_SEGV = 11, SIG_PIPE = 13, SIG_ALRM = 14, SIG_TERM = 15,
    SIG_CHLD = 17, SIG_CONT = 18, SIG_STOP = 19, SIG_TSTP = 20, SIG_TTIN = 21, SIG_TTOU = 22,
    SIG_URG = 23, SIG_XFSZ = 25, SIG_WINCH = 28, SIG_SYS = 31
};

#define HANDLER_DEFAULT 0ul
#define HANDLER_IGNORE 1ul
#define SA_NOCLDSTOP_FLAG 1ul
#define SA_NOCLDWAIT_FLAG 2ul
#define SA_SIGINFO_FLAG 4ul
#define SA_RESTORER_FLAG 0x04000000ul
#define SA_ONSTACK_FLAG 0x08000000ul
#define SA_RESTART_FLAG 0x10000000ul
#define SA_NODEFER_FLAG 0x40000000ul
#define SA_RESETHAND_FLAG 0x80000000ul
#define SS_ONSTACK_FLAG 1u
#define SS_DISABLE_FLAG 2u
#define SS_AUTODISARM_FLAG 0x80000000u
#define SIG_BIT(n) (1ul << ((n)-1))
#define UNBLOCKABLE (SIG_BIT(SIG_KILL) | SIG_BIT(SIG_STOP))
#define STOP_SIGNALS (SIG_BIT(SIG_STOP) | SIG_BIT(SIG_TSTP) | SIG_BIT(SIG_TTIN) | SIG_BIT(SIG_TTOU))
#define SYNCHRONOUS_SIGNALS                                                               \
    (SIG_BIT(SIG_SEGV) | SIG_BIT(SIG_BUS) | SIG_BIT(SIG_ILL) | SIG_BIT(SIG_TRAP) |         \
     SIG_BIT(SIG_FPE) | SIG_BIT(SIG_SYS))
#define FLAG_TF 0x100ul
#define SI_USER_CODE 0
#define SI_KERNEL_CODE 0x80
#define SI_TIMER_CODE (-2)
#define SI_TKILL_CODE (-6)
#define CLD_EXITED_CODE 1
#define CLD_KILLED_CODE 2
#define CLD_TRAPPED_CODE 4
#define CLD_STOPPED_CODE 5
#define CLD_CONTINUED_CODE 6

enum default_action { DEFAULT_IGNORE, DEFAULT_TERMINATE, DEFAULT_STOP };

/* signals.c */
enum default_action default_action(int signo) HIDDEN;
u64 signals_pending(const struct task *t) HIDDEN;
void signals_forget(struct proc *p, u64 signals) HIDDEN; /* drops pending ones */
void actions_reset(struct proc *p) HIDDEN; /* to the defaults; what is ignored stays so */
int signal_take(struct task *t, u64 set, struct siginfo_bytes *info) HIDDEN;

/* sigframe.c */
i64 sigframe_push(struct trap *c, const struct sigaction_k *action, const struct siginfo_bytes *info,
                  u64 mask) HIDDEN;
i64 sigframe_pop(struct trap *c) HIDDEN;
/* Copies a trap's frame to another stack (a child's), and returns its ucontext there. */
struct ucontext_k *sigframe_clone(const struct ucontext_k *uc, u8 *stack_top) HIDDEN;
u64 fpstate_bytes(u64 fpstate) HIDDEN;
void fpstate_show(u64 fpstate, u8 *to) HIDDEN;
void fpstate_take(u64 fpstate, const u8 *from, u64 bytes) HIDDEN;
int on_altstack(const struct task *t, u64 sp) HIDDEN;
i64 altstack_set(struct task *t, const struct altstack *wanted, u64 sp, u64 size_min) HIDDEN;

/* sys_signal.c */
/* A wait with another mask (sigsuspend, ppoll): the program's own comes back after delivery. */
void mask_for_wait(struct task *t, u64 set) HIDDEN;
/* By the caller's call, if it may: to a thread, to a process (t: 0), to a group (0: to all others). */
i64 send_signal(struct trap *c, struct proc *p, struct task *t, const struct siginfo_bytes *i) HIDDEN;
i64 send_signal_to_group(struct trap *c, u32 pgid, const struct siginfo_bytes *info) HIDDEN;

/* process.c */
void wake_child_waiters(struct proc *parent) HIDDEN;
/* No member has a parent in its session but outside the group. `except`: a member that does not count. */
int group_is_orphaned(u32 pgid, const struct proc *except) HIDDEN;
#endif
