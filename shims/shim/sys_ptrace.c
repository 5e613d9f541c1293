/* sys_ptrace.c: ptrace among tasks of the simulation.
 *
 * Tracees stop, show and change their registers and memory, and hear of signals only by their tracer:
 * what LeakSanitizer and a debugger need. There are no stops at calls or at events: these requests are
 * refused as a kernel refuses what it does not know.
 */
#include <linux/elf.h>
#include <linux/ptrace.h>

#include "process.h"
#include "tracing.h"

#define PTRACE_GETREGS_OP 12
#define PTRACE_SETREGS_OP 13
#define PTRACE_GETFPREGS_OP 14
#define PTRACE_SETFPREGS_OP 15
#define FP_LEGACY_BYTES 512
#define USER_BYTES 912 /* struct user */
#define FLAGS_SETTABLE 0x40dd5ul

struct user_regs_k {
    u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, original_ax;
    u64 ip, cs, flags, sp, ss, fs_base, gs_base, ds, es, fs, gs;
};

/* ---- beginning and end ---- */
static i64 trace_me(const struct trap *c)
{
    struct proc *parent = &WORLD->procs[c->p->parent];
    u32 tracer = c->p->parent ? c->p->parent_task : 0;
    if (c->t->tracer || !tracer || proc_of(task_at(tracer)) != parent)
        return -EPERM;
    trace_begin(task_at(tracer), c->t, 0, 0);
    return 0;
}

static i64 may_trace(const struct proc *p)
{
    u32 uid = (u32)raw(__NR_geteuid);
    return !uid || (uid == p->uid && p->dumpable == 1) ? 0 : -EPERM;
}

static i64 attach(struct trap *c, u32 tid, int seizes)
{
    struct task *t = task_by_tid(tid);
    struct siginfo_bytes info;
    if (seizes && (c->a[2] || (c->a[3] & ~(PTRACE_O_TRACESYSGOOD_FLAG | PTRACE_O_EXITKILL_FLAG))))
        return -EIO;
    if (!t)
        return proc_by_pid(tid) || tid == 1 ? -EPERM : -ESRCH;
    if (t->proc == c->t->proc || t->tracer || may_trace(proc_of(t)))
        return -EPERM;
    trace_begin(c->t, t, seizes ? TRACEE_SEIZED : 0, seizes ? c->a[3] : 0);
    siginfo_kill(&info, SIG_STOP, SI_KERNEL_CODE, 0, 0);
    if (!seizes)
        signal_send(proc_of(t), t, &info);
    return 0;
}

/* ---- registers: those of the trap in which it sleeps ---- */
static struct sigcontext_k *registers_of(const struct task *t)
{
    return (struct sigcontext_k *)t->trap_registers;
}

static i64 get_registers(struct task *t, struct user_regs_k *u)
{
    const struct sigcontext_k *s = registers_of(t);
    int at_end = (t->trace_flags & TRACEE_AT_END) != 0;
    *u = (struct user_regs_k){
        .r15 = s->r15, .r14 = s->r14, .r13 = s->r13, .r12 = s->r12, .bp = s->bp, .bx = s->bx,
        .r11 = s->r11, .r10 = s->r10, .r9 = s->r9, .r8 = s->r8, .ax = s->ax, .cx = s->cx,
        .dx = s->dx, .si = s->si, .di = s->di, .ip = s->ip, .cs = s->cs, .flags = s->flags,
        .sp = s->sp, .ss = s->ss, .original_ax = at_end ? t->tracee.original_ax : t->trap_nr};
    if (t->state == TASK_PARKED) /* as one that is interrupted in its call */
        u->ax = (u64)-ERESTARTSYS;
    return trace_ask(t, SERVE_GET_FS, 0, &u->fs_base);
}

static i64 set_registers(struct task *t, const struct user_regs_k *u)
{
    struct sigcontext_k *s = registers_of(t);
    struct user_regs_k now;
    if (!(t->trace_flags & TRACEE_AT_END))
        return -EIO; /* in the middle of a call, which goes on */
    i64 error = get_registers(t, &now);
    u64 fs_base = u->fs_base;
    if (!error && fs_base != now.fs_base)
        error = trace_ask(t, SERVE_SET_FS, 0, &fs_base) ? -EIO : 0;
    if (error)
        return error;
    s->r15 = u->r15, s->r14 = u->r14, s->r13 = u->r13, s->r12 = u->r12, s->bp = u->bp, s->bx = u->bx;
    s->r11 = u->r11, s->r10 = u->r10, s->r9 = u->r9, s->r8 = u->r8, s->ax = u->ax, s->cx = u->cx;
    s->dx = u->dx, s->si = u->si, s->di = u->di, s->ip = u->ip, s->sp = u->sp;
    s->flags = (s->flags & ~FLAGS_SETTABLE) | (u->flags & FLAGS_SETTABLE);
    t->tracee.original_ax = u->original_ax;
    return 0;
}

/* ---- sets of registers: copied through the caller's own buffer ---- */
struct regset {
    u32 id;
    u64 bytes;
};

static i64 find_regset(const struct task *t, u32 id, struct regset *set)
{
    u64 fpstate = registers_of(t)->fpstate;
    set->id = id;
    switch (id) {
    case NT_PRSTATUS:
        set->bytes = sizeof(struct user_regs_k);
        return 0;
    case NT_PRFPREG:
        set->bytes = FP_LEGACY_BYTES;
        return 0;
    case NT_X86_XSTATE:
        set->bytes = fpstate_bytes(fpstate);
        return set->bytes > FP_LEGACY_BYTES ? 0 : -ENODEV;
    default:
        return -EINVAL;
    }
}

static i64 regset_get(struct trap *c, struct task *t, const struct regset *set)
{
    if (set->id == NT_PRSTATUS)
        return get_registers(t, (struct user_regs_k *)c->t->polls);
    fpstate_show(registers_of(t)->fpstate, c->t->polls);
    return 0;
}

static i64 regset_set(struct trap *c, struct task *t, const struct regset *set)
{
    if (set->id == NT_PRSTATUS)
        return set_registers(t, (const struct user_regs_k *)c->t->polls);
    if (!(t->trace_flags & TRACEE_AT_END))
        return -EIO;
    fpstate_take(registers_of(t)->fpstate, c->t->polls, set->bytes);
    return 0;
}

static i64 regset_out(struct trap *c, struct task *t, const struct regset *set, u64 to, u64 bytes)
{
    i64 error = regset_get(c, t, set);
    return error ? error : copy_out(to, c->t->polls, bytes);
}

static i64 regset_in(struct trap *c, struct task *t, const struct regset *set, u64 from, u64 bytes)
{
    i64 error = regset_get(c, t, set); /* what is not given stays */
    if (!error)
        error = copy_in(c->t->polls, from, bytes);
    return error ? error : regset_set(c, t, set);
}

static i64 legacy_registers(struct trap *c, struct task *t, u32 id, int sets)
{
    struct regset set;
    i64 error = find_regset(t, id, &set);
    if (error)
        return error;
    return (sets ? regset_in : regset_out)(c, t, &set, c->a[3], set.bytes);
}

static i64 vector_registers(struct trap *c, struct task *t, int sets)
{
    struct iovec_k part;
    struct regset set;
    if (copy_in(&part, c->a[3], sizeof part))
        return -EFAULT;
    i64 error = find_regset(t, (u32)c->a[2], &set);
    if (error)
        return error;
    part.len = min_u64(part.len, set.bytes);
    if (part.len % 8)
        return -EINVAL;
    error = (sets ? regset_in : regset_out)(c, t, &set, part.base, part.len);
    return error ? error : copy_out(c->a[3], &part, sizeof part);
}

/* ---- memory and struct user ---- */
static i64 peek(const struct trap *c, struct task *t)
{
    u64 value = 0;
    i64 error = trace_ask(t, SERVE_PEEK, c->a[2], &value);
    if (error)
        return error == -ESRCH ? error : -EIO;
    return copy_out(c->a[3], &value, sizeof value);
}

static i64 poke(const struct trap *c, struct task *t)
{
    u64 value = c->a[3];
    i64 error = trace_ask(t, SERVE_POKE, c->a[2], &value);
    return error && error != -ESRCH ? -EIO : error;
}

/* General registers; the debug registers read as zero, and nothing is to be set in them. */
static i64 user_word(const struct trap *c, struct task *t, int sets)
{
    struct user_regs_k u;
    u64 at = c->a[2], zero = 0;
    if (at % 8 || at >= USER_BYTES)
        return -EIO;
    if (at >= sizeof u) {
        if (sets)
            return c->a[3] ? -EIO : 0;
        return copy_out(c->a[3], &zero, 8);
    }
    i64 error = get_registers(t, &u);
    u64 *word = (u64 *)((u8 *)&u + at);
    if (error || !sets)
        return error ? error : copy_out(c->a[3], word, 8);
    *word = c->a[3];
    return set_registers(t, &u);
}

/* ---- the rest ---- */
static i64 signal_mask(const struct trap *c, struct task *t, int sets)
{
    u64 mask;
    if (c->a[2] != sizeof mask)
        return -EINVAL;
    if (!sets)
        return copy_out(c->a[3], &t->sigmask, sizeof mask);
    if (copy_in(&mask, c->a[3], sizeof mask))
        return -EFAULT;
    t->sigmask = mask & ~UNBLOCKABLE;
    return 0;
}

static i64 set_options(const struct trap *c, struct task *t)
{
    if (c->a[3] & ~(PTRACE_O_TRACESYSGOOD_FLAG | PTRACE_O_EXITKILL_FLAG))
        return -EINVAL;
    t->tracee.options = (u32)c->a[3];
    return 0;
}

static i64 let_go_on(const struct trap *c, struct task *t, void (*how)(struct task *, int))
{
    if (c->a[3] > 64)
        return -EIO;
    how(t, (int)c->a[3]);
    return 0;
}

static i64 request_of_stopped(struct trap *c, struct task *t)
{
    u64 nothing = 0;
    switch (c->a[0]) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA:
        return peek(c, t);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA:
        return poke(c, t);
    case PTRACE_PEEKUSR:
    case PTRACE_POKEUSR:
        return user_word(c, t, c->a[0] == PTRACE_POKEUSR);
    case PTRACE_CONT:
        return let_go_on(c, t, trace_resume);
    case PTRACE_SINGLESTEP:
        return let_go_on(c, t, trace_step);
    case PTRACE_DETACH:
        return let_go_on(c, t, trace_end);
    case PTRACE_GETREGS_OP:
    case PTRACE_SETREGS_OP:
        return legacy_registers(c, t, NT_PRSTATUS, c->a[0] == PTRACE_SETREGS_OP);
    case PTRACE_GETFPREGS_OP:
    case PTRACE_SETFPREGS_OP:
        return legacy_registers(c, t, NT_PRFPREG, c->a[0] == PTRACE_SETFPREGS_OP);
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET:
        return vector_registers(c, t, c->a[0] == PTRACE_SETREGSET);
    case PTRACE_SETOPTIONS:
        return set_options(c, t);
    case PTRACE_GETEVENTMSG:
        return copy_out(c->a[3], &nothing, sizeof nothing);
    case PTRACE_GETSIGINFO:
        return copy_out(c->a[3], &t->tracee.info, sizeof t->tracee.info);
    case PTRACE_SETSIGINFO:
        return copy_in(&t->tracee.info, c->a[3], sizeof t->tracee.info);
    case PTRACE_GETSIGMASK:
    case PTRACE_SETSIGMASK:
        return signal_mask(c, t, c->a[0] == PTRACE_SETSIGMASK);
    default:
        return -EIO;
    }
}

i64 sys_ptrace(struct trap *c)
{
    u32 tid = (u32)c->a[1];
    struct siginfo_bytes info;
    if (c->a[0] == PTRACE_TRACEME)
        return trace_me(c);
    if (c->a[0] == PTRACE_ATTACH || c->a[0] == PTRACE_SEIZE)
        return attach(c, tid, c->a[0] == PTRACE_SEIZE);
    struct task *t = task_by_tid(tid);
    if (!t || t->tracer != c->t->index)
        return -ESRCH;
    siginfo_kill(&info, SIG_KILL, SI_USER_CODE, c->p->pid, c->p->uid);
    if (c->a[0] == PTRACE_KILL)
        signal_send(proc_of(t), 0, &info);
    if (c->a[0] == PTRACE_KILL)
        return 0;
    if (c->a[0] == PTRACE_INTERRUPT)
        return (t->trace_flags & TRACEE_SEIZED) && trace_interrupt(t) ? 0 : -EIO;
    return is_trace_stopped(t) ? request_of_stopped(c, t) : -ESRCH;
}
