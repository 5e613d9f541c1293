/* faults_marks.c: what the run writes: marks are found in it, and it is kept for callbacks. */
#include "faults.h"
#include "faults_data.h"
#include "files.h"
#include "views.h"

#define CHUNK_BYTES 512u
#define BUFFER_BYTES (sizeof((struct data_room *)0)->bytes)
#define F_SETPIPE_SZ_CMD 1031
#define F_GETPIPE_SZ_CMD 1032

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

void faults_output(i64 fd, const u8 *bytes, u64 n)
{
    for (u32 i = 1; FAULTS->has_marks && i < FAULTS->marks_count; i++)
        look_for(i, fd == 2, bytes, n);
    if (FAULTS->keeps_output)
        keep(fd == 2, bytes, n);
}

static void look_at(i64 fd, u64 user, u64 bytes)
{
    u8 chunk[CHUNK_BYTES];
    for (u64 n; bytes; bytes -= n, user += n) {
        n = min_u64(bytes, sizeof chunk);
        if (copy_in(chunk, user, n))
            return;
        faults_output(fd, chunk, n);
    }
}

int faults_is_output(struct proc *p, i64 fd)
{
    if (likely(!(FAULTS->has_marks | FAULTS->keeps_output)))
        return 0;
    return fd == 1 || fd == 2 || (fd > 2 && WORLD->objects[fd_object(p, fd)].kind == OBJECT_OUTSIDE);
}

void faults_written(const struct trap *c, i64 result)
{
    struct data d;
    struct data_way w;
    struct iovec_k v;
    i64 fd = (i32)c->a[0];
    if (result <= 0 || !faults_is_output(c->p, fd) || !data_of_call(c, &d) || !d.is_write || d.form == DATA_COUNT)
        return;
    for (data_start(&w, &d, (u64)result); data_next(&w, &v);)
        look_at(fd, v.base, v.len);
}

/* ---- from descriptor to descriptor ----
 *
 * A file can be read again; what a pipe or a socket has is gone afterwards, so that is copied before. */
static i64 copy_of_pipe(i64 fd, u64 bytes)
{
    i32 pipe[2];
    if (raw(__NR_pipe2, pipe, O_NONBLOCK_FLAG | O_CLOEXEC_FLAG))
        return -1;
    i64 size = raw(__NR_fcntl, fd, F_GETPIPE_SZ_CMD, 0);
    raw(__NR_fcntl, pipe[1], F_SETPIPE_SZ_CMD, size);
    raw(__NR_tee, fd, pipe[1], bytes, SPLICE_NONBLOCK_FLAG);
    raw(__NR_close, pipe[1]);
    return pipe[0];
}

void faults_transfer_begins(struct trap *c, struct transfer_view *v, const struct transfer_ends *e)
{
    const struct object *in = &WORLD->objects[fd_object(c->p, e->in_fd)];
    *v = (struct transfer_view){.copy = -1};
    if (in->kind == OBJECT_UNIX) {
        v->buffer = data_room(c->t)->bytes;
        raw(__NR_recvfrom, e->in_fd, v->buffer, BUFFER_BYTES, MSG_PEEK_FLAG | MSG_DONTWAIT_FLAG, 0, 0);
    } else if (!e->offset_at || copy_in(&v->offset, e->offset_at, sizeof v->offset)) {
        v->offset = raw(__NR_lseek, e->in_fd, 0, SEEK_CUR_K);
        v->copy = v->offset < 0 ? copy_of_pipe(e->in_fd, e->bytes) : -1;
    }
}

void faults_transfer_ended(struct transfer_view *v, const struct transfer_ends *e, i64 result)
{
    u8 chunk[CHUNK_BYTES];
    if (v->buffer && result > 0)
        faults_output(e->out_fd, v->buffer, min_u64((u64)result, BUFFER_BYTES));
    for (i64 n, done = 0; !v->buffer && done < result; done += n) {
        u64 bytes = min_u64((u64)(result - done), sizeof chunk);
        n = v->copy >= 0 ? raw(__NR_read, v->copy, chunk, bytes)
                         : raw(__NR_pread64, e->in_fd, chunk, bytes, v->offset + done);
        if (n <= 0)
            break;
        faults_output(e->out_fd, chunk, (u64)n);
    }
    if (v->copy >= 0)
        raw(__NR_close, v->copy);
}
