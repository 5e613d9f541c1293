/* record.c: events and their side data, written straight into the mapped trace file.
 *
 * What makes two events the same is their identity: task, call, scalar arguments, result, and hashes
 * of the data moved. Addresses are recorded and shown but are no part of it.
 */
#include "decisions.h"
#include "sockets.h"

#define PREVIEW_BYTES 32u
#define STRINGS_BYTES_MAX 2048u
#define ARRAY_ITEMS_MAX 64u
#define MESSAGES_SHOWN_MAX 16u
#define SIDE_END_BYTES 128u   /* room for what append() adds, and the record */
#define SIDE_BYTES_MAX 32768u /* reserved per event, most of it given back */
#define EPOLL_EVENT_BYTES 12u
#define FDSET_BYTES_MAX 1024u
#define FLOCK_BYTES 32u
#define TERMIOS_BYTES 36u
#define WINSIZE_BYTES 8u
#define IFREQ_BYTES 40u
#define IOCTL_BYTES_MAX 256u
#define CONTROL_BYTES_MAX 256u

#define HEADER ((struct trace_header *)TRACE_BASE)

struct side { /* side data of the event being written */
    u8 *start, *at, *end;
    u64 identity;
    u8 flags; /* enum event_flag */
    u8 may_be_taken_back;
};

static void side_start(struct side *d)
{
    d->start = d->at = stream_reserve(STREAM_EVENTS, SIDE_BYTES_MAX);
    d->end = d->start + SIDE_BYTES_MAX - SIDE_END_BYTES;
    d->flags = d->may_be_taken_back = 0;
}

static u32 segment_offset(const u8 *at) { return (u32)((u64)at % TRACE_SEGMENT_BYTES); }

/* ---- fields ---- */
static u8 *put_number(u8 *at, u64 value)
{
    for (; value >= 128; value >>= 7)
        *at++ = (u8)(value | 128);
    *at++ = (u8)value;
    return at;
}

static u8 *put_word(u8 *at, u64 value)
{
    __builtin_memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

/* Where the field's bytes go; it is there once d->at is set behind them. */
static u8 *field_start(struct side *d, u32 kind, u32 arg, u64 bytes)
{
    *d->at = (u8)(kind | arg << 4);
    return put_number(d->at + 1, bytes);
}

static void add_field(struct side *d, u32 kind, u32 arg, const void *data, u64 bytes)
{
    u8 *to = field_start(d, kind, arg, bytes);
    memcpy(to, data, bytes);
    d->at = to + bytes;
}

static void add_string(struct side *d, u32 arg, const char *s)
{
    u64 n = string_length(s);
    add_field(d, FIELD_STRING, arg, s, n);
    d->identity = hash_mix(d->identity, hash_bytes(s, n, arg));
}

static void add_struct(struct side *d, u32 arg, u64 user, u64 bytes, int hashed)
{
    if (!user || d->at + bytes + 64 > d->end)
        return;
    u8 *to = field_start(d, FIELD_STRUCT, arg, bytes);
    if (copy_in(to, user, bytes))
        return;
    if (hashed)
        d->identity = hash_mix(d->identity, hash_bytes(to, bytes, arg));
    d->at = to + bytes;
}

/* How many bytes of a word are not filled up: with zeros, or (8 more) with ones. */
static u32 word_code(u64 value)
{
    u64 low = (i64)value < 0 ? ~value : value;
    u32 n = low ? (u32)(71 - __builtin_clzl(low)) / 8 : 0;
    if ((i64)value >= 0 || n == 8)
        return n;
    return 8 + (n ? n : 1);
}

static void add_words(struct side *d, const u64 *words, u32 n)
{
    u8 *codes = d->at + 1, *at = codes + (n + 1) / 2;
    u64 nibbles = 0;
    *d->at = (u8)(FIELD_ARGS | n << 4);
    for (u32 i = 0; i < n; i++) {
        u32 code = word_code(words[i]);
        nibbles |= (u64)code << 4 * i;
        put_word(at, words[i]);
        at += code > 8 ? code - 8 : code;
    }
    for (u32 i = 0; i < (n + 1) / 2; i++)
        codes[i] = (u8)(nibbles >> 8 * i);
    d->at = at;
}

struct stat_field {
    u16 offset, bytes;
    u32 what; /* enum inode_touched */
};

/* struct stat and struct statx: what does not count when it is older than the run. */
static const struct stat_field stat_fields[] = {
    {72, 16, INODE_ATIME}, {88, 16, INODE_MTIME}, {104, 16, INODE_CTIME}, {0, 0, 0}};
static const struct stat_field statx_fields[] = {
    {64, 16, INODE_ATIME}, {80, 16, INODE_BORN}, {96, 16, INODE_CTIME},
    {112, 16, INODE_MTIME}, {0, 0, 0}};

static void add_stat(struct side *d, u32 arg, u64 user, u64 bytes)
{
    u8 counted[256];
    u32 old = current_task()->stat_old;
    if (copy_in(counted, user, bytes))
        return;
    for (const struct stat_field *f = bytes == 144 ? stat_fields : statx_fields; f->bytes; f++)
        if (old & f->what)
            memset(counted + f->offset, 0, f->bytes);
    d->identity = hash_mix(d->identity, hash_bytes(counted, bytes, arg));
    add_struct(d, arg, user, bytes, 0);
}

static void add_bytes(struct side *d, u32 arg, u64 total, u64 hash, u64 preview_from, u64 preview)
{
    u8 *to = put_number(field_start(d, FIELD_BYTES, arg, total), preview);
    d->identity = hash_mix(d->identity, hash ^ total);
    if (copy_in(to, preview_from, preview))
        return;
    to += preview;
    d->at = preview < total ? put_word(to, hash) : to;
}

static void add_buffer(struct side *d, u32 arg, u64 user, u64 bytes)
{
    struct hash_state h;
    hash_start(&h, 0);
    if (!hash_user(&h, user, bytes))
        add_bytes(d, arg, bytes, hash_end(&h), user, min_u64(bytes, PREVIEW_BYTES));
}

static void add_iovecs(struct side *d, u32 arg, u64 user, u64 count, u64 bytes)
{
    struct hash_state h;
    struct iovec_k v;
    u64 left = bytes, shown = 0;
    u8 preview[PREVIEW_BYTES];
    hash_start(&h, 0);
    for (u64 i = 0; i < count && left; i++) {
        if (copy_in(&v, user + i * sizeof v, sizeof v))
            return;
        u64 n = min_u64(v.len, left);
        if (hash_user(&h, v.base, n))
            return;
        u64 more = min_u64(n, PREVIEW_BYTES - shown);
        if (copy_in(preview + shown, v.base, more))
            return;
        shown += more;
        left -= n;
    }
    add_bytes(d, arg, bytes, hash_end(&h), (u64)preview, shown);
}

static void add_strings(struct side *d, u32 arg, u64 user)
{
    u8 *to = field_start(d, FIELD_STRINGS, arg, STRINGS_BYTES_MAX); /* a number of two bytes, */
    u64 used = 0, pointer = 0;
    for (; user && used < STRINGS_BYTES_MAX; user += 8) {
        if (copy_in(&pointer, user, 8) || !pointer)
            break;
        i64 n = copy_string((char *)to + used, pointer, STRINGS_BYTES_MAX - used);
        used += n >= 0 ? (u64)n + 1 : n == -ENAMETOOLONG ? STRINGS_BYTES_MAX - used : 0;
    }
    to[-2] = (u8)(used | 128); /* whatever it is */
    to[-1] = (u8)(used >> 7);
    d->identity = hash_mix(d->identity, hash_bytes(to, used, arg));
    d->at = to + used;
}

static void add_sockaddr(struct side *d, u32 arg, u64 user, u64 length_at)
{
    u32 length = 0;
    if (user && length_at && !copy_in(&length, length_at, 4))
        add_struct(d, arg, user, min_u64(length, 128), 1);
}

/* Bytes of an address that mean something: behind the name of a file there is what was in memory. */
static u64 address_bytes(u64 user, u64 length)
{
    u8 a[SOCKADDR_BYTES_MAX];
    u64 n = min_u64(length, sizeof a), end = sizeof(u16);
    if (n <= end || copy_in(a, user, n) || (a[0] | a[1] << 8) != AF_UNIX_K || !a[end])
        return length;
    while (end < n && a[end])
        end++;
    return end;
}

/* ---- messages: a name, and the bytes of all buffers ---- */
static void add_message(struct side *d, u32 arg, u64 header, u64 bytes)
{
    struct msghdr_k h;
    if (copy_in(&h, header, sizeof h))
        return;
    if (h.name && h.name_bytes)
        add_struct(d, arg, h.name, address_bytes(h.name, min_u64(h.name_bytes, SOCKADDR_BYTES_MAX)), 1);
    add_iovecs(d, arg, h.iov, min_u64(h.iov_count, IOVECS_MAX), bytes);
    u64 control = min_u64(h.control_bytes, CONTROL_BYTES_MAX);
    if (h.control && control && d->at + control + 64 < d->end) {
        u8 *to = field_start(d, FIELD_CONTROL, arg, control); /* has gaps: not hashed */
        if (!copy_in(to, h.control, control))
            d->at = to + control;
    }
}

/* Of many the first ones are shown; all count for the identity. */
static void add_messages(struct side *d, u32 arg, u64 headers, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        struct mmsghdr_k h;
        u8 *before = d->at;
        if (copy_in(&h, headers + i * sizeof h, sizeof h))
            return;
        add_message(d, arg, headers + i * sizeof h, h.bytes);
        if (i >= MESSAGES_SHOWN_MAX)
            d->at = before;
    }
}

/* What an epoll told: the events. The program's data beside them may be addresses. */
static void add_epoll_events(struct side *d, u32 arg, u64 user, u64 count)
{
    for (u64 i = 0; i < count; i++) {
        u32 events = 0;
        copy_in(&events, user + i * EPOLL_EVENT_BYTES, sizeof events);
        d->identity = hash_mix(d->identity, events);
    }
    add_struct(d, arg, user, min_u64(count, ARRAY_ITEMS_MAX) * EPOLL_EVENT_BYTES, 0);
}

/* fcntl's last argument is a struct flock. It has gaps, so it is not hashed. */
static int is_lock_command(u32 cmd)
{
    return (cmd >= 5 && cmd <= 7) || (cmd >= 36 && cmd <= 38); /* F_GETLK, F_OFD_GETLK, ... */
}

/* What an ioctl's argument points to, by type 'T', and by number; other types tell the size. */
static u64 ioctl_bytes(u32 request)
{
    u32 number = request & 0xff;
    if (request >> 8 == 'T') {
        if (number >= 0x01 && number <= 0x04) /* TCGETS, TCSETS, TCSETSW, TCSETSF */
            return TERMIOS_BYTES;
        if (number == 0x13 || number == 0x14) /* TIOCGWINSZ, TIOCSWINSZ */
            return WINSIZE_BYTES;
        int is_int = number == 0x0f || number == 0x10 || number == 0x11 || number == 0x1b ||
                     number == 0x20 || number == 0x21 || number == 0x23 || number == 0x24 ||
                     number == 0x29 || number == 0x52 || number == 0x60;
        return is_int ? 4 : 0; /* TIOCGPGRP, FIONREAD, FIONBIO, ... */
    }
    if (request >> 8 == 0x89)
        return number == 0x05 || number == 0x4b ? 4 : number > 0x12 ? IFREQ_BYTES : 0;
    return request >> 30 ? min_u64(request >> 16 & 0x3fff, IOCTL_BYTES_MAX) : 0;
}

static void add_pointed(struct side *d, const struct trap *c, u32 i, i64 result)
{
    if (c->nr == __NR_fcntl && is_lock_command((u32)c->a[1]))
        add_struct(d, i, c->a[i], FLOCK_BYTES, 0);
    else if (c->nr == __NR_ioctl && i == 2 && result >= 0 && ioctl_bytes((u32)c->a[1]))
        add_struct(d, i, c->a[i], ioctl_bytes((u32)c->a[1]), 0);
}

static void add_argument(struct side *d, const struct trap *c, u32 i, const struct arg_kind_row *kind, i64 result)
{
    u64 v = c->a[i], next = i < 5 ? c->a[i + 1] : 0, moved = result > 0 ? (u64)result : 0;
    switch (kind->how) {
    case HOW_POINTER:
        add_pointed(d, c, i, result);
        break;
    case HOW_SCALAR:
        d->identity = hash_mix(d->identity, kind->bytes == 4 ? (u32)v : v);
        break;
    case HOW_STRINGS:
        add_strings(d, i, v);
        break;
    case HOW_BUF_IN:
    case HOW_BUF_OUT:
        if (moved && next)
            add_buffer(d, i, v, min_u64(moved, next) + kind->bytes);
        break;
    case HOW_IOV_IN:
    case HOW_IOV_OUT:
        if (moved)
            add_iovecs(d, i, v, next, moved);
        break;
    case HOW_IN:
    case HOW_IN_RAW:
        add_struct(d, i, v, kind->bytes, kind->how == HOW_IN);
        break;
    case HOW_OUT:
    case HOW_OUT_RAW:
        if (result >= 0 && !(c->nr == __NR_wait4 && result == 0)) /* nothing written: WNOHANG */
            add_struct(d, i, v, kind->bytes, kind->how == HOW_OUT);
        break;
    case HOW_OUT_STAT:
        if (result == 0)
            add_stat(d, i, v, kind->bytes);
        break;
    case HOW_ARRAY_IN:
    case HOW_ARRAY_INOUT:
        add_struct(d, i, v, min_u64((u32)next, ARRAY_ITEMS_MAX) * kind->bytes, 1);
        break;
    case HOW_ARRAY_OUT_RAW:
        add_struct(d, i, moved ? v : 0, min_u64(moved, ARRAY_ITEMS_MAX) * kind->bytes, 0);
        break;
    case HOW_COUNTED_IN:
        add_struct(d, i, v, min_u64(next, PATH_BYTES_MAX) + kind->bytes, 1);
        break;
    case HOW_SOCKADDR_IN:
        add_struct(d, i, v, address_bytes(v, min_u64(next, SOCKADDR_BYTES_MAX)), 1);
        break;
    case HOW_MSG:
        if (result >= 0)
            add_message(d, i, v, moved);
        break;
    case HOW_MSGS:
        add_messages(d, i, v, moved);
        break;
    case HOW_EPOLL_EVENTS:
        add_epoll_events(d, i, v, moved);
        break;
    case HOW_FDSET:
        add_struct(d, i, v, min_u64(((u32)c->a[0] + 63) / 64 * 8, FDSET_BYTES_MAX), 1);
        break;
    case HOW_SOCKADDR_OUT:
        if (result >= 0)
            add_sockaddr(d, i, v, next);
        break;
    default:
        break;
    }
}

static void add_arguments(struct side *d, const struct trap *c, i64 result)
{
    const struct syscall_row *row = c->nr < SYSCALLS_MAX ? &syscall_rows[c->nr] : 0;
    int known = row && row->handler, strings = 0;
    u32 n = known ? row->args : 6;
    if (!n)
        return;
    add_words(d, c->a, n);
    for (u32 i = 0; known && i < n; i++) {
        const struct arg_kind_row *kind = &arg_kinds[row->kinds[i]];
        if (kind->how != HOW_STRING) {
            add_argument(d, c, i, kind, result);
        } else if (strings < 2) {
            if (c->path[strings])
                add_string(d, i, c->path[strings]);
            strings++;
        }
    }
}

static void add_waker(struct side *d, struct task *t)
{
    d->flags |= EVENT_WOKEN;
    *d->at = FIELD_WAKER;
    d->at = put_number(put_number(d->at + 1, t->waker_tid), t->waker_event);
    t->waker_tid = 0;
}

static u32 took(struct side *d, u64 time_ns)
{
    if (likely(time_ns < TOOK_LONG))
        return (u32)time_ns;
    *d->at = FIELD_TOOK;
    d->at = put_word(d->at + 1, time_ns);
    return TOOK_LONG;
}

/* Where in the segment it is said who calls from where; behind the side data if it is not said yet. */
static u32 site_of(struct side *d, const struct task *t)
{
    u64 rip = t->trap_rip, mixed = (rip ^ t->tid) * 0x9E3779B97F4A7C15ul;
    struct site_slot *s = &WORLD->sites[mixed >> 56];
    if (likely(s->at && s->rip == rip && s->tid == t->tid))
        return s->at;
    struct site site = {.rip = rip, .pid = proc_of(t)->pid, .tid = t->tid};
    *s = (struct site_slot){.rip = rip, .tid = t->tid, .at = segment_offset(d->at)};
    __builtin_memcpy(d->at, &site, sizeof site);
    d->at += sizeof site;
    return s->at;
}

/* ---- events ---- */
static void append(struct task *t, struct side *d, u32 kind, u64 nr, i64 result, u64 enter_ns)
{
    struct world *w = WORLD;
    struct trace_state *s = &w->trace;
    struct event *e = record_slot();
    if (unlikely(t->waker_tid))
        add_waker(d, t);
    e->identity = d->identity;
    e->time_ns = w->now_ns;
    e->result = result;
    e->took_ns = took(d, w->now_ns - enter_ns);
    *d->at++ = 0;
    e->site = site_of(d, t);
    e->data = segment_offset(d->start);
    e->nr = (u16)nr;
    e->kind = (u8)kind;
    e->flags = d->flags;
    stream_commit(STREAM_EVENTS, (u64)(d->at - d->start));
    record_count(s->streams[STREAM_EVENTS].count + 1);
    s->events++;
    s->hash = hash_mix(s->hash, d->identity);
    HEADER->trace_hash = s->hash;
    HEADER->virtual_ns = w->now_ns - w->config.boot_ns;
    __atomic_store_n(&HEADER->events, s->events, __ATOMIC_RELEASE);
    if (unlikely(w->config.flags & CONFIG_REPLAY))
        event_follows(d->identity, d->may_be_taken_back);
}

static u64 identity_of(const struct task *t, u32 kind, u64 nr)
{
    return hash_mix(hash_mix(kind, nr), (u64)proc_of(t)->pid << 32 | t->tid);
}

/* Calls whose result is an address. */
static int result_is_address(u64 nr)
{
    return nr == __NR_mmap || nr == __NR_mremap || nr == __NR_brk || nr == __NR_shmat;
}

static int counts_and_records(void)
{
    struct world *w = WORLD;
    w->events++;
    if (unlikely(w->config.events_max && w->events > w->config.events_max))
        end_run(END_EVENTS, "the limit of events was reached");
    return (w->config.flags & CONFIG_RECORD) != 0;
}

static void record_call_as(struct trap *c, i64 result, int may_be_taken_back)
{
    struct side d;
    if (!counts_and_records())
        return;
    side_start(&d);
    d.may_be_taken_back = (u8)may_be_taken_back;
    d.identity = identity_of(c->t, EVENT_SYSCALL, c->nr);
    if (!(result_is_address(c->nr) && (result > 0 || result < -4095)))
        d.identity = hash_mix(d.identity, (u64)result);
    add_arguments(&d, c, result);
    d.flags = c->injected ? EVENT_FAULT : 0;
    append(c->t, &d, EVENT_SYSCALL, c->nr, result, c->enter_ns);
}

void record_call(struct trap *c, i64 result)
{
    record_call_as(c, result, 0);
}

void record_plain(struct task *t, u32 kind, u32 nr, i64 result, const char *text)
{
    struct side d;
    if (!counts_and_records())
        return;
    side_start(&d);
    d.identity = hash_mix(identity_of(t, kind, nr), (u64)result);
    if (text)
        add_string(&d, 0, text);
    append(t, &d, kind, nr, result, WORLD->now_ns);
}

u64 record_input(struct task *t, u32 fd, u64 user, u64 bytes)
{
    struct side d;
    struct hash_state h;
    if (!counts_and_records())
        return bytes;
    side_start(&d);
    d.identity = hash_mix(identity_of(t, EVENT_INPUT, 0), fd);
    hash_start(&h, 0);
    u64 kept = hash_user(&h, user, bytes) ? 0 : bytes;
    if (kept)
        add_bytes(&d, 0, bytes, hash_end(&h), user, bytes);
    append(t, &d, EVENT_INPUT, 0, fd, WORLD->now_ns);
    return kept;
}

void record_start(struct task *t, const char *path, u64 argv)
{
    struct side d;
    if (!counts_and_records())
        return;
    side_start(&d);
    d.identity = identity_of(t, EVENT_START, 0);
    add_string(&d, 0, path);
    add_strings(&d, 1, argv);
    append(t, &d, EVENT_START, 0, 0, WORLD->now_ns);
}

void record_fault(struct task *t, u32 nr, const struct fault_record *r)
{
    struct side d;
    if (!counts_and_records())
        return;
    side_start(&d);
    d.identity = hash_mix(identity_of(t, EVENT_INJECTED, nr), hash_bytes(r, sizeof *r, 0));
    add_field(&d, FIELD_FAULT, 0, r, sizeof *r);
    append(t, &d, EVENT_INJECTED, nr, r->after, WORLD->now_ns);
}

void record_provisionally(struct trap *c, i64 result, struct trace_state *before)
{
    *before = WORLD->trace;
    record_call_as(c, result, 1);
}

void record_take_back(const struct trace_state *mark)
{
    struct trace_state *s = &WORLD->trace;
    const struct stream_state *now = &s->streams[STREAM_EVENTS], *before = &mark->streams[STREAM_EVENTS];
    if (!(WORLD->config.flags & CONFIG_RECORD) || now->segment != before->segment)
        return; /* a new segment was begun: the event stays */
    WORLD->replay.is_unsure = 0;
    record_count(before->count);
    s->events = mark->events;
    s->hash = mark->hash;
    HEADER->trace_hash = s->hash;
    HEADER->events = s->events;
}
