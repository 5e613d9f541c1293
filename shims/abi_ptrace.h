/* abi_ptrace.h: a part of abi.h: tasks that another task of the simulation traces (ptrace). */
#ifndef DST_ABI_PTRACE_H
#define DST_ABI_PTRACE_H

enum tracee_flag {
    TRACEE_SEIZED = 1,
    TRACEE_STOPPED = 2, /* until its tracer lets it go on */
    TRACEE_TOLD = 4,    /* its tracer has waited for the stop */
    TRACEE_AT_END = 8,  /* stopped at the end of a call: its registers can be set */
    TRACEE_SERVES = 16, /* has the token to do something for its tracer */
    TRACEE_STEPS = 32   /* runs one instruction: the processor's trap flag is set */
};

#define SIGNAL_TO_TRACER 2 /* result of an EVENT_SIGNAL: the tracer is to decide about it */

enum tracee_service { SERVE_PEEK = 1, SERVE_POKE, SERVE_GET_FS, SERVE_SET_FS };

struct tracee {
    u32 next, prev; /* of those that the tracer's process traces, the latest first */
    u32 status;     /* of its stop: signal, event << 8 */
    u32 resume_signal;
    u32 options, pad;
    u64 passed;     /* signals that its tracer has let through: they stop it no more */
    u64 original_ax; /* the call's number, ~0: none */
    struct siginfo_bytes info; /* of its stop */
    u32 service, state; /* state: before it served */
    u64 address, value;
    i64 result;
};

#endif
