/* abi_faults.h: the part of abi.h about faults: the compiled plan, and what has come of it.
 *
 * Python (dstrun/plan/compile.py) writes the rules before the first exec; the shim evaluates them;
 * Python reads the states for the account. While a task asks the supervisor (struct fault_question)
 * nothing else runs, so Python may then add rules too: it raises `epoch` after it.
 *
 * How a call is decided, rule by rule in the table's order (the order of the command line, and
 * within a plan the order there):
 *   1. A rule *matches* when all of its selectors do, its time window is open and its marks say so.
 *      `matched` is counted, and n is the number of this match in the rule's scope, from 1.
 *   2. It *decides* to fire when `when` takes n (or it is sticky and has fired before), its draw is
 *      below `prob_below`, and `at_most` is not reached. No rule's decision looks at what another
 *      one decided: to take one away must change no other one.
 *   3. All draws of a match come from one block: rng_block(fault_seed, RNG_FAULT, rule.stream, m),
 *      m being `matched` before this match, whatever the scope. Word 0 is the draw for `prob`, word
 *      1 for which errno (and which victim), word 2 for delays (high half: entry, low half: exit),
 *      word 3 for sizes and corruption. More words: counter m + (k << 48), k = 1, 2, ...
 * What those that fire do is put together so:
 *   - at entry, in the table's order: pokes, signals, kill/stop (those of rules without after_call);
 *     the delays of all are added up and waited for once, after the pokes, before all else.
 *   - one outcome: the first rule in the order that has one (enum fault_do, FAULT_OUTCOMES) decides
 *     it, the others' are *overruled*, which their events say. Outcomes of rules with after_call
 *     come after the call, so there may be one before (SHORT, SYSCALL, CORRUPT, ... which let the
 *     call happen in some way) and one after it; one that leaves the call out overrules both.
 *   - at exit, in the table's order: what after_call rules do, pokes, the delays' sum.
 */
#ifndef DST_ABI_FAULTS_H
#define DST_ABI_FAULTS_H

#define FAULT_RULES_MAX 256u
#define FAULT_WORDS 4u             /* of 64 bits, for a set of rules */
#define FAULT_DELAYS_MAX 512u      /* [0]: none */
#define FAULT_PEERS_MAX 1024u
#define FAULT_POKES_MAX 1024u
#define FAULT_MARKS_MAX 64u        /* [0]: none */
#define FAULT_MARK_BYTES 128u
#define FAULT_ERRNOS_MAX 16u
#define FAULT_TEXT_BYTES 1048576u
#define FAULT_QUANTILES 257u
#define FAULT_DATA_BYTES 4096u
#define FAULT_OUTPUT_BYTES 4194304u
#define FAULT_SLOTS 64u
#define FAULT_NAMES 4096u
#define GLOB_GRAMS 509u
#define FAULT_NO_END (~0ul)        /* of a range or a window: open */

struct fault_set { /* bit i: rule i */
    u64 words[FAULT_WORDS];
};

enum fault_flag {
    FAULT_AFTER_CALL = 1, /* the call is done first */
    FAULT_STICKY = 2,     /* once it has fired, each match fires (`when` and `prob` are not asked) */
    FAULT_CALLBACK = 4,   /* ask the supervisor what to do; `action` is not used */
    FAULT_TIMED = 8       /* at a time, not at a call */
};

enum fault_scope { /* what `when` counts: matches of the rule ... */
    FAULT_COUNT_RUN = 0,     /* of the whole run */
    FAULT_COUNT_PROCESS = 1, /* by this process: fault_proc.matched; fork starts afresh, exec does not */
    FAULT_COUNT_THREAD = 2,  /* by this thread: fault_task.matched, from 0 in a new thread */
    FAULT_COUNT_STRACE = 3   /* by this thread with this call: fault_task.calls; such rules select by call alone */
};

enum fault_do {
    FAULT_ERROR = 1,         /* give -errno: one of `errors`, drawn by weight */
    FAULT_RETVAL = 2,        /* give `retval` */
    FAULT_SHORT = 4,         /* transfer less: `short_how`, `short_value` */
    FAULT_EINTR = 8,         /* where the call waits: end its wait as a signal would after eintr_ns; it has not
                                fired where the call does not wait */
    FAULT_DROP = 16,         /* a write or send: say that all was written, write nothing */
    FAULT_DUPLICATE = 32,    /* a write or send: do it twice */
    FAULT_FORGET = 64,       /* with ERROR at fsync and its like: it is not done, fails once, and the next one on
                                the same file succeeds without being done (nor is it a match) */
    FAULT_SYSCALL = 128,     /* do call `syscall` instead, its result is given; strace's grammar */
    FAULT_NET = 256,         /* `net` happens to the call's connection (enum fault_net) */
    FAULT_SPURIOUS = 512,    /* a futex wait returns 0 at once, woken by nobody */
    FAULT_MISDIRECT = 1024,  /* a futex wake wakes others than those who have waited longest: the newest first */
    FAULT_CORRUPT = 2048,    /* `corrupt_*`; no outcome where corrupt_where is CORRUPT_REST */
    /* those that go with any outcome: */
    FAULT_DELAY_ENTER = 4096, /* of virtual time; signals do not end it */
    FAULT_DELAY_EXIT = 8192,
    FAULT_SIGNAL = 16384,     /* `signal` to the calling thread: pending before the call starts, delivered when it ends
                                 (with after_call: pending after it). A timed rule: to the victims' processes */
    FAULT_KILL = 32768,       /* the process dies of signal `kill` (SIGKILL), whatever it handles or blocks, without
                                 coming back to its code. After SHORT in one rule with after_call: in the middle of a write */
    FAULT_STOP = 65536,       /* the process is stopped, for stop_ns or (0) until somebody continues it */
    FAULT_CONTINUE = 131072,
    FAULT_POKE_ENTER = 262144, /* bytes into memory that an argument points to (table of pokes) */
    FAULT_POKE_EXIT = 524288,
    FAULT_CLOCK = 1048576,    /* `clock_*` */
    FAULT_HOLD = 2097152      /* the task is not chosen before hold_points scheduling points of others, or until no
                                 other one can run */
};

/* The first rule that has one of these decides what the call gives. */
#define FAULT_OUTCOMES                                                                                 \
    (FAULT_ERROR | FAULT_RETVAL | FAULT_SHORT | FAULT_EINTR | FAULT_DROP | FAULT_DUPLICATE |           \
     FAULT_FORGET | FAULT_SYSCALL | FAULT_NET | FAULT_SPURIOUS | FAULT_MISDIRECT | FAULT_CORRUPT)

enum fault_short { SHORT_BYTES = 1, SHORT_PPM = 2, SHORT_RANDOM = 3 };
/* BYTES: at most short_value; PPM: that part of what was asked for, rounded down but at least 1; RANDOM: 1 to one
 * less than asked for. 0 bytes: the call is not done and gives 0 (a read: end of file). Where nothing is
 * taken away by it, it has not fired. With after_call: the whole is done, the smaller number is given. */

enum fault_net {
    NET_REFUSED = 1,     /* connect: ECONNREFUSED, nothing has reached the other end */
    NET_RESET = 2,       /* the connection is reset, for both ends; this call gives ECONNRESET (EPIPE on a later send) */
    NET_TIMED_OUT = 3,   /* waits net_ns of virtual time, then ETIMEDOUT; a connection's both ends are cut off as below */
    NET_UNREACHABLE = 4, /* EHOSTUNREACH at once */
    NET_HALF_OPEN = 5    /* from now on nothing goes from either end to the other, and nobody is told */
};

enum fault_corrupt { CORRUPT_FLIP = 1, CORRUPT_ZERO = 2, CORRUPT_JUNK = 3, CORRUPT_TRUNCATE = 4 };
enum fault_where {
    CORRUPT_READ = 1,  /* what the call has read, in the program's buffer */
    CORRUPT_WRITE = 2, /* what it writes; the program's buffer is as before afterwards */
    CORRUPT_REST = 3   /* the file itself: that of the call's descriptor or path, before the call (after_call: after
                          it); of a timed rule: `file` */
};

enum fault_clock_bit { /* 1 << clockid, with these for more than one */
    CLOCKS_WALL = 0x821, /* REALTIME, REALTIME_COARSE, TAI: time(), gettimeofday, file times */
    CLOCKS_MONOTONIC = 0xd2 /* MONOTONIC, MONOTONIC_RAW, MONOTONIC_COARSE, BOOTTIME; never backwards */
};

enum fault_victims { VICTIMS_ALL = 0, VICTIMS_ONE = 1 /* drawn among those that match */ };

/* A distribution by its quantiles: constant, uniform, exponential, normal cut at 0. A draw of 32 bits w lies
 * between q[w >> 24] and the next one, linearly by the low 24 bits. */
struct fault_delay {
    u64 quantile_ns[FAULT_QUANTILES];
};

/* What to do. Of a rule, or the supervisor's answer to a callback's question. */
struct fault_action {
    u32 what; /* enum fault_do */
    u32 errors; /* entries of: */
    u64 error_below[FAULT_ERRNOS_MAX]; /* the first one that the draw is below (or, of the last, equal to): */
    u16 error[FAULT_ERRNOS_MAX];
    i64 retval;
    u32 short_how, syscall;
    u64 short_value;
    u64 eintr_ns;
    u32 delay_enter, delay_exit;         /* entries of `delays`; 0: constant, the next two */
    u64 delay_enter_ns, delay_exit_ns;
    u32 signal, kill;
    u64 stop_ns;
    u32 first_poke, pokes; /* those for entry and for exit */
    u32 net, corrupt_how;
    u64 net_ns;
    u32 corrupt_where, victims;
    u64 corrupt_count;                   /* FLIP: bits; ZERO, JUNK: bytes; TRUNCATE: bytes cut off; 0: all */
    u64 corrupt_from, corrupt_to;        /* within these offsets of the data (of the file: REST), to: exclusive */
    u32 clocks;                          /* bits 1 << clockid */
    u32 clock_freeze;                    /* it stands still */
    i64 clock_jump_ns;
    i64 clock_drift_ppb;                 /* faster or slower by so many billionths; -10^9 + 1 at least */
    u64 clock_for_ns;                    /* freeze and drift: until then; 0: for good */
    u64 hold_points;
};

/* Text selectors: places in `text`, 0: none is asked for. There lie alternatives, each NUL-terminated, the
 * last one followed by a second NUL; one of them has to match. In a glob ? and [..] and * match no "/",
 * ** matches all; [!..] negates, \ quotes; {a,b} is written out by Python. */
struct fault_rule {
    u32 flags;  /* enum fault_flag */
    u32 scope;  /* enum fault_scope */
    u64 stream; /* of its draws: a hash of its name, or of its content; never its place */
    u32 name;   /* in `text` */

    /* descriptor and path; any of the call's descriptors or path arguments has to match them all */
    u32 paths;  /* globs of absolute paths (Python has put the working directory before relative ones): matched
                   against the name it was opened by, made absolute, and the kernel's name for it, links
                   resolved, which a rename changes; a socket: its AF_UNIX address; nothing else has a path */
    u32 kinds;  /* bits 1 << enum fault_kind, 0: any */
    u32 first_peer, peers, first_local, locals; /* in `peers`: one of them has to match, 0: any */
    i64 fd_from, fd_to;     /* descriptor's number, inclusive; fd_to -1: any */
    u64 size_from, size_to; /* bytes that the call asks for (argument SIZE, or the sum of its iovecs), inclusive;
                               (0, FAULT_NO_END): any call; else one without a size does not match */

    /* who; of a timed rule: the victims. None: every live process */
    u32 processes; /* globs: comm of the process, its executable's last part, or (with "/") the whole of it */
    u32 threads;   /* globs: comm of the thread */
    u64 process_from, process_to; /* in the order of their making, the first program is 1 */
    u64 thread_from, thread_to;   /* within the process, the first thread is 1 */

    /* when */
    u64 not_before_ns, not_after_ns; /* monotonic virtual time since the start, [from, to); FAULT_NO_END */
    u32 from_mark, to_mark;  /* in `marks`, 0: none: open from when the first one was written until the second */
    u64 when_from, when_to, when_step; /* n = from, from + step, ... <= to; step and from at least 1 */
    u64 prob_below; /* draw < this; FAULT_NO_END: always */
    u64 at_most;    /* 0: no limit; of decisions that were no callback's "pass" */
    u64 at_ns;      /* TIMED: first time, since the start (or since from_mark was written where there is one); */
    u64 every_ns;   /* then each so many, 0: only once */
    u32 file;       /* TIMED with CORRUPT_REST: path of the file, in `text` (one) */
    u32 pad;
    struct fault_action action;
};

enum fault_kind { /* of a descriptor, as the plan names it */
    KIND_FILE = 0, KIND_DIR, KIND_PIPE, KIND_UNIX, KIND_TCP, KIND_UDP, KIND_SOCKET /* any other */, KIND_EVENTFD,
    KIND_TIMERFD, KIND_SIGNALFD, KIND_EPOLL, KIND_PIDFD, KIND_INOTIFY, KIND_MQ, KIND_TTY, KIND_RANDOM, KIND_DEVICE,
    KIND_OUTSIDE /* came from outside, whatever it is there */, KIND_OTHER
};

struct fault_peer {
    u8 ip[16];         /* IPv4 as ::ffff:a.b.c.d */
    u32 prefix_bits;   /* of these 128; 0: any address, and no address of AF_UNIX */
    u16 port_from, port_to; /* inclusive; 0 to 65535: any */
};

struct fault_poke {
    u32 argument; /* 0 to 5 */
    u32 at_exit;
    u32 text, bytes; /* in `text` */
};

/* Bytes to be seen in what the run writes to descriptors 1 and 2 or to any that came from outside. */
struct fault_mark {
    u32 bytes;
    u32 seen;     /* times */
    u64 seen_ns;  /* virtual time of the first */
    u64 first_at, last_at; /* of fault_world.marks_seen: which order they came in */
    u8 pattern[FAULT_MARK_BYTES];
    u8 fallback[FAULT_MARK_BYTES]; /* [i]: length of the longest proper prefix that is a suffix of the first i + 1 bytes */
    u32 state[2]; /* bytes matched so far: in what goes to descriptor 2, in all else */
};

struct fault_state {
    u64 matched, decided;
    u64 fired;     /* has had an effect */
    u64 overruled; /* decided, and an earlier rule had the outcome */
    u64 asked;     /* callback's questions */
    u64 first_ns, last_ns; /* virtual time of injections, as event.time_ns */
    struct timer_ref timer; /* TIMED */
    u32 is_stuck, pad;
};

struct fault_object { /* of an object: which rules its descriptor selectors let pass */
    struct fault_set rules;
    struct fault_set opened; /* those whose paths match the name that it was opened by */
};

/* What the rules' paths say of a name; a table by the name's hash, where the last one that came stays. */
struct fault_name {
    u64 hash;     /* of the absolute path (core/glob.h) */
    u32 rules;    /* so many were looked at; 0: free */
    u32 plain[2]; /* fault_world.links when no link was met on the way: [0] but perhaps at its end, [1] nor there */
    u32 pad;
    u64 calls;    /* bits: slots of calls that those which match name */
    struct fault_set matching;
};

/* A process's clock that was moved (core/clocks.h): it shows the simulation's time and `ahead_ns` and
 * `ppb` billionths of what has passed since. */
struct fault_clock {
    i64 ahead_ns, ppb;
    u64 since_ns, until_ns; /* until: of ppb; 0: for good */
};

#define FAULT_CLOCKS 12u /* clock ids */

struct fault_proc {
    struct fault_set rules;
    struct fault_clock clocks[FAULT_CLOCKS]; /* its children inherit them */
    u32 epoch, order;  /* order: of its making, from 1 */
    u32 threads_made, pad;
    struct timer_ref stop; /* when a stop of ours ends */
    char exe[256]; /* the kernel's name of its program: of a script, the interpreter's */
    u32 matched[FAULT_RULES_MAX]; /* FAULT_COUNT_PROCESS */
};

enum fault_wait { WAIT_ABSOLUTE = 16 /* and the clock's id */ };

struct fault_task {
    struct fault_set rules; /* of its process too */
    u64 directory;          /* hash of its working directory's name */
    u32 directory_epoch;    /* fault_world.directories when that was looked at */
    u32 order;              /* in its process */
    u64 eintr_ns;           /* the shim's: how long a wait may take until EINTR */
    u64 held_until;         /* held back: until this scheduling point (fault_world.held_points) */
    u32 next_held, is_held; /* tasks */
    u32 wait_clock;         /* its wait's deadline is on this clock, enum fault_wait; 0: monotonic, relative */
    u32 wait_pad;
    u64 deadline, deadline_moved; /* that it was given for its wait, and what has become of it; 0: that did not move */
    u32 calls[SYSCALLS_MAX];      /* FAULT_COUNT_STRACE: of calls that some rule of that scope names */
    u32 matched[FAULT_RULES_MAX]; /* FAULT_COUNT_THREAD */
};

/* ---- a callback: request.kind is REQUEST_FAULT, request.task the one that asks ---- */
enum request_kind { REQUEST_EXEC = 0, REQUEST_FAULT = 1, REQUEST_BEFORE = 2 };

struct fault_question {
    u32 rule;
    u32 after_call;   /* 0: before the call; else `result` is what it gave */
    u32 nr;           /* call or pseudo-call; ~0: a timed rule */
    u32 object;       /* of its (first) descriptor, 0: none */
    u64 args[6];
    i64 result;
    i64 fd;           /* -1: none */
    u64 match;        /* number of this match, from 1 */
    u64 size;         /* bytes asked for; ~0: the call has no size */
    u64 data, data_bytes; /* address in the program, and length, of what it writes (after_call: has read); 0: none */
    u32 data_copied;  /* so many of them are here: */
    u32 is_sockaddr;  /* `peer` is known */
    u8 peer_ip[16];
    u16 peer_port, local_port;
    u32 kind;         /* enum fault_kind of the descriptor */
    char path[2][PATH_BYTES_MAX]; /* path arguments made absolute, or [0]: the descriptor's; empty: none */
    u8 bytes[FAULT_DATA_BYTES];
};

struct fault_answer {
    u32 act; /* 0: pass, as if the rule had not decided */
    u32 pad;
    struct fault_action action;
};

/* ---- an injection in the trace: EVENT_INJECTED, before the event of its call. nr: the call (~0 & 0xffff: a
 * timed rule), result: `after`; side data: one FIELD_FAULT with this ---- */
struct fault_record {
    u32 rule;      /* its place in the plan as resolved (the trace's header has that) */
    u32 did;       /* enum fault_do: what was done; 0: overruled, or a timed rule that found no victim */
    u64 match;     /* number of the match, from 1 */
    i64 before;    /* what the call gave, or for SHORT, CORRUPT and the like the bytes that were asked for;
                      0 where it was not done */
    i64 after;     /* what is given instead; at entry, where that is not known yet, 0 */
    u64 amount;    /* ns of delay, stop or jump; bits or bytes corrupted; signal sent, in this order of precedence */
    u32 victim;    /* pid that it was done to, 0: the caller's */
    u32 after_call;
};

struct fault_world {
    u32 rules_count;    /* 0: no plan, nothing else here is valid */
    u32 words_used;     /* of each set: (rules_count + 63) / 64 */
    u32 epoch;          /* from 1; raised when rules are added and, with has_paths, when a name may have changed */
    u32 has_paths;      /* some rule has `paths` */
    u32 has_marks;      /* some rule has marks: what is written must be looked at */
    u32 processes_made; /* fault_proc.order */
    u64 marks_seen;
    u32 clocks_moved;   /* some clock of some process was */
    u32 clocks_pad;
    u64 held_points;    /* counts while some task is held back */
    u32 first_held, timed_armed; /* rules that were looked at for timers */
    u32 keeps_output;   /* some rule is a callback: what is written is kept for it, in `output` */
    /* Each call that a rule names has a slot (those beyond share the last). A task and an object keep a bit for
     * each slot that one of the rules that let them pass is of: so a call that no rule concerns shows. */
    u8 call_slot[SYSCALLS_MAX]; /* from 1; 0: no rule names it */
    u32 slots_used;
    u32 links;       /* from 1; raised when a link may have come, or a name may mean another file */
    u32 directories; /* from 1; raised when some task's working directory may have another name */
    u32 slots_pad;
    u64 rule_slots[FAULT_RULES_MAX]; /* of its calls */
    u64 other_slots; /* of all rules that do not select by path */
    struct fault_set call_rules[SYSCALLS_MAX]; /* which */
    struct fault_set no_object; /* rules without selectors of descriptors: all that a call without any can match */
    struct fault_set strace_rules, timed_rules;
    struct fault_set path_rules; /* that select by path */
    u16 path_gram[FAULT_RULES_MAX]; /* core/glob.h: of all that its globs match; 0: there is none */
    u32 texts, peers_count, pokes_count, delays_count, marks_count, pad; /* used of the tables below */
    struct fault_rule rules[FAULT_RULES_MAX];
    struct fault_state states[FAULT_RULES_MAX];
    struct fault_peer peers[FAULT_PEERS_MAX];
    struct fault_poke pokes[FAULT_POKES_MAX];
    struct fault_mark marks[FAULT_MARKS_MAX];
    struct fault_question question;
    struct fault_answer answer;
    /* What the run wrote, as marks see it: [0] all but [1], to descriptor 2. Byte p of it lies at p % FAULT_OUTPUT_BYTES. */
    u64 output_bytes[2];
    u8 output[2][FAULT_OUTPUT_BYTES];
    struct fault_delay delays[FAULT_DELAYS_MAX];
    char text[FAULT_TEXT_BYTES]; /* [0] is NUL: place 0 is none */
    struct fault_task tasks[TASKS_MAX];
    struct fault_proc procs[PROCS_MAX];
    struct fault_object objects[OBJECTS_MAX];
    struct fault_name names[FAULT_NAMES];
};

#endif
