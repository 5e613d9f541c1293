/* urgency.c: nice values, policies, priorities and affinities, of tasks and I/O.
 *
 * They are what Linux makes of them for whoever sets and reads them: limits and capabilities count,
 * they belong to threads, children inherit them. But they are kept in the world alone: the kernel's
 * own stay as they are, and the strategy knows nothing of them.
 */
#include "urgency.h"

#include "process.h"

#define RLIMIT_NICE_K 13u
#define RLIMIT_RTPRIO_K 14u
#define CAPABILITY_VERSION 0x20080522u
#define CAP_SYS_ADMIN_BIT (1u << 21)
#define CAP_SYS_NICE_BIT (1u << 23)
#define PRIO_PROCESS_K 0
#define PRIO_PGRP_K 1
#define PRIO_USER_K 2
#define IOPRIO_CLASS_SHIFT 13u
#define IOPRIO_DATA_MASK 0x1fffu
#define IOPRIO_LEVELS 8u
#define PRIORITY_MAX 99u
#define RR_SLICE_NS 100000000ul
#define FAIR_SLICE_NS 4000000ul
#define DEADLINE_RUNTIME_MIN 1024ul
#define ATTR_BYTES_FIRST 48u /* sizes of struct sched_attr so far */
#define ATTR_BYTES_NOW 56u
#define ATTR_BYTES_MAX 4096u

enum io_class { IO_NONE = 0, IO_REAL_TIME = 1, IO_BEST_EFFORT = 2, IO_IDLE = 3 };

enum attr_flag {
    ATTR_RESET_ON_FORK = 1, ATTR_RECLAIM = 2, ATTR_OVERRUN = 4,
    ATTR_KEEP_POLICY = 8, ATTR_KEEP_PARAMS = 16, ATTR_CLAMPS = 0x60, ATTR_KNOWN = 0x7f
};

struct attr_k { /* struct sched_attr */
    u32 size, policy;
    u64 flags;
    i32 nice;
    u32 priority;
    u64 runtime, deadline, period;
    u32 clamp_min, clamp_max;
};

static u32 capabilities(void)
{
    u32 header[2] = {CAPABILITY_VERSION, 0}, sets[6] = {0};
    return raw(__NR_capget, header, sets) ? 0 : sets[0];
}

static int may_raise(void) { return (capabilities() & CAP_SYS_NICE_BIT) != 0; }

static u64 limit_of_process(const struct proc *p, u32 resource)
{
    u64 limit[2];
    return raw(__NR_prlimit64, p->pid, resource, 0, limit) ? 0 : limit[0];
}

static int nice_is_in_limit(const struct task *t, i32 nice)
{
    return (u64)(20 - nice) <= limit_of_process(proc_of(t), RLIMIT_NICE_K);
}

static int is_own(const struct task *t)
{
    return t->proc == current_task()->proc || proc_of(t)->uid == (u32)raw(__NR_geteuid);
}

static i32 clamp_nice(i32 nice) { return nice < -20 ? -20 : nice > 19 ? 19 : nice; }
static int is_real_time(u32 policy) { return policy == POLICY_FIFO || policy == POLICY_RR; }
static int is_fair(u32 policy) { return policy == POLICY_OTHER || policy == POLICY_BATCH; }
static struct task *task_named(struct trap *c, u64 pid)
{
    return (i32)pid ? (i32)pid > 0 ? task_by_tid((u32)pid) : 0 : c->t;
}

/* ---- who starts with what ---- */
void urgency_first(struct task *t)
{
    memset(&t->urgency, 0, sizeof t->urgency);
    t->urgency.cpus = cpu_mask();
}

void urgency_forked(const struct task *parent, struct task *t)
{
    struct urgency *u = &t->urgency;
    *u = parent->urgency;
    if (u->ioprio >> IOPRIO_CLASS_SHIFT == IO_NONE)
        u->ioprio = 0;
    if (!u->reset_on_fork)
        return;
    if (!is_fair(u->policy) && u->policy != POLICY_IDLE) {
        u->policy = POLICY_OTHER;
        u->priority = 0;
        u->nice = 0;
    } else if (u->nice < 0) {
        u->nice = 0;
    }
    u->reset_on_fork = 0;
}

int urgency_forbids_fork(const struct task *t)
{
    return t->urgency.policy == POLICY_DEADLINE && !t->urgency.reset_on_fork;
}

u32 urgency_cpu(const struct task *t) { return (u32)__builtin_ctzl(t->urgency.cpus); }

/* ---- nice values: of a thread, or of all threads of a group or a user ---- */
static int is_meant(const struct task *t, i32 which, u32 who)
{
    const struct proc *p = proc_of(t);
    if (t->state == TASK_FREE || t->state == TASK_EXITING || !t->tid)
        return 0;
    return which == PRIO_PGRP_K ? p->pgid == who : p->uid == who;
}

typedef i64 (*visit_fn)(struct task *t, i64 result, u64 value);

/* `first` when there is nobody. `which` counts from 0 as setpriority's. */
static i64 visit(struct trap *c, i32 which, u64 who, i64 first, visit_fn each, u64 value)
{
    if (which == PRIO_PROCESS_K) {
        struct task *t = task_named(c, who);
        return t ? each(t, first, value) : -ESRCH;
    }
    i64 result = first;
    u32 id = (u32)who;
    if (!id)
        id = which == PRIO_PGRP_K ? c->p->pgid : c->p->uid;
    for (u32 i = 1; i <= WORLD->used_tasks; i++)
        if (is_meant(task_at(i), which, id))
            result = each(task_at(i), result, value);
    return result;
}

static i64 highest_nice(struct task *t, i64 result, u64 unused)
{
    (void)unused;
    return 20 - t->urgency.nice > result ? 20 - t->urgency.nice : result;
}

i64 sys_getpriority(struct trap *c)
{
    i32 which = (i32)c->a[0];
    if (which < PRIO_PROCESS_K || which > PRIO_USER_K)
        return -EINVAL;
    return visit(c, which, c->a[1], -ESRCH, highest_nice, 0);
}

static i64 set_nice(struct task *t, i64 result, u64 value)
{
    i32 nice = (i32)value;
    if (!is_own(t) && !may_raise())
        return -EPERM;
    if (nice < t->urgency.nice && !nice_is_in_limit(t, nice) && !may_raise())
        return -EACCES;
    t->urgency.nice = nice;
    return result == -ESRCH ? 0 : result;
}

i64 sys_setpriority(struct trap *c)
{
    i32 which = (i32)c->a[0];
    if (which < PRIO_PROCESS_K || which > PRIO_USER_K)
        return -EINVAL;
    return visit(c, which, c->a[1], -ESRCH, set_nice, (u64)clamp_nice((i32)c->a[2]));
}

/* ---- policies ---- */
static i64 check_deadline(const struct urgency *u)
{
    u64 period = u->period_ns ? u->period_ns : u->deadline_ns;
    if (!u->deadline_ns || u->runtime_ns < DEADLINE_RUNTIME_MIN)
        return -EINVAL;
    if ((u->deadline_ns | period) >> 63 || u->runtime_ns > u->deadline_ns || u->deadline_ns > period)
        return -EINVAL;
    return 0;
}

static i64 check_policy(const struct urgency *u)
{
    if (u->policy == POLICY_DEADLINE)
        return u->priority ? -EINVAL : check_deadline(u);
    if (!is_fair(u->policy) && !is_real_time(u->policy) && u->policy != POLICY_IDLE)
        return -EINVAL;
    if (u->priority > PRIORITY_MAX || is_real_time(u->policy) != (u->priority != 0))
        return -EINVAL;
    return 0;
}

/* Whether only CAP_SYS_NICE may do this. */
static int needs_capability(const struct task *t, const struct urgency *new)
{
    const struct urgency *old = &t->urgency;
    if (is_fair(new->policy) && new->nice < old->nice && !nice_is_in_limit(t, new->nice))
        return 1;
    if (is_real_time(new->policy)) {
        u64 limit = limit_of_process(proc_of(t), RLIMIT_RTPRIO_K);
        if ((new->policy != old->policy && !limit) ||
            (new->priority > old->priority && new->priority > limit))
            return 1;
    }
    if (new->policy == POLICY_DEADLINE || !is_own(t))
        return 1;
    if (old->policy == POLICY_IDLE && new->policy != POLICY_IDLE && !nice_is_in_limit(t, old->nice))
        return 1;
    return old->reset_on_fork && !new->reset_on_fork;
}

static i64 change(struct task *t, const struct urgency *new)
{
    i64 error = check_policy(new);
    if (error)
        return error;
    if (needs_capability(t, new) && !may_raise())
        return -EPERM;
    t->urgency = *new;
    return 0;
}

static i64 set_policy(struct trap *c, u32 policy, int keep_policy, u64 user)
{
    u32 priority;
    if (!user || (i32)c->a[0] < 0 || (!keep_policy && (i32)policy < 0))
        return -EINVAL;
    if (copy_in(&priority, user, sizeof priority))
        return -EFAULT;
    struct task *t = task_named(c, c->a[0]);
    if (!t)
        return -ESRCH;
    struct urgency new = t->urgency;
    if (!keep_policy) {
        new.reset_on_fork = (policy & POLICY_RESET_ON_FORK) != 0;
        new.policy = policy & ~POLICY_RESET_ON_FORK;
    }
    new.priority = priority;
    new.runtime_ns = new.deadline_ns = new.period_ns = new.flags = 0;
    return change(t, &new);
}

i64 sys_sched_setscheduler(struct trap *c) { return set_policy(c, (u32)c->a[1], 0, c->a[2]); }
i64 sys_sched_setparam(struct trap *c) { return set_policy(c, 0, 1, c->a[1]); }

i64 sys_sched_getscheduler(struct trap *c)
{
    if ((i32)c->a[0] < 0)
        return -EINVAL;
    const struct task *t = task_named(c, c->a[0]);
    if (!t)
        return -ESRCH;
    return t->urgency.policy | (t->urgency.reset_on_fork ? POLICY_RESET_ON_FORK : 0);
}

i64 sys_sched_getparam(struct trap *c)
{
    if (!c->a[1] || (i32)c->a[0] < 0)
        return -EINVAL;
    const struct task *t = task_named(c, c->a[0]);
    return t ? copy_out(c->a[1], &t->urgency.priority, 4) : -ESRCH;
}

/* As copy_struct_from_user: an older program's is shorter, a newer one's may have zeros behind. */
static i64 attr_in(u64 user, struct attr_k *attr)
{
    u32 size, known = sizeof *attr;
    u8 rest[64];
    memset(attr, 0, sizeof *attr);
    if (copy_in(&size, user, 4))
        return -EFAULT;
    size = size ? size : ATTR_BYTES_FIRST;
    int too_big = size < ATTR_BYTES_FIRST || size > ATTR_BYTES_MAX;
    for (u32 at = known, n; !too_big && at < size; at += n) {
        n = (u32)min_u64(size - at, sizeof rest);
        if (copy_in(rest, user + at, n))
            return -EFAULT;
        for (u32 i = 0; i < n; i++)
            too_big |= rest[i] != 0;
    }
    if (too_big)
        return copy_out(user, &known, 4) ? -EFAULT : -E2BIG;
    if (copy_in(attr, user, min_u64(size, known)))
        return -EFAULT;
    return (attr->flags & ATTR_CLAMPS) && size < ATTR_BYTES_NOW ? -EINVAL : 0;
}

static i64 apply(struct task *t, const struct attr_k *attr)
{
    struct urgency new = t->urgency;
    if (attr->flags & ~(u64)ATTR_KNOWN)
        return -EINVAL;
    if (attr->flags & ATTR_CLAMPS)
        return -EOPNOTSUPP;
    if (!(attr->flags & ATTR_KEEP_POLICY)) {
        new.policy = attr->policy;
        new.reset_on_fork = (attr->flags & ATTR_RESET_ON_FORK) != 0;
    }
    if (!(attr->flags & ATTR_KEEP_PARAMS)) {
        new.priority = attr->priority;
        if (is_fair(new.policy))
            new.nice = clamp_nice(attr->nice);
        int by_deadline = new.policy == POLICY_DEADLINE;
        new.runtime_ns = by_deadline ? attr->runtime : 0;
        new.deadline_ns = by_deadline ? attr->deadline : 0;
        new.period_ns = by_deadline ? attr->period : 0;
        new.flags = by_deadline ? attr->flags & (ATTR_RECLAIM | ATTR_OVERRUN) : 0;
    }
    return change(t, &new);
}

i64 sys_sched_setattr(struct trap *c)
{
    struct attr_k attr;
    if (!c->a[1] || (i32)c->a[0] < 0 || (u32)c->a[2])
        return -EINVAL;
    i64 error = attr_in(c->a[1], &attr);
    if (error)
        return error;
    if ((i32)attr.policy < 0)
        return -EINVAL;
    struct task *t = task_named(c, c->a[0]);
    return t ? apply(t, &attr) : -ESRCH;
}

i64 sys_sched_getattr(struct trap *c)
{
    u32 size = (u32)c->a[2];
    if (!c->a[1] || (i32)c->a[0] < 0 || (u32)c->a[3] || size < ATTR_BYTES_FIRST ||
        size > ATTR_BYTES_MAX)
        return -EINVAL;
    const struct task *t = task_named(c, c->a[0]);
    if (!t)
        return -ESRCH;
    const struct urgency *u = &t->urgency;
    struct attr_k attr = {.policy = u->policy, .runtime = u->runtime_ns, .deadline = u->deadline_ns};
    attr.size = (u32)min_u64(size, sizeof attr);
    attr.period = u->period_ns ? u->period_ns : u->deadline_ns;
    attr.flags = u->flags | (u->reset_on_fork ? ATTR_RESET_ON_FORK : 0);
    if (is_real_time(u->policy))
        attr.priority = u->priority;
    else if (u->policy != POLICY_DEADLINE)
        attr.nice = u->nice;
    return copy_out(c->a[1], &attr, attr.size);
}

i64 sys_sched_rr_get_interval(struct trap *c)
{
    if ((i32)c->a[0] < 0)
        return -EINVAL;
    const struct task *t = task_named(c, c->a[0]);
    if (!t)
        return -ESRCH;
    u32 policy = t->urgency.policy;
    return timespec_out(c->a[1], policy == POLICY_RR ? RR_SLICE_NS
                                 : policy == POLICY_FIFO || policy == POLICY_DEADLINE ? 0
                                                                                  : FAIR_SLICE_NS);
}

/* ---- I/O ---- */
static i64 best_ioprio(struct task *t, i64 result, u64 unused)
{
    (void)unused;
    i64 own = t->urgency.ioprio;
    if (result < 0)
        return own;
    i64 default_class = (i64)IO_BEST_EFFORT << IOPRIO_CLASS_SHIFT | IOPRIO_LEVELS / 2;
    i64 a = own >> IOPRIO_CLASS_SHIFT ? own : default_class;
    i64 b = result >> IOPRIO_CLASS_SHIFT ? result : default_class;
    return a < b ? a : b;
}

i64 sys_ioprio_get(struct trap *c)
{
    i32 which = (i32)c->a[0] - 1;
    if (which < PRIO_PROCESS_K || which > PRIO_USER_K)
        return -EINVAL;
    return visit(c, which, c->a[1], -ESRCH, best_ioprio, 0);
}

static i64 check_ioprio(u32 ioprio)
{
    u32 level = ioprio & IOPRIO_DATA_MASK;
    switch (ioprio >> IOPRIO_CLASS_SHIFT) {
    case IO_REAL_TIME:
        if (!(capabilities() & (CAP_SYS_NICE_BIT | CAP_SYS_ADMIN_BIT)))
            return -EPERM;
        return level % IOPRIO_LEVELS == level ? 0 : -EINVAL;
    case IO_BEST_EFFORT:
        return level % IOPRIO_LEVELS == level ? 0 : -EINVAL;
    case IO_IDLE:
        return 0;
    case IO_NONE:
        return level ? -EINVAL : 0;
    default:
        return -EINVAL;
    }
}

static i64 set_ioprio(struct task *t, i64 result, u64 value)
{
    if (!is_own(t) && proc_of(t)->uid != (u32)raw(__NR_getuid) && !may_raise())
        return -EPERM;
    t->urgency.ioprio = (u32)value;
    return result == -ESRCH ? 0 : result;
}

i64 sys_ioprio_set(struct trap *c)
{
    i32 which = (i32)c->a[0] - 1;
    i64 error = check_ioprio((u32)c->a[2]);
    if (error)
        return error;
    if (which < PRIO_PROCESS_K || which > PRIO_USER_K)
        return -EINVAL;
    return visit(c, which, c->a[1], -ESRCH, set_ioprio, (u32)c->a[2]);
}

/* ---- affinity ---- */
u64 cpu_mask(void)
{
    u32 cpus = WORLD->config.cpus;
    return cpus >= 64 ? ~0ul : (1ul << cpus) - 1;
}

i64 sys_sched_getaffinity(struct trap *c)
{
    u64 bytes = (u32)c->a[1];
    if (bytes < sizeof(u64) || bytes & 7)
        return -EINVAL;
    const struct task *t = task_named(c, c->a[0]);
    if (!t)
        return -ESRCH;
    return copy_out(c->a[2], &t->urgency.cpus, sizeof(u64)) ? -EFAULT : (i64)sizeof(u64);
}

/* Of the CPUs that it names those count that there are; without any it is an error. */
i64 sys_sched_setaffinity(struct trap *c)
{
    u64 mask = 0;
    if (copy_in(&mask, c->a[2], min_u64((u32)c->a[1], sizeof mask)))
        return -EFAULT;
    struct task *t = task_named(c, c->a[0]);
    if (!t)
        return -ESRCH;
    if (!is_own(t) && !may_raise())
        return -EPERM;
    if (!(mask & cpu_mask()))
        return -EINVAL;
    t->urgency.cpus = mask & cpu_mask();
    return 0;
}

i64 sys_getcpu(struct trap *c)
{
    u32 cpu = urgency_cpu(c->t), node = 0;
    if ((c->a[0] && copy_out(c->a[0], &cpu, 4)) || (c->a[1] && copy_out(c->a[1], &node, 4)))
        return -EFAULT;
    return 0;
}
