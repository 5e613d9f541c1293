/* urgency.h: what others ask of a task's policy, priority and CPUs (urgency.c). */
#ifndef DST_URGENCY_H
#define DST_URGENCY_H
#include "shim.h"

enum policy {
    POLICY_OTHER = 0, POLICY_FIFO = 1, POLICY_RR = 2, POLICY_BATCH = 3, POLICY_IDLE = 5,
    POLICY_DEADLINE = 6
};
#define POLICY_RESET_ON_FORK 0x40000000u

u64 cpu_mask(void) HIDDEN; /* the CPUs that there are */
void urgency_first(struct task *t) HIDDEN;
void urgency_forked(const struct task *parent, struct task *t) HIDDEN;
int urgency_forbids_fork(const struct task *t) HIDDEN;
u32 urgency_cpu(const struct task *t) HIDDEN; /* the one that it runs on, as far as it knows */
#endif
