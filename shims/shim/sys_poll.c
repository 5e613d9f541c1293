/* sys_poll.c: poll and select. Asked of the kernel with timeout 0; parks on the channels of all members. */
#include "eventlike.h"
#include "files.h"

#define POLL_FDS_MAX 4096
#define POLLHUP_BIT 0x10
#define POLLERR_BIT 8
#define POLLPRI_BIT 2

/* Parks on every member that has a channel. True in `outside` when one can only change from outside. */
static void wait_on_fd(struct trap *c, i32 fd, i16 events, int *outside)
{
    u32 index = fd >= 0 ? fd_object(c->p, fd) : 0;
    struct object *o = &WORLD->objects[index];
    if (!index)
        return;
    if (!o->channel) {
        *outside = 1;
        return;
    }
    wait_on_channel(c->t, o->channel, 0);
    if (events & POLLOUT_BIT)
        wait_on_channel(c->t, o->channel, 1);
}

static i64 park_on_members(struct trap *c, u64 fds, u64 count, u64 deadline_ns)
{
    struct task *t = c->t;
    struct pollfd_k p;
    int outside = 0;
    for (u64 i = 0; i < count; i++) {
        if (copy_in(&p, fds + i * sizeof p, sizeof p)) {
            waiters_drop(t);
            return -EFAULT;
        }
        wait_on_fd(c, p.fd, p.events, &outside);
    }
    park(t, outside && deadline_ns == ~0ul ? WAIT_OUTSIDE : WAIT_OBJECT, 0, deadline_ns);
    return 0;
}

static i64 poll_real(u64 fds, u64 count, i64 timeout_ms)
{
    struct task *t = current_task();
    eventlike_sync(t);
    t->place = PLACE_KERNEL;
    i64 n = raw(__NR_poll, fds, count, timeout_ms);
    t->place = PLACE_SHIM;
    return n;
}

/* `fds` in the program's memory, or in ours for select. */
static i64 do_poll(struct trap *c, u64 fds, u64 count, u64 deadline_ns)
{
    struct task *t = c->t;
    for (;;) {
        i64 n = poll_real(fds, count, 0);
        if (n || WORLD->now_ns >= deadline_ns)
            return n;
        if (signal_waits(t))
            return -ERESTARTNOHAND;
        i64 error = park_on_members(c, fds, count, deadline_ns);
        if (error)
            return error;
        if (t->wake_result == WAKE_SIGNAL)
            return -ERESTARTNOHAND;
        if (t->wait_outside_now) { /* nobody else can run: wait in earnest */
            t->wait_outside_now = 0;
            return poll_real(fds, count, -1);
        }
    }
}

static u64 deadline_of_ms(i64 ms)
{
    return ms < 0 ? ~0ul : ms == 0 ? 0 : WORLD->now_ns + (u64)ms * 1000000;
}

/* A deadline from a user timespec (0: for ever). -EFAULT, -EINVAL. */
static i64 deadline_of_timespec(u64 user, u64 *deadline_ns)
{
    u64 ns;
    *deadline_ns = ~0ul;
    if (!user)
        return 0;
    i64 error = timespec_in(user, &ns);
    if (!error)
        *deadline_ns = ns ? WORLD->now_ns + ns : 0;
    return error;
}

static void remaining_out(u64 user, u64 deadline_ns, u64 unit)
{
    u64 now = WORLD->now_ns, left = deadline_ns > now ? deadline_ns - now : 0;
    i64 pair[2] = {(i64)(left / NS_PER_SECOND), (i64)(left % NS_PER_SECOND / unit)};
    if (user)
        copy_out(user, pair, sizeof pair);
}

i64 sys_poll(struct trap *c)
{
    if ((u32)c->a[1] > POLL_FDS_MAX)
        return raw(__NR_poll, c->a[0], c->a[1], 0);
    return do_poll(c, c->a[0], (u32)c->a[1], deadline_of_ms((i32)c->a[2]));
}

static i64 mask_in(struct trap *c, u64 user, u64 bytes)
{
    u64 set;
    if (!user)
        return 0;
    if (bytes != 8)
        return -EINVAL;
    if (copy_in(&set, user, sizeof set))
        return -EFAULT;
    mask_for_wait(c->t, set);
    return 0;
}

i64 sys_ppoll(struct trap *c)
{
    u64 deadline;
    i64 error = deadline_of_timespec(c->a[2], &deadline);
    if (!error)
        error = mask_in(c, c->a[3], c->a[4]);
    if (error)
        return error;
    i64 n = do_poll(c, c->a[0], (u32)c->a[1], deadline);
    remaining_out(c->a[2], deadline, 1);
    return n;
}

/* ---- select: as a poll over its members ---- */
struct select_sets {
    u64 user[3]; /* read, write, except */
    u64 bytes;
    u64 bits[3][FDS_MAX / 64 / 8]; /* 8,192 descriptors */
};

static const i16 select_events[3] = {POLLIN_BIT, POLLOUT_BIT, POLLPRI_BIT};
static const i16 select_hits[3] = {POLLIN_BIT | POLLHUP_BIT | POLLERR_BIT, POLLOUT_BIT | POLLERR_BIT, POLLPRI_BIT};

static i64 sets_in(struct trap *c, struct select_sets *s, u64 n)
{
    s->bytes = (n + 63) / 64 * 8;
    for (int k = 0; k < 3; k++) {
        s->user[k] = c->a[1 + k];
        memset(s->bits[k], 0, s->bytes);
        if (s->user[k] && copy_in(s->bits[k], s->user[k], s->bytes))
            return -EFAULT;
    }
    return 0;
}

static u64 sets_to_polls(const struct select_sets *s, u64 n, struct pollfd_k *out)
{
    u64 count = 0;
    for (u64 fd = 0; fd < n; fd++) {
        i16 events = 0;
        for (int k = 0; k < 3; k++)
            if (s->bits[k][fd / 64] >> (fd % 64) & 1)
                events |= select_events[k];
        if (events && count < POLL_FDS_MAX)
            out[count++] = (struct pollfd_k){.fd = (i32)fd, .events = events};
    }
    return count;
}

static i64 polls_to_sets(struct select_sets *s, const struct pollfd_k *p, u64 count)
{
    i64 hits = 0;
    for (int k = 0; k < 3; k++)
        memset(s->bits[k], 0, s->bytes);
    for (u64 i = 0; i < count; i++) {
        if (p[i].revents & 0x20 /* POLLNVAL */)
            return -EBADF;
        for (int k = 0; k < 3; k++) {
            if (!(p[i].events & select_events[k]) || !(p[i].revents & select_hits[k]))
                continue;
            s->bits[k][p[i].fd / 64] |= 1ul << (p[i].fd % 64);
            hits++;
        }
    }
    for (int k = 0; k < 3; k++)
        if (s->user[k] && copy_out(s->user[k], s->bits[k], s->bytes))
            return -EFAULT;
    return hits;
}

static i64 do_select(struct trap *c, u64 deadline_ns)
{
    struct select_sets s;
    struct pollfd_k *polls = (struct pollfd_k *)c->t->polls;
    u64 n = (u32)c->a[0];
    if ((i32)c->a[0] < 0)
        return -EINVAL;
    n = min_u64(n, 8192);
    i64 error = sets_in(c, &s, n);
    if (error)
        return error;
    u64 count = sets_to_polls(&s, n, polls);
    i64 ready = do_poll(c, (u64)polls, count, deadline_ns);
    return ready < 0 ? ready : polls_to_sets(&s, polls, count);
}

i64 sys_select(struct trap *c)
{
    struct timeval_k tv;
    u64 deadline = ~0ul;
    if (c->a[4]) {
        if (copy_in(&tv, c->a[4], sizeof tv))
            return -EFAULT;
        if (tv.sec < 0 || tv.usec < 0)
            return -EINVAL;
        u64 ns = (u64)tv.sec * NS_PER_SECOND + (u64)tv.usec * 1000;
        deadline = ns ? WORLD->now_ns + ns : 0;
    }
    i64 n = do_select(c, deadline);
    if (n != -ERESTARTNOHAND)
        remaining_out(c->a[4], deadline, 1000);
    return n;
}

i64 sys_pselect6(struct trap *c)
{
    u64 deadline, sigset[2];
    i64 error = deadline_of_timespec(c->a[4], &deadline);
    if (!error && c->a[5]) {
        error = copy_in(sigset, c->a[5], sizeof sigset);
        if (!error)
            error = mask_in(c, sigset[0], sigset[1]);
    }
    if (error)
        return error;
    i64 n = do_select(c, deadline);
    if (n != -ERESTARTNOHAND)
        remaining_out(c->a[4], deadline, 1);
    return n;
}
