/* sys_poll.c: poll and select. What is not ready is parked on: on the channels of all members. */
#include "channel.h"
#include "files.h"

/* Asks of all members, a chunk at a time; how many have something. */
static i64 members_ready(struct task *t, u64 fds, u64 count, i64 timeout_ms)
{
    struct pollfd_k *polls = (struct pollfd_k *)t->polls;
    i64 found = 0;
    for (u64 done = 0; done < count; done += POLL_CHUNK) {
        u64 n = min_u64(count - done, POLL_CHUNK), at = fds + done * sizeof *polls;
        if (copy_in(polls, at, n * sizeof *polls))
            return -EFAULT;
        found += poll_ready(t, polls, n, timeout_ms);
        if (copy_out(at, polls, n * sizeof *polls))
            return -EFAULT;
    }
    return found;
}

/* Queues on one member; whether it is one that can change from outside. */
static int wait_on_fd(struct task *t, const struct pollfd_k *p, int holds)
{
    u32 index = p->fd >= 0 ? fd_object(proc_of(t), p->fd) : 0;
    if (!index)
        return 0;
    const struct object *o = &WORLD->objects[index];
    if (!holds)
        hold(t, index, p->fd);
    if (o->channel) {
        wait_on_channel(t, o->channel, SIDE_READ);
        if ((u16)p->events & POLL_WRITE_EVENTS)
            wait_on_channel(t, o->channel, SIDE_WRITE);
    }
    return is_outside(o);
}

static i64 park_on_members(struct task *t, u64 fds, u64 count, u64 deadline_ns)
{
    struct pollfd_k p;
    int outside = 0, holds = t->first_hold != 0; /* since it slept first */
    for (u64 i = 0; i < count; i++) {
        if (copy_in(&p, fds + i * sizeof p, sizeof p)) {
            waiters_drop(t);
            return -EFAULT;
        }
        outside |= wait_on_fd(t, &p, holds);
    }
    return park_for_events(t, outside, deadline_ns);
}

/* `fds` in the program's memory, or in ours for select. */
static i64 do_poll(struct task *t, u64 fds, u64 count, u64 deadline_ns)
{
    i64 timeout_ms = 0; /* of real time: not 0 when nothing but the outside can go on */
    for (;;) {
        i64 n = members_ready(t, fds, count, timeout_ms);
        if (n || is_over(t, deadline_ns))
            return n;
        if (signal_waits(t))
            return -ERESTARTNOHAND;
        timeout_ms = park_on_members(t, fds, count, deadline_ns);
        if (timeout_ms == -EFAULT)
            return -EFAULT;
        if (t->wake_result == WAKE_SIGNAL)
            return -ERESTARTNOHAND;
    }
}
static u64 deadline_of_ms(i64 ms)
{
    return ms < 0 ? ~0ul : ms == 0 ? 0 : deadline_after(1, (u64)ms * 1000000);
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
        *deadline_ns = ns ? deadline_after(1, ns) : 0;
    return error;
}

static void remaining_out(u64 user, u64 deadline_ns, u64 unit)
{
    const struct task *t = current_task();
    u64 left = time_left(proc_of(t), 1, clocks_moved() ? faults_deadline(t, deadline_ns) : deadline_ns);
    i64 pair[2] = {(i64)(left / NS_PER_SECOND), (i64)(left % NS_PER_SECOND / unit)};
    if (user)
        copy_out(user, pair, sizeof pair);
}

i64 sys_poll(struct trap *c)
{
    if ((u32)c->a[1] > c->p->rlimit_nofile[0])
        return -EINVAL;
    return do_poll(c->t, c->a[0], (u32)c->a[1], deadline_of_ms((i32)c->a[2]));
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
    i64 n = do_poll(c->t, c->a[0], (u32)c->a[1], deadline);
    remaining_out(c->a[2], deadline, 1);
    return n;
}

/* ---- select: as a poll over its members ---- */
struct select_sets {
    u64 user[3]; /* read, write, except */
    u64 bytes;
    u64 bits[3][POLL_CHUNK / 64];
};

static const u32 select_events[3] = {POLLIN_BIT, POLLOUT_BIT, POLLPRI_BIT};
static const u32 select_hits[3] = {POLLIN_BIT | POLLHUP_BIT | POLLERR_BIT, POLLOUT_BIT | POLLERR_BIT,
                                   POLLPRI_BIT};

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
        u32 events = 0;
        for (int k = 0; k < 3; k++)
            if (s->bits[k][fd / 64] >> (fd % 64) & 1)
                events |= select_events[k];
        if (events)
            out[count++] = (struct pollfd_k){.fd = (i32)fd, .events = (i16)events};
    }
    return count;
}

static i64 polls_to_sets(struct select_sets *s, const struct pollfd_k *p, u64 count)
{
    i64 hits = 0;
    for (int k = 0; k < 3; k++)
        memset(s->bits[k], 0, s->bytes);
    for (u64 i = 0; i < count; i++) {
        if ((u16)p[i].revents & POLLNVAL_BIT)
            return -EBADF;
        for (int k = 0; k < 3; k++) {
            if (!((u16)p[i].events & select_events[k]) || !((u16)p[i].revents & select_hits[k]))
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
    n = min_u64(n, POLL_CHUNK);
    i64 error = sets_in(c, &s, n);
    if (error)
        return error;
    u64 count = sets_to_polls(&s, n, polls);
    i64 ready = do_poll(c->t, (u64)polls, count, deadline_ns);
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
        deadline = ns ? deadline_after(1, ns) : 0;
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
