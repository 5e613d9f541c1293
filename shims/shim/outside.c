/* outside.c: waiting for what is not in the simulation: the user's terminal, a pipe to stdin, the
 * machine's own network under --net host.
 *
 * Who waits for it is asked in earnest, in real time, only when nobody else can run. Real time is no
 * virtual time, but under --net host, where timeouts are about that network: there the clock follows.
 */
#include "channel.h"
#include "decisions.h"
#include "files.h"
#include "sockets.h"

#define SLICE_MS 20 /* then another one that waits for the outside has its turn */
#define NS_PER_MS 1000000ul
#define READY_TIME_SHIFT 16 /* in a decision: above what poll told, the ns that it took */
#define INPUT_BYTES_MAX 16384u /* in one event */

static u64 real_ns(void)
{
    struct timespec_k t;
    raw(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, &t);
    return (u64)t.sec * NS_PER_SECOND + (u64)t.nsec;
}

/* How long it took, in virtual time. */
static u64 poll_in_real_time(struct pollfd_k *polls, u64 count, i64 timeout_ms)
{
    u64 before_ns = real_ns();
    raw(__NR_poll, polls, count, timeout_ms);
    return timeout_ms && WORLD->config.flags & CONFIG_NET_HOST ? real_ns() - before_ns : 0;
}

static int fd_is_outside(const struct task *t, i32 fd)
{
    u32 object = fd_object(proc_of(t), fd);
    return object && is_outside(&WORLD->objects[object]);
}

u32 outside_ready(struct task *t, i64 fd, u32 events)
{
    struct pollfd_k p = {.fd = (i32)fd, .events = (i16)events};
    u64 told;
    if (!outside_as_in_trace(t, DECISION_READY, &told)) {
        raw(__NR_poll, &p, 1, 0);
        told = (u16)p.revents;
    }
    outside_decided(t, DECISION_READY, told);
    return (u16)told;
}

/* A trace that is followed has the answers of those from outside; of others the kernel knows better. */
void poll_outside(struct task *t, struct pollfd_k *polls, u64 count, i64 timeout_ms)
{
    u64 told, took_ns = 0, asked = 0;
    for (struct pollfd_k *p = polls; p < polls + count; p++)
        asked += (u64)fd_is_outside(t, p->fd);
    int follows = asked && outside_as_in_trace(t, DECISION_READY, &told);
    took_ns = poll_in_real_time(polls, count, follows ? 0 : timeout_ms);
    for (struct pollfd_k *p = polls; p < polls + count; p++) {
        if (!fd_is_outside(t, p->fd))
            continue;
        if (outside_as_in_trace(t, DECISION_READY, &told)) {
            p->revents = (i16)told;
            took_ns = told >> READY_TIME_SHIFT;
        }
        outside_decided(t, DECISION_READY, (u16)p->revents | took_ns << READY_TIME_SHIFT);
        WORLD->now_ns += took_ns;
        took_ns = 0;
    }
}

static u32 outside_channel(void)
{
    if (!WORLD->outside_channel)
        WORLD->outside_channel = channel_alloc();
    return WORLD->outside_channel;
}

/* Until the next timer, when the clock follows. */
static i64 slice_ms(void)
{
    u64 next_ns = timer_next_ns(WORLD), now_ns = WORLD->now_ns;
    if (!(WORLD->config.flags & CONFIG_NET_HOST) || next_ns == ~0ul)
        return SLICE_MS;
    u64 left_ms = next_ns > now_ns ? (next_ns - now_ns) / NS_PER_MS : 0;
    return (i64)min_u64(SLICE_MS, left_ms + 1);
}

i64 park_for_events(struct task *t, int outside, u64 deadline_ns)
{
    int in_earnest = outside && (deadline_ns == ~0ul || (WORLD->config.flags & CONFIG_NET_HOST));
    if (in_earnest)
        wait_on_channel(t, outside_channel(), SIDE_EXCLUSIVE);
    park(t, in_earnest ? WAIT_OUTSIDE : WAIT_OBJECT, 0, deadline_ns);
    if (!t->wait_outside_now)
        return 0;
    t->wait_outside_now = 0;
    return slice_ms();
}

/* Nothing in the simulation can run (before `deadline_ns`). The longest waiting of those who wait for
 * the outside now asks in earnest; 0: none does. */
int wait_for_outside(u64 deadline_ns)
{
    struct world *w = WORLD;
    u32 first = w->outside_channel ? w->channels[w->outside_channel].first[SIDE_EXCLUSIVE] : 0;
    if (!first || (deadline_ns != ~0ul && !(w->config.flags & CONFIG_NET_HOST)))
        return 0;
    struct task *t = task_at(w->waiters[first].task);
    t->wait_outside_now = 1;
    wake(t, WAKE_DONE);
    return 1;
}

/* ---- what calls bring from outside ---- */
/* Bytes that a call has written to the program's memory. They are an input of the run and kept whole,
 * in events before the call's own; a run that follows a trace has them from there. */
struct answer {
    struct trap *c;
    struct message m;
    u64 from;  /* where the trace has the bytes; 0: the call was made */
    u64 bytes; /* so far */
};

static i64 place(struct answer *a, u64 address, u64 bytes)
{
    if (a->from && copy_out(address, (const void *)(a->from + a->bytes), bytes))
        return -EFAULT;
    a->bytes += bytes;
    for (u64 n; bytes; address += n, bytes -= n) {
        n = min_u64(bytes, INPUT_BYTES_MAX);
        record_input(a->c->t, (u32)a->c->a[0], address, n);
    }
    return 0;
}

static i64 place_data(struct answer *a, u64 bytes)
{
    while (bytes) {
        u64 n = bytes, address;
        i64 error = message_span(&a->m, &address, &n);
        if (!error && n)
            error = place(a, address, n);
        if (error || !n)
            return error;
        message_advance(&a->m, n);
        bytes -= n;
    }
    return 0;
}

/* A length that the kernel tells, and then what is so long, cut to the room that there was. */
static i64 place_sized(struct answer *a, u64 user, u64 room, u64 length_at, u64 length_bytes)
{
    u64 length = 0;
    i64 error = place(a, length_at, length_bytes);
    if (!error)
        error = copy_in(&length, length_at, length_bytes);
    return error ? error : place(a, user, min_u64(room, length));
}

static i64 place_all(struct answer *a, i64 result)
{
    const struct message *m = &a->m;
    u64 header = m->header, data = a->c->nr == __NR_ioctl ? m->total : min_u64((u64)result, m->total);
    u64 length_at = header ? header + __builtin_offsetof(struct msghdr_k, name_bytes) : m->name_length_at;
    WORLD->outside_bytes += data;
    i64 error = place_data(a, data);
    if (!error && m->name)
        error = place_sized(a, m->name, m->name_bytes, length_at, 4);
    if (error || !header)
        return error;
    error = place_sized(a, m->control, m->control_bytes, header + __builtin_offsetof(struct msghdr_k, control_bytes), 8);
    return error ? error : place(a, header + __builtin_offsetof(struct msghdr_k, flags), 4);
}

/* What of the program's memory the call fills in. */
static i64 answer_of_call(struct trap *c, struct message *m)
{
    u32 name_at = c->nr == __NR_getsockopt ? 3 : 1;
    switch (c->nr) {
    case __NR_accept:
    case __NR_accept4:
    case __NR_getsockname:
    case __NR_getpeername:
    case __NR_getsockopt:
        *m = (struct message){.name = c->a[name_at], .name_length_at = c->a[name_at + 1]};
        return m->name ? copy_in(&m->name_bytes, m->name_length_at, 4) : 0;
    case __NR_ioctl:
        *m = (struct message){.base = c->a[2], .bytes = 4, .total = 4};
        return 0;
    case __NR_read:
    case __NR_readv:
    case __NR_pread64:
    case __NR_preadv:
    case __NR_preadv2:
    case __NR_recvfrom:
    case __NR_recvmsg:
        return message_of_call(c, m);
    default:
        *m = (struct message){0};
        return 0;
    }
}

/* A socket in the place of a connection that is not there any more: it has the same number. */
static i64 accept_again(struct trap *c, i64 told)
{
    i32 domain = AF_INET_K, bytes = sizeof domain;
    u64 flags = c->nr == __NR_accept4 ? c->a[3] & (SOCK_NONBLOCK_FLAG | SOCK_CLOEXEC_FLAG) : 0;
    if (told < 0)
        return told;
    raw(__NR_getsockopt, c->a[0], SOL_SOCKET_K, SO_DOMAIN_K, &domain, &bytes);
    return raw(__NR_socket, domain, SOCK_STREAM_K | flags, 0);
}

i64 outside_answer(struct trap *c, i64 (*ask)(struct trap *))
{
    struct answer a = {.c = c};
    u64 told, first = WORLD->trace.events;
    i64 error = answer_of_call(c, &a.m), n;
    if (!outside_input_in_trace(c->t, &told, &a.from))
        n = ask(c);
    else if (c->nr == __NR_accept || c->nr == __NR_accept4)
        n = accept_again(c, (i64)told);
    else
        n = (i64)told;
    if (n >= 0 && !error)
        error = place_all(&a, n);
    outside_input_decided(c->t, (u64)n, first, a.bytes);
    return n >= 0 && error && a.from ? error : n;
}

/* The world stands still until it comes, which costs no virtual time. */
i64 outside_read(struct trap *c)
{
    i64 n = outside_answer(c, pass);
    return n == -ERESTARTSYS ? -EINTR : n;
}

u64 outside_word(struct task *t, u64 word)
{
    outside_as_in_trace(t, DECISION_NAME, &word);
    outside_decided(t, DECISION_NAME, word);
    return word;
}
