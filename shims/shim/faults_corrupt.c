/* faults_corrupt.c: data that is not what it was: in what a call reads or writes, or in a file.
 *
 * What is changed is planned first, as patches of the data, from the rule's own draws. Then they are
 * applied wherever the data lies: in the program's buffers, in a copy of them, in a file.
 */
#include "faults.h"
#include "faults_data.h"
#include "files.h"

#define PATCHES_MAX 256u
#define CHUNK_BYTES 512u
#define BLOCK_BYTES 32u
#define O_RDWR_FLAG 2ul

struct patch {
    u64 offset, bytes;
    u8 mask; /* of bits to flip; 0: zeros or junk */
};

struct patches {
    const struct firing *g;
    u32 count;
    u64 amount; /* bits, bytes */
    struct patch list[PATCHES_MAX];
};

/* ---- what is changed ---- */
static void add(struct patches *p, struct patch new)
{
    u32 i = p->count++;
    for (; i && p->list[i - 1].offset > new.offset; i--)
        p->list[i] = p->list[i - 1];
    p->list[i] = new;
}

/* Word k of the rule's draws for sizes and places. */
static u64 draw_word(const struct firing *g, u64 k)
{
    u64 block[4];
    if (!k)
        return g->draws[DRAW_SIZE];
    rule_draws(block, WORLD->config.fault_seed, &FAULTS->rules[g->rule], g->match - 1, 1 + (k - 1) / 4);
    return block[(k - 1) % 4];
}

static void plan_flips(struct patches *p, u64 from, u64 bytes)
{
    u64 bits = p->g->action->corrupt_count;
    if (!bits) { /* all */
        add(p, (struct patch){from, bytes, 0xff});
        p->amount = bytes * 8;
        return;
    }
    for (u64 k = 0; k < min_u64(bits, PATCHES_MAX); k++) {
        u64 bit = rng_scale(draw_word(p->g, k), bytes * 8);
        add(p, (struct patch){from + bit / 8, 1, (u8)(1u << bit % 8)});
    }
    p->amount = p->count;
}

/* Of `total` bytes; 0: nothing is. */
static int plan(struct patches *p, const struct firing *g, u64 total)
{
    const struct fault_action *a = g->action;
    u64 from = min_u64(a->corrupt_from, total), to = min_u64(a->corrupt_to, total);
    p->g = g;
    p->count = 0;
    if (from >= to)
        return 0;
    u64 room = to - from, n = a->corrupt_count ? min_u64(a->corrupt_count, room) : room;
    if (a->corrupt_how == CORRUPT_FLIP) {
        plan_flips(p, from, room);
    } else {
        add(p, (struct patch){from + rng_scale(draw_word(g, 0), room - n + 1), n, 0});
        p->amount = n;
    }
    return 1;
}

static u8 junk(const struct firing *g, u64 i)
{
    static const u64 beyond_flips = PATCHES_MAX;
    u64 block[4];
    rule_draws(block, WORLD->config.fault_seed, &FAULTS->rules[g->rule], g->match - 1,
               beyond_flips + i / BLOCK_BYTES);
    return ((u8 *)block)[i % BLOCK_BYTES];
}

/* `bytes` are those of the data from `at` on. */
static void apply(const struct patches *p, u64 at, u8 *bytes, u64 n)
{
    for (const struct patch *q = p->list; q < p->list + p->count; q++) {
        u64 from = q->offset > at ? q->offset : at, to = min_u64(q->offset + q->bytes, at + n);
        for (u64 i = from; i < to; i++) {
            if (q->mask)
                bytes[i - at] ^= q->mask;
            else
                bytes[i - at] = p->g->action->corrupt_how == CORRUPT_JUNK ? junk(p->g, i - q->offset) : 0;
        }
    }
}

static int touches(const struct patches *p, u64 at, u64 n)
{
    for (const struct patch *q = p->list; q < p->list + p->count; q++)
        if (q->offset < at + n && q->offset + q->bytes > at)
            return 1;
    return 0;
}

/* ---- what was read ---- */
static void apply_to_memory(const struct patches *p, u64 at, u64 user, u64 bytes)
{
    u8 chunk[CHUNK_BYTES];
    for (u64 n; bytes; bytes -= n, user += n, at += n) {
        n = min_u64(bytes, sizeof chunk);
        if (!touches(p, at, n) || copy_in(chunk, user, n))
            continue;
        apply(p, at, chunk, n);
        copy_out(user, chunk, n);
    }
}

static u64 cut_off(const struct fault_action *a, u64 bytes)
{
    return a->corrupt_count ? min_u64(a->corrupt_count, bytes) : bytes;
}

static i64 corrupted(struct firing *g, u64 amount, i64 before, i64 after)
{
    g->did |= FAULT_CORRUPT;
    g->amount = amount;
    g->before = before;
    return g->after = after;
}

/* The last of several messages have fewer bytes. */
static void shorten_messages(const struct data *d, u64 count, u64 bytes)
{
    while (count-- && bytes) {
        u64 at = d->args[d->arg] + count * sizeof(struct mmsghdr_k) + __builtin_offsetof(struct mmsghdr_k, bytes);
        u32 has;
        if (copy_in(&has, at, sizeof has))
            return;
        u64 lost = min_u64(has, bytes);
        has -= (u32)lost;
        bytes -= lost;
        copy_out(at, &has, sizeof has);
    }
}

static i64 corrupt_read(struct trap *c, struct firing *g, i64 result)
{
    struct data d;
    struct data_way w;
    struct patches p;
    struct iovec_k v;
    if (result <= 0 || !data_of_call(c, &d) || d.is_write)
        return result;
    u64 total = data_bytes(&d, (u64)result), at = 0;
    if (g->action->corrupt_how == CORRUPT_TRUNCATE) {
        u64 lost = cut_off(g->action, total);
        if (d.form != DATA_MESSAGES)
            return corrupted(g, lost, result, result - (i64)lost);
        shorten_messages(&d, (u64)result, lost);
        return corrupted(g, lost, result, result);
    }
    if (!plan(&p, g, total))
        return result;
    for (data_start(&w, &d, (u64)result); data_next(&w, &v); at += v.len)
        apply_to_memory(&p, at, v.base, v.len);
    return corrupted(g, p.amount, result, result);
}

/* ---- what is written ---- */
static int gather(const struct data *d, u8 *to)
{
    struct data_way w;
    struct iovec_k v;
    for (data_start(&w, d, d->total); data_next(&w, &v); to += v.len)
        if (copy_in(to, v.base, v.len))
            return -EFAULT;
    return 0;
}

/* Too much for a copy: pieces of the program's buffers, and between them the patched bytes. How many. */
static u64 make_pieces(struct data_room *room, const struct data *d, const struct patches *p)
{
    struct iovec_k v;
    u64 at = 0, pieces = 0, used = 0, k = 0;
    for (u64 i = 0; i < d->iov_count; i++, at += v.len) {
        if (copy_in(&v, d->iov + i * sizeof v, sizeof v))
            return 0;
        for (u64 done = 0, n; done < v.len; done += n) {
            while (k < p->count && p->list[k].offset + p->list[k].bytes <= at + done)
                k++;
            u64 next = k < p->count ? p->list[k].offset : ~0ul, here = at + done;
            int patched = next <= here;
            n = min_u64(v.len - done, patched ? next + p->list[k].bytes - here : next - here);
            n = patched ? min_u64(n, sizeof room->bytes - used) : n;
            if (pieces == IOVECS_MAX || !n)
                return 0;
            room->iov[pieces++] = (struct iovec_k){patched ? (u64)room->bytes + used : v.base + done, n};
            if (!patched)
                continue;
            if (copy_in(room->bytes + used, v.base + done, n))
                return 0;
            apply(p, here, room->bytes + used, n);
            used += n;
        }
    }
    return pieces;
}

/* The same call with vectors. */
static void use_vectors(struct trap *c, struct data *d, u64 pieces)
{
    struct data_room *room = data_room(c->t);
    if (c->nr == __NR_sendto) {
        room->header = (struct msghdr_k){.name = c->a[4], .name_bytes = c->a[4] ? (u32)c->a[5] : 0,
                                         .iov = (u64)room->iov, .iov_count = pieces};
        c->nr = __NR_sendmsg;
        c->a[1] = (u64)&room->header;
        c->a[2] = c->a[3];
        return;
    }
    if (d->form == DATA_BUFFER) {
        c->a[4] = 0; /* pwritev: the offset's upper half */
        c->nr = c->nr == __NR_write ? __NR_writev : __NR_pwritev;
        d->form = DATA_VECTOR;
    }
    data_replace(c, d, pieces);
}

static i64 write_patched(struct trap *c, struct firing *g, struct data *d, const struct patches *p)
{
    struct data_room *room = data_room(c->t);
    u64 nr = c->nr, pieces = 1;
    if (d->total <= sizeof room->bytes && !gather(d, room->bytes)) {
        apply(p, 0, room->bytes, d->total);
        room->iov[0] = (struct iovec_k){(u64)room->bytes, d->total};
        data_replace(c, d, 1);
    } else if ((pieces = make_pieces(room, d, p))) {
        use_vectors(c, d, pieces);
    }
    i64 result = trap_handle(c);
    c->nr = nr;
    data_restore(c, d);
    return pieces && result > 0 ? corrupted(g, p->amount, (i64)d->total, result) : result;
}

/* sendmmsg: the messages in the room. 0: there is none for so many. */
static int make_messages(struct data_room *room, const struct data *d, u64 bytes)
{
    u64 used = 0;
    if (d->total > MESSAGES_MAX || bytes > sizeof room->bytes || gather(d, room->bytes))
        return 0;
    for (u64 i = 0; i < d->total; i++) {
        struct mmsghdr_k *h = &room->messages[i];
        if (copy_in(h, d->args[d->arg] + i * sizeof *h, sizeof *h))
            return 0;
        u64 n = bytes_of_iovecs(h->header.iov, h->header.iov_count);
        room->iov[i] = (struct iovec_k){(u64)room->bytes + used, n};
        h->header.iov = (u64)&room->iov[i];
        h->header.iov_count = 1;
        used += n;
    }
    return 1;
}

static i64 corrupt_messages(struct trap *c, struct firing *g, struct data *d)
{
    struct data_room *room = data_room(c->t);
    struct patches p;
    u64 total = data_bytes(d, d->total), lost = 0;
    if (g->action->corrupt_how == CORRUPT_TRUNCATE)
        lost = cut_off(g->action, total);
    else if (!plan(&p, g, total))
        return trap_handle(c);
    if (!total || !make_messages(room, d, total))
        return trap_handle(c);
    if (!lost)
        apply(&p, 0, room->bytes, total);
    for (u64 i = d->total, left = lost, n; i-- && left; left -= n)
        room->iov[i].len -= n = min_u64(left, room->iov[i].len);
    c->a[d->arg] = (u64)room->messages;
    i64 result = trap_handle(c);
    data_restore(c, d);
    if (result <= 0)
        return result;
    data_tell_sent(d, (u64)result);
    return corrupted(g, lost ? lost : p.amount, (i64)d->total, result);
}

static i64 corrupt_write(struct trap *c, struct firing *g)
{
    struct data d;
    struct patches p;
    if (!data_of_call(c, &d) || !d.is_write || d.form == DATA_COUNT || !d.total)
        return trap_handle(c);
    if (d.form == DATA_MESSAGES)
        return corrupt_messages(c, g, &d);
    if (g->action->corrupt_how != CORRUPT_TRUNCATE)
        return plan(&p, g, d.total) ? write_patched(c, g, &d, &p) : trap_handle(c);
    u64 lost = cut_off(g->action, d.total), left = d.total - lost;
    i64 result = 0;
    if (left) {
        data_shorten(c, &d, left);
        result = trap_handle(c);
        data_restore(c, &d);
    }
    if (result < 0 || (u64)result < left)
        return result;
    return corrupted(g, lost, (i64)d.total, (i64)d.total);
}

i64 faults_corrupt_outcome(struct faulting *f, struct firing *g)
{
    if (g->action->corrupt_where == CORRUPT_WRITE)
        return corrupt_write(f->c, g);
    return corrupt_read(f->c, g, trap_handle(f->c));
}

i64 faults_corrupt_after(struct faulting *f, struct firing *g, i64 result)
{
    return g->action->corrupt_where == CORRUPT_READ ? corrupt_read(f->c, g, result) : result;
}

/* ---- at rest ---- */
static void apply_to_file(const struct patches *p, i64 fd, u64 size)
{
    u8 chunk[CHUNK_BYTES];
    for (u64 at = 0; at < size; at += sizeof chunk) {
        if (!touches(p, at, sizeof chunk))
            continue;
        i64 n = raw(__NR_pread64, fd, chunk, sizeof chunk, at);
        if (n <= 0)
            return;
        apply(p, at, chunk, (u64)n);
        raw(__NR_pwrite64, fd, chunk, n, at);
    }
}

/* Nobody has touched it: its times stay. */
static void put_times_back(i64 fd, const struct statx_k *st)
{
    struct timespec_k times[2] = {{st->atime.sec, st->atime.nsec}, {st->mtime.sec, st->mtime.nsec}};
    raw(__NR_utimensat, fd, 0, times, 0);
}

int faults_corrupt_file(struct firing *g, const char *path)
{
    struct statx_k st;
    struct patches p;
    const struct fault_action *a = g->action;
    i64 fd = raw(__NR_openat, AT_FDCWD_VALUE, path, O_RDWR_FLAG | O_CLOEXEC_FLAG, 0);
    if (fd < 0)
        return 0;
    u64 size = !raw(__NR_statx, fd, "", AT_EMPTY_PATH_FLAG, STATX_BASIC_K, &st) &&
                       (st.mode & S_IFMT_BITS) == S_IFREG_BITS
                   ? st.size
                   : 0;
    g->amount = 0;
    if (size && a->corrupt_how == CORRUPT_TRUNCATE) {
        g->amount = cut_off(a, size);
        raw(__NR_ftruncate, fd, size - g->amount);
    } else if (size && plan(&p, g, size)) {
        apply_to_file(&p, fd, size);
        g->amount = p.amount;
    }
    if (g->amount)
        put_times_back(fd, &st);
    raw(__NR_close, fd);
    return g->amount != 0;
}

/* The file that the call is about. */
void faults_corrupt_at_rest(struct faulting *f, struct firing *g)
{
    char link[32], *end = link + sizeof link;
    for (u32 i = 0; i < f->targets.count; i++) {
        const struct target *t = &f->targets.list[i];
        const char *path = link;
        if (t->fd >= 0)
            number_append(string_append(link, end, "/proc/self/fd/"), end, (u64)t->fd);
        else
            path = faults_path(f, t)->resolved;
        if (path[0] && faults_corrupt_file(g, path)) {
            g->did |= FAULT_CORRUPT;
            return;
        }
    }
}
