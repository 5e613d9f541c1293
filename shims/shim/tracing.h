/* tracing.h: what tracing.c, sys_ptrace.c, signals.c, wait.c and process.c share about ptrace. */
#ifndef DST_TRACING_H
#define DST_TRACING_H
#include "signals.h"

#define PTRACE_O_TRACESYSGOOD_FLAG 1ul /* there are no stops at calls that it could mark */
#define PTRACE_O_EXITKILL_FLAG 0x100000ul
#define STOP_EVENT 0x8000u /* PTRACE_EVENT_STOP << 8 */

void trace_begin(struct task *tracer, struct task *t, u32 flags, u64 options) HIDDEN;
void trace_end(struct task *t, int signo) HIDDEN;
void trace_resume(struct task *t, int signo) HIDDEN;
void trace_step(struct task *t, int signo) HIDDEN;
/* Stops a tracee where it is. 0: it cannot be, now. */
int trace_interrupt(struct task *t) HIDDEN;
/* A signal has come to a tracee that somebody else is to stop. */
void trace_signal_came(struct task *t) HIDDEN;
/* The current task takes a signal that its tracer is to hear of first. The one to act on; 0: none. */
int trace_signal_taken(struct trap *c, int signo, struct siginfo_bytes *info, i64 *result) HIDDEN;
/* It has made its one instruction, a call or one that is emulated. */
void trace_stepped(struct trap *c, i64 *result) HIDDEN;
void trace_exec(struct task *t) HIDDEN;
/* It ends: it is no tracee any more, and no tracer. */
void trace_forget(struct proc *p, struct task *t) HIDDEN;
/* What only the tracee can do; `value` in and out. */
i64 trace_ask(struct task *t, u32 service, u64 address, u64 *value) HIDDEN;

static inline int is_trace_stopped(const struct task *t) { return (t->trace_flags & TRACEE_STOPPED) != 0; }
/* Its tracer has not let this signal through yet. */
static inline int is_traced_for(const struct task *t, int signo)
{
    return t->tracer && !(t->tracee.passed & SIG_BIT(signo));
}
#endif
