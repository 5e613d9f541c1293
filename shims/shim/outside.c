/* outside.c: waiting for what is not in the simulation: the user's terminal, a pipe to stdin, the
 * machine's own network under --net host.
 *
 * Who waits for it is asked in earnest, in real time, only when nobody else can run. Real time is no
 * virtual time, but under --net host, where timeouts are about that network: there the clock follows.
 */
#include "channel.h"
#include "files.h"
#include "sockets.h"

#define SLICE_MS 20 /* then another one that waits for the outside has its turn */
#define NS_PER_MS 1000000ul
#define INPUT_BYTES_MAX 16384u /* in one event */

static u64 real_ns(void)
{
    struct timespec_k t;
    raw(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, &t);
    return (u64)t.sec * NS_PER_SECOND + (u64)t.nsec;
}

void poll_in_earnest(struct pollfd_k *polls, u64 count, i64 timeout_ms)
{
    u64 before_ns = real_ns();
    raw(__NR_poll, polls, count, timeout_ms);
    if (WORLD->config.flags & CONFIG_NET_HOST)
        WORLD->now_ns += real_ns() - before_ns;
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
void outside_input(struct trap *c, i64 result)
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

/* The world stands still until it comes, which costs no virtual time. */
i64 outside_read(struct trap *c)
{
    i64 n = pass(c);
    outside_input(c, n);
    return n == -ERESTARTSYS ? -EINTR : n;
}
