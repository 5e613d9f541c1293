/* abi_sched.h: the part of abi.h that is the scheduler's own; abi.h includes it. */
#ifndef DST_ABI_SCHED_H
#define DST_ABI_SCHED_H

enum strategy {
    STRATEGY_FIFO = 0,
    STRATEGY_RANDOM = 1,
    STRATEGY_STICKY = 2,
    STRATEGY_DELAY = 3,
    STRATEGY_PCT = 4,
    STRATEGY_POS = 5,
    STRATEGY_REPLAY = 6 /* chooses in another one's place: what a trace says */
};

#define SCHED_DEPTH_MAX 64u

struct sched_config { /* a strategy and its parameters: dstrun/strategies.py */
    u32 strategy; /* which says where there is a choice, */
    u32 chooser;  /* and who chooses: the same, or STRATEGY_REPLAY */
    u32 depth, pad; /* d of pct and delay: change points or delays in a round */
    u64 points;   /* k of pct, delay, pos: a round's length; 0: rounds double */
    u64 keep_ppm; /* p of sticky */
    u64 slice_ns; /* of fifo and delay; 0: none */
    u64 spin;     /* of pct: points that a task may hold others up for; 0: no limit */
};

struct sched_task {
    u64 identity; /* for the draws: the same whatever others do (sched_identity) */
    u64 children_made;
    u64 priority; /* the highest runs; of round `priority_round` */
    u64 priority_round;
    u64 steps;    /* of pos: those that it drew a priority for */
    u64 spun;     /* points since it last waited, while others could run */
    u64 ready_ns; /* since when it could run, and waits for its turn; for reports */
    u64 passed;   /* scheduling points at which it held the token */
    u64 waiters_chosen, outside_asked, outside_read; /* its decisions of other kinds: abi_replay.h */
    struct replay_cursor replay;
};

/* What the program set of a task's policy and priority, and reads back; it decides nothing. */
struct urgency {
    i32 nice;
    u32 policy;        /* SCHED_OTHER... */
    u32 priority;      /* of SCHED_FIFO and SCHED_RR, 1 to 99 */
    u32 reset_on_fork;
    u32 ioprio;        /* class << 13 | level; 0: none set */
    u32 flags;         /* of SCHED_DEADLINE */
    u64 runtime_ns, deadline_ns, period_ns; /* of SCHED_DEADLINE */
    u64 cpus;          /* those that it may run on, as far as it knows */
};

struct sched_state {
    u32 count; /* of the ready set */
    u32 head;  /* where it is a ring */
    u64 choices; /* counter of the strategy's stream */
    u64 waiter_choices; /* the same for who is woken */
    u64 points;  /* places so far where more than one task could run */
    /* pct, delay, pos: rounds of k points, and what is drawn for this one (core/rounds.h) */
    u64 round, round_end;
    u64 drawn_at[SCHED_DEPTH_MAX]; /* in the order of the points */
    u8 drawn_number[SCHED_DEPTH_MAX];
    u32 drawn, drawn_next;
    u64 demotions;         /* pct */
    u16 ready[TASKS_MAX];  /* the ready set: a ring or a heap, as the strategy has it */
    /* of a heap, here and not in struct task for the sake of the caches */
    u16 ready_pos[TASKS_MAX]; /* where a task is in it; 0: nowhere */
    u64 ready_priority[TASKS_MAX];
};

#endif
