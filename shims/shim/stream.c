/* stream.c: the trace file's segments, and the streams that they belong to. */
#include "shim.h"

#define GROW_AHEAD_SEGMENTS 1u

#define HEADER ((struct trace_header *)TRACE_BASE)

static struct segment *segment_at(u32 index)
{
    return (struct segment *)(TRACE_BASE + (u64)index * TRACE_SEGMENT_BYTES);
}

/* The supervisor allocates ahead: a hole in a mapped file on a full disk would be a SIGBUS. */
static void wait_for_room(u32 segment)
{
    struct trace_state *s = &WORLD->trace;
    if (segment >= TRACE_SEGMENTS_MAX)
        end_run(END_TRACE_FULL, "the trace has reached its largest size (try --no-trace or --max-events)");
    while (__atomic_load_n(&s->segments_ready, __ATOMIC_ACQUIRE) <= segment) {
        if (s->grow_failed)
            end_run(END_TRACE_FULL, "the trace file cannot grow: the disk is full");
        __atomic_store_n(&s->grow_wanted, 1, __ATOMIC_SEQ_CST);
        ring_bell();
        raw(__NR_futex, &s->grow_wanted, 0, 1);
    }
    if (s->segments_ready - segment <= GROW_AHEAD_SEGMENTS && !s->grow_wanted && !s->grow_failed) {
        s->grow_wanted = 1;
        ring_bell();
    }
}

static void segment_take(u32 stream)
{
    struct world *w = WORLD;
    u32 segment = HEADER->segments_used;
    wait_for_room(segment);
    *segment_at(segment) = (struct segment){
        .magic = SEGMENT_MAGIC, .stream = stream, .used = SEGMENT_HEADER_BYTES, .first = w->trace.events};
    w->trace.streams[stream] = (struct stream_state){.segment = segment, .used = SEGMENT_HEADER_BYTES};
    HEADER->segments_used = segment + 1;
    if (stream == STREAM_EVENTS)
        memset(w->sites, 0, sizeof w->sites);
}

u8 *stream_reserve(u32 stream, u64 bytes)
{
    struct stream_state *s = &WORLD->trace.streams[stream];
    u64 taken = s->used + (u64)s->count * TRACE_EVENT_BYTES;
    if (unlikely(!s->segment || taken + bytes > TRACE_SEGMENT_BYTES))
        segment_take(stream);
    return (u8 *)segment_at(s->segment) + s->used;
}

void stream_commit(u32 stream, u64 bytes)
{
    struct stream_state *s = &WORLD->trace.streams[stream];
    s->used += (u32)bytes;
    segment_at(s->segment)->used = s->used;
}

struct event *record_slot(void)
{
    const struct stream_state *s = &WORLD->trace.streams[STREAM_EVENTS];
    return (struct event *)segment_at(s->segment + 1) - s->count - 1;
}

void record_count(u32 count)
{
    struct stream_state *s = &WORLD->trace.streams[STREAM_EVENTS];
    s->count = count;
    segment_at(s->segment)->count = count;
}
