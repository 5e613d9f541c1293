/* decisions.h: what the files that decide share with decisions.c. */
#ifndef DST_DECISIONS_H
#define DST_DECISIONS_H
#include "core/sched.h"
#include "shim.h"

/* sched_choose, recorded or as the trace has it. */
u32 choose_next(u32 running) HIDDEN;
/* Which of `count` > 1 waiters, the longest waiting first. */
u32 choose_waiter(u32 count) HIDDEN;
/* What a fault rule does at its `match`-th match, which is the `in_scope`-th in the rule's scope; 0: nothing. */
const struct fault_action *choose_fault(const struct fault_rule *r, const struct fault_state *s, u64 match,
                                        u64 in_scope, u64 draw) HIDDEN;

/* What the trace has of the task's next question to the outside, kind READY, NAME or INPUT; 0: nothing. */
int outside_as_in_trace(struct task *t, u32 kind, u64 *value) HIDDEN;
int outside_input_in_trace(struct task *t, u64 *value, u64 *bytes) HIDDEN; /* bytes: their address */
void outside_decided(struct task *t, u32 kind, u64 value) HIDDEN; /* READY or NAME */
/* bytes: so many are kept, in events from `event` on */
void outside_input_decided(struct task *t, u64 value, u64 event, u64 bytes) HIDDEN;

/* An event was recorded in a run that follows a trace. */
void event_follows(u64 identity, int may_be_taken_back) HIDDEN;
#endif
