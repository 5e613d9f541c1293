/* sys_process.c: process groups, prctl and other calls about the process itself. */
#include <linux/personality.h>
#include <linux/prctl.h>

#include "futex.h"
#include "preload_abi.h"
#include "process.h"

enum arch_prctl_op {
    ARCH_SET_GS = 0x1001, ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003, ARCH_GET_GS = 0x1004,
    ARCH_GET_CPUID = 0x1011, ARCH_SET_CPUID = 0x1012, ARCH_GET_XCOMP_SUPP = 0x1021,
    ARCH_GET_XCOMP_PERM = 0x1022, ARCH_REQ_XCOMP_PERM = 0x1023
};

i64 sys_setpgid(struct trap *c)
{
    i64 error = pass(c);
    struct proc *p = (i32)c->a[0] ? proc_by_pid((u32)c->a[0]) : c->p;
    if (!error && p)
        p->pgid = (u32)c->a[1] ? (u32)c->a[1] : p->pid;
    return error;
}

i64 sys_setsid(struct trap *c)
{
    i64 sid = pass(c);
    if (sid > 0) {
        c->p->sid = c->p->pgid = (u32)sid;
        c->p->tty = 0;
    }
    return sid;
}

i64 sys_set_tid_address(struct trap *c)
{
    c->t->clear_tid = c->a[0];
    return c->t->tid;
}

/* The kernel's own list of the task is ours: it tells the supervisor of a death with the token. The
 * program's hangs behind it. */
i64 sys_set_robust_list(struct trap *c)
{
    if (c->a[1] != sizeof(struct robust_head))
        return -EINVAL;
    c->t->program_robust_list = c->a[0];
    robust_follow(c->t);
    return 0;
}

i64 sys_get_robust_list(struct trap *c)
{
    struct task *t = (u32)c->a[0] ? task_by_tid((u32)c->a[0]) : c->t;
    u64 size = sizeof(struct robust_head);
    if (!t)
        return -ESRCH;
    if (copy_out(c->a[1], &t->program_robust_list, 8) || copy_out(c->a[2], &size, 8))
        return -EFAULT;
    return 0;
}

i64 sys_sched_yield(struct trap *c)
{
    yield_token(c->t);
    return 0;
}

i64 sys_arch_prctl(struct trap *c)
{
    u64 zero = 0;
    switch ((u32)c->a[0]) {
    case ARCH_SET_FS:
    case ARCH_GET_FS:
    case ARCH_GET_XCOMP_SUPP:
    case ARCH_GET_XCOMP_PERM:
    case ARCH_REQ_XCOMP_PERM:
        return pass(c);
    case ARCH_GET_GS:
        return copy_out(c->a[1], &zero, 8);
    case ARCH_SET_GS: /* GS is ours */
        return c->a[1] ? -EPERM : 0;
    case ARCH_GET_CPUID:
        return 1;
    case ARCH_SET_CPUID:
        return c->a[1] ? 0 : -ENODEV;
    default:
        return -EINVAL; /* shadow stacks among them */
    }
}

/* What asks for anything else gets it; addresses are fixed in all programs to come as well. */
i64 sys_personality(struct trap *c)
{
    u32 wanted = (u32)c->a[0];
    return raw(__NR_personality, wanted == PERSONALITY_QUERY ? wanted : wanted | ADDR_NO_RANDOMIZE);
}

static i64 set_name(struct trap *c)
{
    i64 result = pass(c);
    raw(__NR_prctl, PR_GET_NAME, c->t->comm, 0, 0, 0);
    if (c->t->tid == c->p->pid)
        memcpy(c->p->comm, c->t->comm, sizeof c->p->comm);
    if (has_plan())
        faults_proc_renamed(c->p);
    return result;
}

static i64 set_flag(u32 *flag, u64 value, u64 value_max)
{
    if (value > value_max)
        return -EINVAL;
    *flag = (u32)value;
    return 0;
}

static i64 get_int(u64 user, u32 value)
{
    return copy_out(user, &value, sizeof value);
}

i64 sys_prctl(struct trap *c)
{
    struct proc *p = c->p;
    u64 v = c->a[1];
    switch ((u32)c->a[0]) {
    case PR_PRELOAD_ANNOUNCE:
        return preload_announced(c);
    case PR_SET_PDEATHSIG: /* delivered by us, at the parent's death */
        return set_flag(&p->pdeathsig, v, 64);
    case PR_GET_PDEATHSIG:
        return get_int(v, p->pdeathsig);
    case PR_SET_DUMPABLE: /* kept from the kernel: the supervisor must be able to look */
        return set_flag(&p->dumpable, v, 1);
    case PR_GET_DUMPABLE:
        return p->dumpable;
    case PR_SET_CHILD_SUBREAPER:
        p->subreaper = v != 0;
        return pass(c);
    case PR_SET_NAME:
        return set_name(c);
    case PR_SET_TSC: /* reads are virtual in either mode */
        return v == PR_TSC_ENABLE || v == PR_TSC_SIGSEGV ? 0 : -EINVAL;
    case PR_GET_TSC:
        return get_int(v, PR_TSC_ENABLE);
    case PR_SET_SECCOMP: /* a filter would hit the shim's own calls: accepted, not installed */
    case PR_GET_SECCOMP:
    case PR_SET_TIMERSLACK:
    case PR_SET_PTRACER:
        return 0;
    case PR_GET_TIMERSLACK:
        return 50000;
    case PR_SET_SYSCALL_USER_DISPATCH:
    case PR_SET_MM:
        return -EINVAL;
    default:
        return pass(c);
    }
}

/* Filters are accepted and not installed: they would hit the shim's own calls. */
i64 sys_seccomp(struct trap *c)
{
    enum { SET_MODE_STRICT, SET_MODE_FILTER, GET_ACTION_AVAIL };
    u32 flags = (u32)c->a[1], first;
    switch ((u32)c->a[0]) {
    case SET_MODE_STRICT:
        return flags || c->a[2] ? -EINVAL : 0;
    case SET_MODE_FILTER:
        return flags & 8 /* a listener's descriptor */ ? -EINVAL : copy_in(&first, c->a[2], 4);
    case GET_ACTION_AVAIL:
        return copy_in(&first, c->a[2], 4);
    default:
        return -EINVAL;
    }
}
