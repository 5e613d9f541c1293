/* abi_trace.h: a part of abi.h: the trace while it is written, a file of segments that is mapped whole
 * at TRACE_BASE. (dstrun/trace/format.py tells of the whole format, and of traces at rest.)
 *
 * Segment 0 is the header. Every other segment belongs to one stream and says so in its own header,
 * with how much of it is used. What is reserved at once lies in one segment.
 *
 * Segments of events are whole in themselves: side data grows from the start, records grow from the
 * end towards it, and all that a record refers to is in its own segment.
 */
#ifndef DST_ABI_TRACE_H
#define DST_ABI_TRACE_H

#define TRACE_MAGIC 0x6563617274747364ul /* "dsttrace" */
#define TRACE_VERSION 3u
#define TRACE_SEGMENT_BYTES 1048576u
#define TRACE_SEGMENTS_MAX 65536u
#define TRACE_EVENT_BYTES 40u
#define TRACE_SITE_SLOTS 256u
#define TRACE_META_BYTES_MAX 524288u

#define SEGMENT_MAGIC 0x73747364u /* "dsts" */
#define SEGMENT_HEADER_BYTES 64u

enum trace_form { FORM_SEGMENTS = 1, FORM_CHUNKS = 2 /* at rest */ };

enum trace_stream {
    STREAM_NONE = 0,
    STREAM_EVENTS = 1,
    STREAM_DECISIONS = 3, /* what was decided, for a replay */
    STREAMS_MAX = 4
};

struct segment {
    u32 magic, stream;
    u32 used;  /* bytes from the start, header included */
    u32 count; /* records at the end; record k starts (k + 1) * TRACE_EVENT_BYTES before it */
    u64 first; /* number of the first event */
    u64 pad[5];
};

struct trace_header {
    u64 magic;
    u32 version, form; /* enum trace_form */
    u32 segment_bytes, segments_used; /* header's included */
    u64 events;     /* records written */
    u64 trace_hash; /* over the identities of all events so far */
    u64 virtual_ns;
    u32 meta_bytes; /* JSON: argv, environment, seed, versions, ... */
    u32 finished;   /* the supervisor closed it in good order */
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
    EVENT_FAULT = 4,     /* a fault was injected into the call: EVENT_INJECTED before it */
    EVENT_WOKEN = 8      /* the side data has a FIELD_WAKER */
};

#define TOOK_LONG 0xffffffffu /* how long is in the side data: FIELD_TOOK */

struct event {
    u64 identity; /* 64-bit hash of all that makes two events the same */
    u64 time_ns;  /* monotonic virtual clock after the call */
    i64 result;
    u32 took_ns;  /* since the call's entry */
    u32 site;     /* struct site: bytes from the segment's start */
    u32 data;     /* side data: likewise */
    u16 nr;
    u8 kind, flags;
};

struct site { /* who calls from where; written when it is not among the last ones. Not aligned */
    u64 rip; /* for backtraces; not part of the identity */
    u32 pid, tid;
};

/* Side data is a sequence of fields that ends with a byte 0. A field begins with a byte: its kind, and
 * the index of the argument << 4. Numbers are LEB128: seven bits a byte, the low ones first. */
enum field_kind {
    FIELD_ARGS = 1,   /* index: how many there are (n). (n + 1) / 2 bytes with a nibble for each, the low
                         one first: so many bytes of it follow, filled up with zeros; more than 8: 8 less,
                         filled up with ones */
    FIELD_STRING = 2, /* a path or other string argument: its length, itself */
    FIELD_BYTES = 3,  /* a buffer: bytes transferred, how many of the first ones follow, these; where there
                         are more: XXH64 of all, 8 bytes */
    FIELD_STRUCT = 4, /* a whole struct argument, in or out: length, itself */
    FIELD_STRINGS = 5, /* argv: length, strings NUL-separated */
    FIELD_FAULT = 6,  /* length, struct fault_record */
    FIELD_WAKER = 7,  /* the task had parked, and another one let it go on: its tid, and the number of an
                         event: the first one of that task from there on is the call that did it (its last
                         one before, where it makes no other). No part of the identity */
    FIELD_TOOK = 8,   /* 8 bytes: time since the call's entry, where took_ns is TOOK_LONG */
    FIELD_CONTROL = 9 /* a message's control data: length, itself */
};

struct stream_state {
    u32 segment; /* the current one, 0: none */
    u32 used;    /* bytes of it from the start, header included */
    u32 count;   /* records at its end */
};

struct site_slot { /* where in the current segment a site is; at: 0: nowhere */
    u64 rip;
    u32 tid, at;
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
_Static_assert(sizeof(struct site) == 16, "site");
_Static_assert(sizeof(struct trace_header) <= TRACE_SEGMENT_BYTES, "header fits segment 0");

#endif
