/* faults.h: what the files of the fault rules share (abi_faults.h says what they are to do). */
#ifndef DST_FAULTS_H
#define DST_FAULTS_H
#include "core/rules.h"
#include "shim.h"

#define FIRINGS_MAX 64u /* rules that fire at one call */
#define ANSWERS_MAX 8u  /* callbacks that act at one call */
#define TARGETS_MAX 4u
#define FAULTS (&WORLD->faults)

enum phase { PHASE_ENTRY = 0, PHASE_EXIT = 1 };

/* What a call is about: a descriptor, or a path. */
struct target {
    i64 fd;       /* -1: a path */
    u32 object;   /* of the descriptor */
    u32 path;     /* which of the call's paths */
    i64 dirfd;    /* that it starts from */
};

struct targets {
    u32 count;
    struct target list[TARGETS_MAX];
};

/* One rule that fires at a call. */
struct firing {
    const struct fault_action *action;
    u16 rule;
    u8 phase;      /* enum phase, of its outcome and of what else it does */
    u8 overruled, is_told; /* that it was */
    u8 is_counted;         /* among the state's `fired` */
    u8 asks;               /* after the call, what it does */
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
    u32 is_timed; /* no call: a rule's time has come */
    u32 is_late;  /* rules that are decided after the call */
    u32 paths_known; /* bits: named (faults_paths.c) */
    u64 size; /* bytes asked for, SIZE_NONE, SIZE_UNKNOWN: not looked yet */
    struct targets targets;
    struct firing firings[FIRINGS_MAX];
    struct fault_action given[ANSWERS_MAX];
};

static inline u64 slot_bit(u64 nr)
{
    u32 slot = FAULTS->call_slot[nr];
    return slot ? 1ul << (slot - 1) : 0;
}

#define SIZE_NONE (~0ul)
#define SIZE_UNKNOWN (~0ul - 1)

/* A path argument as the rules see it; kept in the task's buffer while a call is decided. */
struct path_names {
    char given[PATH_BYTES_MAX];    /* made absolute, links not followed */
    char resolved[PATH_BYTES_MAX]; /* the kernel's name; empty: it has none */
    struct fault_set rules;        /* whose paths one of them is */
    u32 mode;                      /* of what is there, 0: nothing */
};

/* faults_match.c: which rules let the call pass their selectors */
int faults_candidates(struct trap *c, struct targets *targets, struct fault_set *to) HIDDEN;
int faults_matches(struct faulting *f, u32 rule) HIDDEN; /* what is not told by the sets */
u32 faults_kind(const struct object *o) HIDDEN; /* enum fault_kind */
const char *faults_text(u32 place) HIDDEN;
int faults_task_passes(struct task *t, u32 rule) HIDDEN;
int faults_window_is_open(const struct fault_rule *r) HIDDEN;

/* faults_paths.c */
struct path_names *faults_path(struct faulting *f, const struct target *t) HIDDEN;
/* Whether the call goes on where a link at the path's end leads to. */
int faults_follows(const struct trap *c) HIDDEN;
/* Absolute, without "." and "..", as far as names tell: links are not followed. */
void faults_absolute(i64 dirfd, const char *path, char to[PATH_BYTES_MAX]) HIDDEN;
/* A name of AF_UNIX in the call: its first path, from `*dirfd`. 0: there is none. */
int faults_take_address(struct trap *c, i64 *dirfd) HIDDEN;
/* The kernel's name of a descriptor's file, or a socket's address; empty: it has none. */
void faults_fd_path(i64 fd, const struct object *o, char to[PATH_BYTES_MAX]) HIDDEN;

/* faults_peers.c */
struct net_address;
/* The other end's address, as the call gives it or as it is; 0: not known. And the socket's own. */
int faults_peer(const struct trap *c, const struct target *t, struct net_address *peer,
                struct net_address *local) HIDDEN;
int faults_addresses_may_match(const struct fault_rule *r, const struct object *o, i64 fd) HIDDEN;
int faults_addresses_match(const struct trap *c, const struct fault_rule *r, const struct target *t) HIDDEN;

/* faults_names.c */
/* The rules whose paths the name is. */
const struct fault_set *faults_rules_of_name(const char *path) HIDDEN;
/* What is kept of a path on which no link is met, as far as that is known already; 0: it is not. */
const struct fault_name *faults_plain_name(const struct trap *c, const char *path, i64 dirfd) HIDDEN;
/* The same of a call's path on which no link is met, as far as that is known already; 0: it is not. */
const struct fault_set *faults_rules_of_plain(const struct trap *c, const struct target *t) HIDDEN;
void faults_is_plain(const struct trap *c, const char *path) HIDDEN; /* it is one, by what the kernel says */

/* faults_ask.c: what the rule's function says: 1: it acts, by g->action; 0: it passes. */
int faults_ask(struct faulting *f, struct firing *g, i64 result) HIDDEN;

/* faults_data.c: the bytes that a call moves */
u64 faults_size(struct faulting *f) HIDDEN; /* asked for; SIZE_NONE */

/* faults_record.c */
void faults_record(struct faulting *f, struct firing *g) HIDDEN; /* what it did, if anything */
void faults_count_fired(const struct firing *g) HIDDEN;

/* faults_acts.c: all but outcomes */
void faults_entry_acts(struct faulting *f) HIDDEN;
void faults_exit_acts(struct faulting *f) HIDDEN;
void faults_do_to_process(const struct fault_action *a, struct proc *p) HIDDEN;
void faults_continue(struct proc *p) HIDDEN;

/* faults_clock.c */
void faults_move_clocks(struct proc *p, const struct fault_action *a) HIDDEN;

/* faults_waits.c */
void faults_hold(struct task *t, u64 points) HIDDEN;

/* faults_timed.c */
#define NR_TIMED 0xffffu /* in events, for the call */
void faults_arm_new(void) HIDDEN;
void faults_mark_seen(u32 mark) HIDDEN;

/* faults_outcomes.c */
/* `g`: whose it is, 0: nobody's */
i64 faults_entry_outcome(struct faulting *f, struct firing *g) HIDDEN; /* does the call in its way */
i64 faults_exit_outcome(struct faulting *f, struct firing *g, i64 result) HIDDEN;
i64 faults_memory_outcome(struct firing *g) HIDDEN; /* of malloc and its like */
i64 faults_other_result(struct firing *g, i64 before) HIDDEN; /* what an error or retval gives instead */
/* faults_corrupt.c */
i64 faults_corrupt_outcome(struct faulting *f, struct firing *g) HIDDEN;
i64 faults_corrupt_after(struct faulting *f, struct firing *g, i64 result) HIDDEN;
void faults_corrupt_at_rest(struct faulting *f, struct firing *g) HIDDEN;
int faults_corrupt_file(struct firing *g, const char *path) HIDDEN; /* 0: nothing was changed */
/* Of what an action does, that which decides a call's result. */
static inline u32 outcome_of(const struct fault_action *a)
{
    u32 at_rest = a->corrupt_where == CORRUPT_REST ? FAULT_CORRUPT : 0;
    return a->what & FAULT_OUTCOMES & ~at_rest;
}
/* faults_net.c */
i64 faults_net_outcome(struct faulting *f, struct firing *g) HIDDEN;
i64 faults_net_after(struct faulting *f, struct firing *g, i64 result) HIDDEN;
/* What becomes of a connection that accept has given, and of its result. */
i64 faults_accept_outcome(struct faulting *f, struct firing *g, i64 fd) HIDDEN;
int faults_has_forgotten(struct trap *c) HIDDEN; /* an fsync after one that failed: nothing is done */
#endif
