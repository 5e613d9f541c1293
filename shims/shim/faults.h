/* faults.h: what the files of the fault rules share (abi_faults.h says what they are to do). */
#ifndef DST_FAULTS_H
#define DST_FAULTS_H
#include "core/rules.h"
#include "shim.h"

#define FIRINGS_MAX 64u /* rules that fire at one call */
#define ANSWERS_MAX 4u  /* callbacks that act at one call */
#define FAULTS (&WORLD->faults)

enum phase { PHASE_ENTRY = 0, PHASE_EXIT = 1 };

/* One rule that fires at a call. */
struct firing {
    const struct fault_action *action;
    u16 rule;
    u8 phase;      /* enum phase, of its outcome and of what else it does */
    u8 overruled;
    u8 counted;    /* among the state's `fired` */
    u32 did;       /* since the last record; enum fault_do */
    u32 victim;
    u64 match;     /* from 1 */
    u64 draws[4];
    u64 amount;
    i64 before, after;
};

/* A call at which some rule may fire; lives on the task's stack until the call is over. */
struct faulting {
    struct trap *c;
    u32 count, answers;
    struct firing *outcome[2]; /* by phase */
    struct firing firings[FIRINGS_MAX];
    struct fault_action given[ANSWERS_MAX];
};

/* faults_match.c: which rules let the call pass their selectors */
int faults_candidates(struct trap *c, struct fault_set *to) HIDDEN;
int faults_matches(struct trap *c, u32 rule) HIDDEN; /* what is not told by the sets */

/* faults_record.c */
void faults_record(struct faulting *f, struct firing *g) HIDDEN; /* what it did, if anything */

/* faults_acts.c: all but outcomes */
void faults_entry_acts(struct faulting *f) HIDDEN;
void faults_exit_acts(struct faulting *f) HIDDEN;

/* faults_outcomes.c */
i64 faults_entry_outcome(struct faulting *f) HIDDEN; /* does the call in its way */
i64 faults_exit_outcome(struct faulting *f, i64 result) HIDDEN;
#endif
