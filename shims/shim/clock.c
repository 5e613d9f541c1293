/* clock.c: the virtual clock, and the vDSO's entries.
 *
 * The supervisor writes jumps to the shim_export_vdso_* functions over the vDSO's own. They run on
 * the program's stack with signals open: an add and a read, counted, no event. When a timer is due
 * or others have waited long enough, a read is made as a call, which is trapped like any other: a
 * task that does nothing but look at the clock must not keep the rest from what it waits for.
 */
#include "shim.h"
#include "urgency.h"

i64 timespec_in(u64 user, u64 *ns)
{
    struct timespec_k ts;
    const u64 forever_s = ~0ul / 4 / NS_PER_SECOND;
    if (copy_in(&ts, user, sizeof ts))
        return -EFAULT;
    if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (i64)NS_PER_SECOND)
        return -EINVAL;
    *ns = (u64)ts.sec > forever_s ? ~0ul / 4 : (u64)ts.sec * NS_PER_SECOND + (u64)ts.nsec;
    return 0;
}

i64 timespec_out(u64 user, u64 ns)
{
    struct timespec_k ts = {.sec = (i64)(ns / NS_PER_SECOND), .nsec = (i64)(ns % NS_PER_SECOND)};
    return copy_out(user, &ts, sizeof ts);
}

/* CPU clock of another process or thread: ~pid << 3 | kind (clock_getcpuclockid). */
static i64 cpu_clock_value(u64 id, u64 *ns)
{
    u32 pid = (u32) ~((i32)id >> 3);
    struct proc *p = pid ? proc_by_pid(pid) : proc_of(current_task());
    struct task *t = pid ? task_by_tid(pid) : 0;
    if (!p && t)
        p = proc_of(t);
    if (!p)
        return -EINVAL;
    *ns = p->cpu_ns;
    return 0;
}

/* Clock ids of linux/time.h. */
i64 clock_value(u64 id, u64 *ns)
{
    struct world *w = WORLD;
    switch ((i32)id) {
    case 0: /* REALTIME */
    case 5: /* REALTIME_COARSE */
    case 8: /* REALTIME_ALARM */
    case 11: /* TAI */
        *ns = w->now_ns - w->config.boot_ns + w->config.epoch_ns;
        *ns = clocks_moved() ? faults_clock_shows((u32)id, *ns) : *ns;
        return 0;
    case 1: /* MONOTONIC */
    case 4: /* MONOTONIC_RAW */
    case 6: /* MONOTONIC_COARSE */
    case 7: /* BOOTTIME */
    case 9: /* BOOTTIME_ALARM */
        *ns = clocks_moved() ? faults_clock_shows((u32)id, w->now_ns) : w->now_ns;
        return 0;
    case 2: /* PROCESS_CPUTIME_ID */
    case 3: /* THREAD_CPUTIME_ID */
        *ns = proc_of(current_task())->cpu_ns;
        return 0;
    default:
        return (i32)id < 0 ? cpu_clock_value(id, ns) : -EINVAL;
    }
}

u64 clock_shown(u32 clock)
{
    u64 ns = 0;
    clock_value(clock, &ns);
    return ns;
}

static void tick(void)
{
    struct world *w = WORLD;
    w->clock_reads++;
    charge(current_task(), w->config.cost_clock_ns);
}

/* A read that a fault rule names is a call, too. */
static int is_to_be_trapped(u64 nr)
{
    const struct world *w = WORLD;
    return timer_next_ns(w) <= w->now_ns || sched_read_asks(w) || w->now_ns > w->config.end_ns ||
           w->faults.call_slot[nr];
}

__attribute__((noinline, section(".trapped"))) i64 trapped_call(i64 nr, u64 a, u64 b, u64 c)
{
    return raw(nr, a, b, c, 0);
}

EXPORT i64 shim_export_vdso_clock_gettime(i64 id, struct timespec_k *ts)
{
    u64 ns;
    if (unlikely(is_to_be_trapped(__NR_clock_gettime)))
        return trapped_call(__NR_clock_gettime, (u64)id, (u64)ts, 0);
    tick();
    if (id == 1)
        ns = monotonic_ns();
    else if (id == 0)
        ns = wall_ns();
    else if (clock_value((u64)id, &ns))
        return -EINVAL;
    ts->sec = (i64)(ns / NS_PER_SECOND);
    ts->nsec = (i64)(ns % NS_PER_SECOND);
    return 0;
}

EXPORT i64 shim_export_vdso_gettimeofday(struct timeval_k *tv, u64 *zone)
{
    if (unlikely(is_to_be_trapped(__NR_gettimeofday)))
        return trapped_call(__NR_gettimeofday, (u64)tv, (u64)zone, 0);
    tick();
    u64 ns = wall_ns();
    if (tv) {
        tv->sec = (i64)(ns / NS_PER_SECOND);
        tv->usec = (i64)(ns % NS_PER_SECOND / 1000);
    }
    if (zone)
        *zone = 0;
    return 0;
}

EXPORT i64 shim_export_vdso_time(i64 *out)
{
    if (unlikely(is_to_be_trapped(__NR_time)))
        return trapped_call(__NR_time, (u64)out, 0, 0);
    tick();
    i64 seconds = (i64)(wall_ns() / NS_PER_SECOND);
    if (out)
        *out = seconds;
    return seconds;
}

EXPORT i64 shim_export_vdso_clock_getres(i64 id, struct timespec_k *ts)
{
    if (id < 0 || id > 11 || id == 10)
        return -EINVAL;
    if (ts) {
        ts->sec = 0;
        ts->nsec = id == 5 || id == 6 ? 4000000 : 1;
    }
    return 0;
}

EXPORT i64 shim_export_vdso_getcpu(u32 *cpu, u32 *node)
{
    if (cpu)
        *cpu = urgency_cpu(current_task());
    if (node)
        *node = 0;
    return 0;
}

/* libc then asks the kernel, that is us. */
EXPORT i64 shim_export_vdso_getrandom(void)
{
    return -ENOSYS;
}
