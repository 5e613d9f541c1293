/* sys_futex.c: futex(2) in all its operations, futex_waitv. */
#include "futex.h"
#include "signals.h"

#define FUTEX_CMD_MASK 0x7fu
#define FUTEX_PRIVATE_FLAG 128u
#define FUTEX_CLOCK_REALTIME_FLAG 256u
#define FUTEX2_PRIVATE_FLAG 128u
#define FUTEX2_SIZE_U32 2u
#define WAITV_MAX 128

enum futex_cmd {
    FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4, FUTEX_WAKE_OP = 5,
    FUTEX_LOCK_PI = 6, FUTEX_UNLOCK_PI = 7, FUTEX_TRYLOCK_PI = 8, FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10, FUTEX_WAIT_REQUEUE_PI = 11, FUTEX_CMP_REQUEUE_PI = 12, FUTEX_LOCK_PI2 = 13
};

/* A wait's deadline on the monotonic virtual clock. Only WAIT's timeout is relative. */
static i64 deadline_of(u64 user, int relative, int realtime, u64 *deadline_ns)
{
    u64 ns, now = WORLD->now_ns;
    *deadline_ns = ~0ul;
    if (!user)
        return 0;
    i64 error = timespec_in(user, &ns);
    if (error)
        return error;
    u64 base = realtime ? wall_ns() : monotonic_ns(), left = relative ? ns : ns > base ? ns - base : 0;
    *deadline_ns = left ? deadline_after(timer_clock(!realtime, !relative), left) : now;
    return 0;
}

static i64 check_word(u64 address, u32 expected)
{
    u32 value;
    if (address & 3)
        return -EINVAL;
    if (copy_in(&value, address, 4))
        return -EFAULT;
    return value == expected ? 0 : -EAGAIN;
}

static i64 outcome(const struct task *t)
{
    switch (t->wake_result) {
    case WAKE_DONE:
        return 0;
    case WAKE_TIMEOUT:
        return -ETIMEDOUT;
    default:
        return -ERESTARTSYS;
    }
}

static i64 wait(struct trap *c, u32 cmd, int shared, u32 bitset)
{
    u64 deadline;
    int realtime = (c->a[1] & FUTEX_CLOCK_REALTIME_FLAG) != 0;
    i64 error = deadline_of(c->a[3], cmd == FUTEX_WAIT, realtime, &deadline);
    if (!error)
        error = bitset ? check_word(c->a[0], (u32)c->a[2]) : -EINVAL;
    if (error)
        return error;
    if (signal_waits(c->t))
        return -ERESTARTSYS;
    futex_add(c->t, c->a[0], shared, bitset, 0);
    wait_follows(c->t, !realtime, cmd != FUTEX_WAIT);
    park(c->t, WAIT_FUTEX, c->a[0], deadline);
    wait_follows(c->t, 0, 0);
    futex_drop(c->t);
    i64 result = outcome(c->t);
    /* A relative timeout cannot be restarted from its start. */
    return result == -ERESTARTSYS && deadline != ~0ul && cmd == FUTEX_WAIT ? -EINTR : result;
}

static i64 requeue(struct trap *c, u32 cmd, int shared)
{
    i64 moved;
    if ((i32)c->a[2] < 0 || (i32)c->a[3] < 0)
        return -EINVAL;
    if (cmd == FUTEX_CMP_REQUEUE) {
        i64 error = check_word(c->a[0], (u32)c->a[5]);
        if (error)
            return error;
    }
    i64 woken = futex_requeue(c->p, c->a[0], c->a[4], shared, (u32)c->a[2], (u32)c->a[3], &moved);
    return woken + moved;
}

static u32 operate(u32 op, u32 old, u32 arg)
{
    switch (op) {
    case 0:
        return arg;
    case 1:
        return old + arg;
    case 2:
        return old | arg;
    case 3:
        return old & ~arg;
    default:
        return old ^ arg;
    }
}

static int compare(u32 cmp, i32 old, i32 arg)
{
    switch (cmp) {
    case 0:
        return old == arg;
    case 1:
        return old != arg;
    case 2:
        return old < arg;
    case 3:
        return old <= arg;
    case 4:
        return old > arg;
    default:
        return old >= arg;
    }
}

static i32 sign_extend_12(u32 v)
{
    return (i32)(v << 20) >> 20;
}

static i64 wake_op(struct trap *c, int shared)
{
    u32 encoded = (u32)c->a[5], old, next;
    u32 op = encoded >> 28 & 7, cmp = encoded >> 24 & 15;
    i32 arg = sign_extend_12(encoded >> 12 & 0xfff), cmp_arg = sign_extend_12(encoded & 0xfff);
    if (op > 4 || cmp > 5)
        return -ENOSYS;
    if (copy_in(&old, c->a[4], 4))
        return -EFAULT;
    next = operate(op, old, encoded >> 31 ? 1u << (arg & 31) : (u32)arg);
    if (copy_out(c->a[4], &next, 4))
        return -EFAULT;
    i64 woken = futex_wake_word(c->p, c->a[0], shared, (u32)c->a[2]);
    if (compare(cmp, (i32)old, cmp_arg))
        woken += futex_wake_word(c->p, c->a[4], shared, (u32)c->a[3]);
    return woken;
}

static i64 lock_pi(struct trap *c, u32 cmd, int shared)
{
    u64 deadline;
    int realtime = cmd == FUTEX_LOCK_PI || (c->a[1] & FUTEX_CLOCK_REALTIME_FLAG);
    i64 error = deadline_of(c->a[3], 0, realtime, &deadline);
    return error ? error : futex_lock_pi(c, c->a[0], shared, deadline, 0);
}

static i64 wait_requeue_pi(struct trap *c, int shared)
{
    u64 deadline, to = c->a[4];
    i64 error = deadline_of(c->a[3], 0, (c->a[1] & FUTEX_CLOCK_REALTIME_FLAG) != 0, &deadline);
    if (!error)
        error = (to & 3) || to == c->a[0] ? -EINVAL : check_word(c->a[0], (u32)c->a[2]);
    if (error)
        return error;
    if (signal_waits(c->t))
        return -ERESTARTSYS;
    u32 slot = futex_add(c->t, c->a[0], shared, ~0u, 0);
    WORLD->futexes[slot].pi_word = to;
    park(c->t, WAIT_FUTEX, c->a[0], deadline);
    futex_drop(c->t);
    return outcome(c->t); /* woken: the lock is ours */
}

static i64 requeue_pi(struct trap *c, int shared)
{
    if ((u32)c->a[2] != 1 || (i32)c->a[3] < 0 || c->a[0] == c->a[4])
        return -EINVAL;
    i64 error = check_word(c->a[0], (u32)c->a[5]);
    return error ? error : futex_requeue_pi(c->p, c->a[0], c->a[4], shared, (u32)c->a[3] + 1);
}

/* One at least, as the kernel counts. A shared word must be there. */
static i64 wake_some(struct trap *c, int shared, u32 bitset)
{
    u32 value, most = (i32)c->a[2] < 1 ? 1 : (u32)c->a[2];
    if ((c->a[0] & 3) || !bitset)
        return -EINVAL;
    if (shared && copy_in(&value, c->a[0], 4))
        return -EFAULT;
    return futex_wake_bits(c->p, c->a[0], shared, most, bitset);
}

static int takes_clock(u32 cmd)
{
    return cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_LOCK_PI2;
}

i64 sys_futex(struct trap *c)
{
    u32 op = (u32)c->a[1], cmd = op & FUTEX_CMD_MASK;
    int shared = !(op & FUTEX_PRIVATE_FLAG);
    if ((op & FUTEX_CLOCK_REALTIME_FLAG) && !takes_clock(cmd))
        return -ENOSYS;
    switch (cmd) {
    case FUTEX_WAIT:
        return wait(c, cmd, shared, ~0u);
    case FUTEX_WAIT_BITSET:
        return wait(c, cmd, shared, (u32)c->a[5]);
    case FUTEX_WAKE:
        return wake_some(c, shared, ~0u);
    case FUTEX_WAKE_BITSET:
        return wake_some(c, shared, (u32)c->a[5]);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        return requeue(c, cmd, shared);
    case FUTEX_WAKE_OP:
        return wake_op(c, shared);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
        return lock_pi(c, cmd, shared);
    case FUTEX_TRYLOCK_PI:
        return futex_lock_pi(c, c->a[0], shared, ~0ul, 1);
    case FUTEX_UNLOCK_PI:
        return futex_unlock_pi(c->p, c->a[0], shared, c->t->tid);
    case FUTEX_WAIT_REQUEUE_PI:
        return wait_requeue_pi(c, shared);
    case FUTEX_CMP_REQUEUE_PI:
        return requeue_pi(c, shared);
    default:
        return -ENOSYS;
    }
}

struct waitv_k {
    u64 value, address;
    u32 flags, reserved;
};

i64 sys_futex_waitv(struct trap *c)
{
    struct waitv_k v;
    struct task *t = c->t;
    u64 count = (u32)c->a[1], deadline;
    if (!count || count > WAITV_MAX || (u32)c->a[2])
        return -EINVAL;
    if (c->a[3] && (u32)c->a[4] > 1) /* CLOCK_REALTIME, CLOCK_MONOTONIC */
        return -EINVAL;
    i64 error = deadline_of(c->a[3], 0, (u32)c->a[4] == 0, &deadline);
    for (u64 i = 0; i < count && !error; i++) {
        error = copy_in(&v, c->a[0] + i * sizeof v, sizeof v);
        if (!error && ((v.flags & 7) != FUTEX2_SIZE_U32 || v.reserved))
            error = -EINVAL;
        if (!error)
            error = check_word(v.address, (u32)v.value);
        if (!error)
            futex_add(t, v.address, !(v.flags & FUTEX2_PRIVATE_FLAG), ~0u, (u32)i);
    }
    if (!error && signal_waits(t))
        error = -ERESTARTSYS;
    if (!error) {
        park(t, WAIT_FUTEX, v.address, deadline);
        error = outcome(t);
    }
    futex_drop(t);
    return error ? error : t->futex_woken;
}
