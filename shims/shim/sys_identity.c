/* sys_identity.c: what the machine is: its name, CPUs, memory, limits, and what was used of it.
 *
 * Everything here is a constant of the configuration or follows from the virtual clock. That memory
 * is to be locked is accepted and has no effect.
 */
#include "signals.h"

#define UTS_FIELD 65u
#define TICK_NS 10000000ul /* times() counts in hundredths of a second */
#define MAX_RSS_KB 8192l   /* getrusage: real figures follow the page cache */
#define RLIMIT_STACK_K 3u
#define RLIMIT_NOFILE_K 7u
#define RLIMIT_AS_K 9u
#define RLIMITS 16u
#define GRND_NONBLOCK_K 1u
#define GRND_RANDOM_K 2u
#define GRND_INSECURE_K 4u
#define MLOCK_ONFAULT_K 1u

/* A process or task that a call names by pid; 0 is the caller. */
static struct proc *proc_named(struct trap *c, u64 pid)
{
    struct task *t = (i32)pid > 0 ? task_by_tid((u32)pid) : 0;
    if (!(i32)pid)
        return c->p;
    return t ? proc_of(t) : (i32)pid > 0 ? proc_by_pid((u32)pid) : 0;
}

static int is_root(void) { return !raw(__NR_geteuid); }

/* Who it belongs to is the kernel's to decide; the world needs to know. */
static i64 set_user(struct trap *c)
{
    i64 error = pass(c);
    if (!error)
        c->p->uid = (u32)raw(__NR_getuid);
    return error;
}

i64 sys_setuid(struct trap *c) { return set_user(c); }
i64 sys_setreuid(struct trap *c) { return set_user(c); }
i64 sys_setresuid(struct trap *c) { return set_user(c); }

/* ---- names ---- */
i64 sys_uname(struct trap *c)
{
    struct world *w = WORLD;
    char names[6][UTS_FIELD];
    memset(names, 0, sizeof names);
    const char *values[6] = {"Linux",  w->config.hostname, "6.6.0-dstrun", "#1 SMP",
                             "x86_64", w->domainname[0] ? w->domainname : "(none)"};
    for (int i = 0; i < 6; i++)
        string_append(names[i], names[i] + UTS_FIELD, values[i]);
    return copy_out(c->a[0], names, sizeof names);
}

/* The name is the simulation's, not the machine's: it is kept in the world, for root. */
static i64 set_name(struct trap *c, char *name)
{
    char copy[UTS_FIELD] = {0};
    if (!is_root())
        return -EPERM;
    if (c->a[1] >= UTS_FIELD)
        return -EINVAL;
    if (copy_in(copy, c->a[0], c->a[1]))
        return -EFAULT;
    memcpy(name, copy, sizeof copy);
    return 0;
}

i64 sys_sethostname(struct trap *c) { return set_name(c, WORLD->config.hostname); }
i64 sys_setdomainname(struct trap *c) { return set_name(c, WORLD->domainname); }

/* ---- memory and time used ---- */
i64 sys_sysinfo(struct trap *c)
{
    struct {
        i64 uptime;
        u64 loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
        u16 procs, pad0;
        u32 pad1;
        u64 total_high, free_high;
        u32 unit, pad2;
    } info = {.unit = 1};
    _Static_assert(sizeof info == 112, "struct sysinfo");
    struct world *w = WORLD;
    info.uptime = (i64)(clock_shown(CLOCK_BOOTTIME_ID) / NS_PER_SECOND);
    info.total_ram = w->config.memory_bytes;
    info.free_ram = w->config.memory_bytes / 4 * 3;
    info.procs = (u16)w->live_tasks;
    return copy_out(c->a[0], &info, sizeof info);
}

i64 sys_getrusage(struct trap *c)
{
    struct {
        struct timeval_k user, system;
        i64 max_rss, other[13];
    } usage;
    _Static_assert(sizeof usage == 144, "struct rusage");
    i32 who = (i32)c->a[0];
    if (who < -1 || who > 1)
        return -EINVAL;
    u64 ns = who == -1 ? c->p->children_cpu_ns : c->p->cpu_ns;
    memset(&usage, 0, sizeof usage);
    usage.user.sec = (i64)(ns / NS_PER_SECOND);
    usage.user.usec = (i64)(ns % NS_PER_SECOND / 1000);
    usage.max_rss = MAX_RSS_KB;
    return copy_out(c->a[1], &usage, sizeof usage);
}

i64 sys_times(struct trap *c)
{
    u64 ticks[4] = {c->p->cpu_ns / TICK_NS, 0, c->p->children_cpu_ns / TICK_NS, 0};
    if (c->a[0] && copy_out(c->a[0], ticks, sizeof ticks))
        return -EFAULT;
    return (i64)(monotonic_ns() / TICK_NS);
}

/* ---- limits ----
 * What the program believes is in the world. The stack's limit is kept there alone: a real one moves
 * every mapping of the next exec. That of address space is real with room for our mappings, and the
 * number of descriptors within our table. */
static u64 *limit_of(struct proc *p, u32 resource)
{
    switch (resource) {
    case RLIMIT_AS_K:
        return p->rlimit_as;
    case RLIMIT_NOFILE_K:
        return p->rlimit_nofile;
    case RLIMIT_STACK_K:
        return p->rlimit_stack;
    default:
        return 0;
    }
}

/* The table of descriptors has FDS_MAX places; who asks for more believes to have them. */
static i64 set_real_nofile(u32 pid, const u64 limit[2])
{
    u64 real[2] = {min_u64(limit[0], FDS_MAX), min_u64(limit[1], FDS_MAX)};
    return raw(__NR_prlimit64, pid, RLIMIT_NOFILE_K, real, 0);
}

static u64 with_room_for_ours(u64 limit)
{
    u64 ours = OURS_END - OURS_START; /* mapped whole (boot.S) */
    return limit + ours < limit ? ~0ul : limit + ours;
}

static i64 set_real_as(u32 pid, const u64 limit[2])
{
    u64 real[2] = {with_room_for_ours(limit[0]), with_room_for_ours(limit[1])};
    return raw(__NR_prlimit64, pid, RLIMIT_AS_K, real, 0);
}

static i64 limit_set(struct proc *p, u32 resource, const u64 new[2])
{
    u64 *mine = limit_of(p, resource);
    if (new[0] > new[1])
        return -EINVAL;
    if (new[1] > mine[1] && !is_root())
        return -EPERM;
    if (resource == RLIMIT_NOFILE_K) {
        i64 error = set_real_nofile(p->pid, new);
        if (error)
            return error;
    }
    if (resource == RLIMIT_AS_K) {
        i64 error = set_real_as(p->pid, new);
        if (error)
            return error;
    }
    mine[0] = new[0];
    mine[1] = new[1];
    return 0;
}

static i64 limit_call(struct trap *c, u64 pid, u32 resource, u64 new_at, u64 old_at)
{
    u64 new[2], old[2];
    if (resource >= RLIMITS)
        return -EINVAL;
    if (new_at && copy_in(new, new_at, sizeof new))
        return -EFAULT;
    struct proc *p = proc_named(c, pid);
    if (!p)
        return -ESRCH;
    u64 *mine = limit_of(p, resource);
    i64 error = 0;
    if (mine) {
        old[0] = mine[0];
        old[1] = mine[1];
        if (new_at)
            error = limit_set(p, resource, new);
    } else {
        error = raw(__NR_prlimit64, p->pid, resource, new_at ? new : 0, old);
    }
    if (error || !old_at)
        return error;
    return copy_out(old_at, old, sizeof old);
}

i64 sys_getrlimit(struct trap *c)
{
    return c->a[1] ? limit_call(c, 0, (u32)c->a[0], 0, c->a[1]) : -EFAULT;
}

i64 sys_setrlimit(struct trap *c)
{
    return c->a[1] ? limit_call(c, 0, (u32)c->a[0], c->a[1], 0) : -EFAULT;
}

i64 sys_prlimit64(struct trap *c) { return limit_call(c, c->a[0], (u32)c->a[1], c->a[2], c->a[3]); }

/* ---- locked memory: how much may be locked is the machine's, so none is ---- */
i64 sys_mlock(struct trap *c)
{
    (void)c;
    return 0;
}

i64 sys_munlock(struct trap *c) { return sys_mlock(c); }
i64 sys_munlockall(struct trap *c) { return sys_mlock(c); }
i64 sys_mlock2(struct trap *c) { return c->a[2] & ~(u64)MLOCK_ONFAULT_K ? -EINVAL : 0; }

i64 sys_mlockall(struct trap *c)
{
    u32 flags = (u32)c->a[0]; /* MCL_CURRENT 1, MCL_FUTURE 2, MCL_ONFAULT 4 */
    return !flags || flags & ~7u || flags == 4 ? -EINVAL : 0;
}

/* ---- entropy: a stream for each task, drawn in blocks of 32 bytes ---- */
void entropy_fill(struct task *t, u8 *to, u64 n)
{
    u64 block[4];
    while (n) {
        u64 part = min_u64(n, sizeof block);
        rng_block(block, WORLD->config.entropy_seed, RNG_ENTROPY, t->tid, t->entropy_pos++);
        memcpy(to, block, part);
        to += part;
        n -= part;
    }
}

i64 sys_getrandom(struct trap *c)
{
    u8 chunk[512];
    u64 user = c->a[0], n = min_u64(c->a[1], 0x7ffff000), done = 0;
    u32 flags = (u32)c->a[2];
    if (flags & ~(GRND_NONBLOCK_K | GRND_RANDOM_K | GRND_INSECURE_K))
        return -EINVAL;
    if ((flags & (GRND_RANDOM_K | GRND_INSECURE_K)) == (GRND_RANDOM_K | GRND_INSECURE_K))
        return -EINVAL;
    while (done < n) {
        u64 part = min_u64(n - done, sizeof chunk);
        entropy_fill(c->t, chunk, part);
        if (copy_out(user + done, chunk, part))
            return done ? (i64)done : -EFAULT;
        done += part;
    }
    return (i64)done;
}
