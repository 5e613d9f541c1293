/* faults_marks.c: what the run writes: marks are found in it, and it is kept for callbacks. */
#include "faults.h"
#include "faults_data.h"

#define CHUNK_BYTES 512u

static void mark_found(u32 index)
{
    struct fault_mark *m = &FAULTS->marks[index];
    m->last_at = ++FAULTS->marks_seen;
    if (m->seen++)
        return;
    m->first_at = m->last_at;
    m->seen_ns = WORLD->now_ns;
    faults_mark_seen(index);
}

/* Knuth, Morris, Pratt: each byte once, whatever pieces it comes in. */
static void look_for(u32 index, int is_error, const u8 *bytes, u64 n)
{
    struct fault_mark *m = &FAULTS->marks[index];
    u32 state = m->state[is_error];
    for (u64 i = 0; i < n; i++) {
        while (state && m->pattern[state] != bytes[i])
            state = m->fallback[state - 1];
        state += m->pattern[state] == bytes[i];
        if (state == m->bytes) {
            mark_found(index);
            state = m->fallback[state - 1];
        }
    }
    m->state[is_error] = state;
}

static void keep(int is_error, const u8 *bytes, u64 n)
{
    u64 at = FAULTS->output_bytes[is_error];
    for (u64 i = 0; i < n; i++)
        FAULTS->output[is_error][(at + i) % FAULT_OUTPUT_BYTES] = bytes[i];
    FAULTS->output_bytes[is_error] = at + n;
}

static void look_at(int is_error, u64 user, u64 bytes)
{
    u8 chunk[CHUNK_BYTES];
    for (u64 n; bytes; bytes -= n, user += n) {
        n = min_u64(bytes, sizeof chunk);
        if (copy_in(chunk, user, n))
            return;
        for (u32 i = 1; FAULTS->has_marks && i < FAULTS->marks_count; i++)
            look_for(i, is_error, chunk, n);
        if (FAULTS->keeps_output)
            keep(is_error, chunk, n);
    }
}

static int is_output(const struct trap *c)
{
    i64 fd = (i32)c->a[0];
    return fd == 1 || fd == 2 || (fd > 2 && WORLD->objects[fd_object(c->p, fd)].kind == OBJECT_OUTSIDE);
}

void faults_written(const struct trap *c, i64 result)
{
    struct data d;
    struct iovec_k v;
    if (result <= 0 || !is_output(c) || !data_of_call(c, &d) || !d.is_write || d.form == DATA_COUNT)
        return;
    u64 left = (u64)result;
    for (u64 i = 0; i < d.iov_count && left; i++) {
        if (copy_in(&v, d.iov + i * sizeof v, sizeof v))
            return;
        u64 n = min_u64(v.len, left);
        look_at((i32)c->a[0] == 2, v.base, n);
        left -= n;
    }
}
