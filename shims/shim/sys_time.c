/* sys_time.c: clocks, sleeps, interval timers. A sleep is a timer in the world and costs nothing. */
#include "signals.h"

#define TIMER_ABSTIME_FLAG 1u
#define ITIMER_REAL_ID 0u
#define ITIMER_ID_MAX 2u
#define CLOCK_REALTIME_COARSE_ID 5
#define CLOCK_MONOTONIC_COARSE_ID 6
#define COARSE_RESOLUTION_NS 4000000

struct itimerval_k {
    struct timeval_k interval, value;
};

static struct timeval_k ns_timeval(u64 ns)
{
    return (struct timeval_k){(i64)(ns / NS_PER_SECOND), (i64)(ns % NS_PER_SECOND / 1000)};
}

static int timeval_valid(const struct timeval_k *tv)
{
    return tv->sec >= 0 && tv->usec >= 0 && tv->usec <= 999999;
}

i64 sys_clock_gettime(struct trap *c)
{
    u64 ns;
    i64 error = clock_value(c->a[0], &ns);
    return error ? error : timespec_out(c->a[1], ns);
}

i64 sys_gettimeofday(struct trap *c)
{
    struct timeval_k tv = ns_timeval(wall_ns());
    if (c->a[0] && copy_out(c->a[0], &tv, sizeof tv))
        return -EFAULT;
    return c->a[1] ? clear_user(c->a[1], 8) : 0;
}

i64 sys_time(struct trap *c)
{
    i64 seconds = (i64)(wall_ns() / NS_PER_SECOND);
    return c->a[0] && copy_out(c->a[0], &seconds, sizeof seconds) ? -EFAULT : seconds;
}

i64 sys_clock_getres(struct trap *c)
{
    u64 ignored;
    i32 id = (i32)c->a[0];
    i64 error = clock_value(c->a[0], &ignored);
    int coarse = id == CLOCK_REALTIME_COARSE_ID || id == CLOCK_MONOTONIC_COARSE_ID;
    if (error)
        return error;
    return c->a[1] ? timespec_out(c->a[1], coarse ? COARSE_RESOLUTION_NS : 1) : 0;
}

/* The simulation's clocks are the seed's: nobody sets them. */
i64 sys_clock_settime(struct trap *c)
{
    (void)c;
    return -EPERM;
}

i64 sys_settimeofday(struct trap *c)
{
    (void)c;
    return -EPERM;
}

struct timex_k {
    u32 modes, pad0;
    i64 offset, freq, maxerror, esterror;
    i32 status, pad1;
    i64 constant, precision, tolerance;
    struct timeval_k time;
    i64 tick, rest[16];
};

static i64 report_timex(u64 user)
{
    struct timex_k x;
    if (copy_in(&x, user, sizeof x))
        return -EFAULT;
    if (x.modes)
        return -EPERM;
    memset(&x, 0, sizeof x);
    x.status = 0x40; /* STA_UNSYNC */
    x.tick = 10000;
    x.precision = 1;
    x.time = ns_timeval(wall_ns());
    return copy_out(user, &x, sizeof x) ? -EFAULT : 5; /* TIME_ERROR: not synchronised */
}

i64 sys_adjtimex(struct trap *c)
{
    return report_timex(c->a[0]);
}

i64 sys_clock_adjtime(struct trap *c)
{
    return report_timex(c->a[1]);
}

/* ---- sleeping ---- */
static i64 sleep_until(struct trap *c, u64 deadline_ns, u64 remaining_to)
{
    struct task *t = c->t;
    while (!is_over(t, deadline_ns)) {
        if (signal_waits(t)) {
            u64 left = time_left(c->p, 1, clocks_moved() ? faults_deadline(t, deadline_ns) : deadline_ns);
            return remaining_to && timespec_out(remaining_to, left) ? -EFAULT : -EINTR;
        }
        park(t, WAIT_SLEEP, 0, deadline_ns);
    }
    return 0;
}

i64 sys_nanosleep(struct trap *c)
{
    u64 ns;
    i64 error = timespec_in(c->a[0], &ns);
    return error ? error : sleep_until(c, deadline_after(1, ns), c->a[1]);
}

i64 sys_clock_nanosleep(struct trap *c)
{
    u64 ns, now;
    i64 error = clock_value(c->a[0], &now);
    if (error || (i32)c->a[0] == 3 /* THREAD_CPUTIME_ID */)
        return error ? error : -EINVAL;
    error = timespec_in(c->a[2], &ns);
    if (error)
        return error;
    int absolute = (c->a[1] & TIMER_ABSTIME_FLAG) != 0;
    u64 left = !absolute ? ns : ns > now ? ns - now : 0;
    wait_follows(c->t, (u32)c->a[0], absolute);
    error = sleep_until(c, deadline_after(timer_clock((u32)c->a[0], absolute), left), absolute ? 0 : c->a[3]);
    wait_follows(c->t, 0, 0);
    return error;
}

/* A timer's deadline on the monotonic virtual clock; CPU clocks stand still: never. -EINVAL. */
i64 deadline_on_clock(u32 clock, u64 ns, int absolute, u64 *deadline_ns)
{
    u64 now;
    i64 error = clock_value(clock, &now);
    if (error)
        return error;
    int cpu_clock = clock == 2 || clock == 3 || (i32)clock < 0;
    u64 left = !absolute ? ns : ns > now ? ns - now : 0;
    *deadline_ns = cpu_clock ? ~0ul / 2 : deadline_after(timer_clock(clock, absolute), left);
    return 0;
}

/* ---- interval timers: ITIMER_REAL. Those of CPU time are accepted and never expire: a program's
 * virtual CPU time is only what its calls were charged. ---- */
static u64 timeval_ns(const struct timeval_k *tv)
{
    return (u64)tv->sec * NS_PER_SECOND + (u64)tv->usec * 1000;
}

static void arm_itimer(struct proc *p, u64 deadline_ns)
{
    p->itimer_real_deadline_ns = deadline_ns;
    if (!timer_arm(WORLD, &p->itimer_real, deadline_ns, TIMER_ITIMER_REAL, p->index))
        fatal("too many timers at once; the limit is", TIMERS_MAX);
}

void itimer_real_fired(struct proc *p, u64 deadline_ns)
{
    struct siginfo_bytes info;
    u64 interval = p->itimer_real_interval_ns, now = WORLD->now_ns;
    u64 takes = clocks_moved() ? faults_clock_takes(p, 1, interval) : interval;
    siginfo_kill(&info, SIG_ALRM, SI_KERNEL_CODE, 0, 0);
    p->itimer_real_deadline_ns = 0;
    if (interval)
        arm_itimer(p, deadline_ns + takes > now ? deadline_ns + takes : now + takes);
    signal_send(p, 0, &info);
}

static struct itimerval_k read_itimer(const struct proc *p)
{
    u64 at = p->itimer_real_deadline_ns, left = at ? time_left(p, 1, at) : 0;
    left = at && left < 1000 ? 1000 : left; /* armed is never shown as 0 */
    return (struct itimerval_k){ns_timeval(p->itimer_real_interval_ns), ns_timeval(left)};
}

static void set_itimer(struct proc *p, u64 value_ns, u64 interval_ns)
{
    p->itimer_real_interval_ns = interval_ns;
    p->itimer_real_deadline_ns = 0;
    if (value_ns)
        arm_itimer(p, deadline_after(1, value_ns));
    else
        timer_cancel(WORLD, &p->itimer_real);
}

i64 sys_getitimer(struct trap *c)
{
    struct itimerval_k v;
    memset(&v, 0, sizeof v);
    if ((u32)c->a[0] > ITIMER_ID_MAX)
        return -EINVAL;
    if ((u32)c->a[0] == ITIMER_REAL_ID)
        v = read_itimer(c->p);
    return copy_out(c->a[1], &v, sizeof v);
}

i64 sys_setitimer(struct trap *c)
{
    struct itimerval_k next, previous;
    memset(&next, 0, sizeof next);
    memset(&previous, 0, sizeof previous);
    if ((u32)c->a[0] > ITIMER_ID_MAX)
        return -EINVAL;
    if (c->a[1] && copy_in(&next, c->a[1], sizeof next))
        return -EFAULT;
    if (!timeval_valid(&next.value) || !timeval_valid(&next.interval))
        return -EINVAL;
    if ((u32)c->a[0] == ITIMER_REAL_ID) {
        previous = read_itimer(c->p);
        set_itimer(c->p, timeval_ns(&next.value), timeval_ns(&next.interval));
    }
    return c->a[2] ? copy_out(c->a[2], &previous, sizeof previous) : 0;
}

i64 sys_alarm(struct trap *c)
{
    struct itimerval_k previous = read_itimer(c->p);
    set_itimer(c->p, (u64)(u32)c->a[0] * NS_PER_SECOND, 0);
    i64 left = previous.value.sec + (previous.value.usec >= 500000);
    return left || !previous.value.usec ? left : 1;
}
