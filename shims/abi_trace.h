/* abi_trace.h: a part of abi.h: the trace, a file of segments, mapped whole at TRACE_BASE.
 *
 * Segment 0 is the header. Every other segment belongs to one stream and says so in its own header,
 * with how much of it is used. What is reserved at once lies in one segment.
 */
#ifndef DST_ABI_TRACE_H
#define DST_ABI_TRACE_H

#define TRACE_MAGIC 0x6563617274747364ul /* "dsttrace" */
#define TRACE_VERSION 2u
#define TRACE_SEGMENT_BYTES 1048576u
#define TRACE_SEGMENTS_MAX 65536u
#define TRACE_EVENT_BYTES 64u
#define TRACE_META_BYTES_MAX 524288u

#define SEGMENT_MAGIC 0x73747364u /* "dsts" */
#define SEGMENT_HEADER_BYTES 64u

enum trace_stream {
    STREAM_NONE = 0,
    STREAM_EVENTS = 1,    /* struct event */
    STREAM_DATA = 2,      /* their side data */
    STREAM_DECISIONS = 3, /* what was decided, for a replay */
    STREAMS_MAX = 4
};

struct segment {
    u32 magic, stream;
    u32 used; /* bytes, header included */
    u32 pad[13];
};

struct trace_header {
    u64 magic;
    u32 version, event_bytes;
    u32 segment_bytes, segments_used; /* header's included */
    u64 events;     /* records written */
    u64 trace_hash; /* over the identities of all events so far */
    u64 virtual_ns;
    u32 meta_bytes; /* JSON: argv, environment, seed, versions, ... */
    u32 finished;   /* the supervisor closed it in good order */
    u64 end_meta_offset, end_meta_bytes; /* JSON after the last segment: outcome, processes */
    char meta[TRACE_META_BYTES_MAX];
};

enum event_kind {
    EVENT_SYSCALL = 1,  /* nr: the call */
    EVENT_SIGNAL = 2,   /* nr: signal delivered to a handler or acted upon */
    EVENT_START = 3,    /* a program's first instruction; side data: path, argv */
    EVENT_EXIT = 4,     /* a process's end, result: wait status */
    EVENT_DEATH = 5,    /* a process found dead from outside */
    EVENT_FORK = 6,     /* a task's first step; result: parent's pid */
    EVENT_TSC = 7,      /* a trapped rdtsc */
    EVENT_END = 8,      /* the run's end, result: enum end_reason */
    EVENT_FORCED = 9,   /* a task that spun was interrupted from outside */
    EVENT_INPUT = 10,   /* bytes from outside that the next call of the task gives; result: descriptor */
    EVENT_POINT = 12,   /* the strategy chose another task at a point of the preload library; nr: enum
                           preload_point, result: the task's how manyth point it is */
    EVENT_YIELD = 11,   /* a task that waits in a loop let others run, at a learned yield point; result: where
                           in its file */
    EVENT_INJECTED = 13 /* a fault rule has fired; side data: struct fault_record */
};

enum event_flag {
    EVENT_NO_RETURN = 1, /* exit, execve that succeeded: no result */
    EVENT_RESTARTED = 2,
    EVENT_FAULT = 4      /* a fault was injected into the call: EVENT_INJECTED before it */
};

struct event {
    u64 time_ns;  /* monotonic virtual clock after the call */
    u64 identity; /* 64-bit hash of all that makes two events the same */
    i64 result;
    u64 data_pos; /* side data: where in the file */
    u32 data_bytes;
    u32 pid, tid;
    u16 nr;
    u8 kind, flags;
    u64 enter_ns; /* virtual clock at entry */
    u64 rip;      /* of the call, for backtraces; not part of the identity */
};

/* Side data is a sequence of fields, each padded to 8 bytes. */
enum field_kind {
    FIELD_ARGS = 1,   /* u64 each, as many as the call has */
    FIELD_STRING = 2, /* a path or other string argument */
    FIELD_BYTES = 3,  /* first bytes of a buffer, see struct field_bytes */
    FIELD_STRUCT = 4, /* a whole struct argument, in or out */
    FIELD_STRINGS = 5, /* argv: NUL-separated */
    FIELD_FAULT = 6,  /* struct fault_record */
    FIELD_WAKER = 7   /* struct field_waker: the task had parked, and another one let it go on */
};

struct field {
    u8 kind;
    u8 arg;     /* index of the argument, 0 to 5 */
    u16 bytes;  /* that follow, before padding */
    u32 pad;
};

struct field_bytes { /* follows a FIELD_BYTES header, then `bytes` - 16 bytes of data */
    u64 total; /* bytes transferred */
    u64 hash;  /* XXH64 of all of them */
};

struct field_waker { /* no part of the identity */
    u64 event; /* the call that woke it: the waker's first event from this one on, if it makes another */
    u32 tid, pad;
};

struct stream_state {
    u32 segment; /* the current one, 0: none */
    u32 used;    /* bytes of it, header included */
};

struct trace_state {
    struct stream_state streams[STREAMS_MAX];
    u64 segments_ready; /* segments that the supervisor has allocated on disk */
    u32 grow_wanted;    /* futex: the shim waits for segments_ready */
    u32 grow_failed;    /* errno */
    u64 hash;
    u64 events;
    u32 nobody_wakes; /* who is woken now is woken by time, or by what is not in the simulation */
    u32 pad;
};

_Static_assert(sizeof(struct segment) == SEGMENT_HEADER_BYTES, "header of a segment");
_Static_assert(sizeof(struct event) == TRACE_EVENT_BYTES, "event record");
_Static_assert(sizeof(struct trace_header) <= TRACE_SEGMENT_BYTES, "header fits segment 0");

#endif
