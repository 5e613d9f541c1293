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

/* What came from outside is an input of the run: it is kept whole, in events before the call's own. */
static void outside_input(struct trap *c, i64 result)
{
    struct message m;
    u64 left = result > 0 ? (u64)result : 0, address;
    WORLD->outside_bytes += left;
    if (!left || message_of_call(c, &m))
        return;
    while (left) {
        u64 n = min_u64(left, INPUT_BYTES_MAX);
        if (message_span(&m, &address, &n) || !n)
            return;
        record_input(c->t, (u32)c->a[0], address, n);
        message_advance(&m, n);
        left -= n;
    }
}

/* Bytes that the trace has, as if they came now. */
static i64 bytes_in(struct trap *c, u64 from, u64 count)
{
    struct message m;
    u64 address, left = count;
    if (message_of_call(c, &m))
        return -EFAULT;
    while (left) {
        u64 n = left;
        if (message_span(&m, &address, &n) || !n || copy_out(address, (const void *)from, n))
            return -EFAULT;
        message_advance(&m, n);
        from += n;
        left -= n;
    }
    m.flags = 0;
    message_answer(&m, 0, 0);
    return (i64)count;
}

i64 outside_bytes(struct trap *c)
{
    u64 told, from;
    i64 n;
    if (outside_input_in_trace(c->t, &told, &from))
        n = (i64)told > 0 ? bytes_in(c, from, told) : (i64)told;
    else
        n = pass(c);
    outside_decided(c->t, DECISION_INPUT, (u64)n);
    outside_input(c, n);
    return n;
}

/* The world stands still until it comes, which costs no virtual time. */
i64 outside_read(struct trap *c)
{
    i64 n = outside_bytes(c);
    return n == -ERESTARTSYS ? -EINTR : n;
}
