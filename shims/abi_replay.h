/* abi_replay.h: the part of abi.h about a run's decisions: what a trace keeps of them, and how a run
 * that follows a trace is told; abi.h includes it.
 *
 * A decision is what a run owes to a generator or to the outside and not to the program. Each has a
 * key of its own: whose it is, and the how manyth of its kind there. What others do does not change
 * it, so a decision can be taken out or put in, and the rest goes on to mean the same.
 */
#ifndef DST_ABI_REPLAY_H
#define DST_ABI_REPLAY_H

enum decision_kind {
    /* At its `number`-th scheduling point the task `entity` gave the token to task `value`. None where
     * it went on itself, or one only could run. */
    DECISION_NEXT = 1,
    /* The `number`-th time that task `entity` woke one of several waiters it was not the one that had
     * waited longest, but the `value`-th after it. */
    DECISION_WAITER = 2,
    /* The fault rule of stream `entity` decided to act at its `number`-th match. value: 0, or in an
     * edited replay 1 + the index of the rule whose action is done instead. */
    DECISION_FAULT = 3,
    /* What poll told of a descriptor from outside the `number`-th time that task `entity` asked: revents,
     * and from bit 16 on how many ns of the machine's time that took (--net host). */
    DECISION_READY = 4,
    /* What the `number`-th call that asks the outside gave task `entity`: its result, and bytes in the
     * events from `event` on. */
    DECISION_INPUT = 5,
    /* Under --net host, counted with READY: a part of a socket's address, of which a fault rule wants to
     * know, or whether there is a socket of this AF_UNIX name. */
    DECISION_NAME = 6
};

/* In the trace's stream of decisions, in the order of the run; in the image, in the order of their keys. */
struct decision {
    u64 entity; /* sched_task.identity, fault_rule.stream */
    u64 value;
    u32 number; /* from 1 */
    u32 tid;    /* NEXT: what task `value` was called; INPUT: how many bytes came */
    u32 event;  /* how many events there were; no part of the key. In the image, of INPUT: its bytes' place */
    u8 number_high;
    u8 kind;
    u16 pad;
};

#define DECISION_BYTES 32u

/* What a run that follows a trace finds at REPLAY_BASE, read only. */
struct replay_image {
    u64 magic;
    u64 events, identities;    /* how many, and where: offsets from the image's start */
    u64 decisions, decisions_at;
    u64 inputs_at;             /* bytes from outside */
};

struct replay_state {
    u64 compared;      /* events found to be the same */
    u64 differs_at;    /* event + 1 that was another one; 0: none so far */
    u64 not_applied;   /* decisions that had no place any more */
    u64 adds;          /* to the ready set */
    u64 until;         /* the world stands still when so many events are recorded, or more; 0: it does not */
    u32 stands;        /* futex: it does, until the supervisor clears it */
    u32 is_unsure;     /* the last event may be taken back: compared with the next one */
    u64 unsure;        /* its identity */
};

struct replay_cursor { /* of a task, in the image's NEXT decisions */
    u64 number; /* that of the next one; 0: not looked up yet */
    u64 place;
};

_Static_assert(sizeof(struct decision) == DECISION_BYTES, "decision record");

#endif
