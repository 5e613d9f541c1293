/* trap.c: every system call of the program comes here, as SIGSYS (Syscall User Dispatch). */
#include <linux/prctl.h>

#include "before.h"
#include "futex.h"
#include "preload_abi.h"
#include "signals.h"

#define AUDIT_ARCH_X86_64 0xc000003eu
#define SIGINFO_ARCH_WORD 7 /* siginfo.si_arch, in words of 4 bytes */
#define ARCH_SET_GS 0x1001

i64 pass(struct trap *c)
{
    struct task *t = c->t;
    t->place = PLACE_KERNEL;
    i64 ret = raw6((i64)c->nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
    t->place = PLACE_SHIM;
    return ret;
}

void count_uncontrolled(const struct trap *c)
{
    struct world *w = WORLD;
    w->uncontrolled_syscalls[c->nr]++;
    if (has_plan())
        faults_names_changed(); /* a mount, perhaps */
    if (w->config.flags & CONFIG_STRICT) {
        char message[128], *end = message + sizeof message;
        number_append(string_append(message, end, "system call "), end, c->nr);
        end_run(END_STRICT, message);
    }
}

static i64 unknown(void)
{
    count_hole(HOLE_UNKNOWN_SYSCALL);
    return -ENOSYS;
}

void take_strings(struct trap *c)
{
    const struct syscall_row *row = &syscall_rows[c->nr];
    int taken = 0;
    c->path[0] = c->path[1] = 0;
    c->path_error = 0;
    for (int i = 0; i < row->args && taken < 2; i++) {
        if (arg_kinds[row->kinds[i]].how != HOW_STRING)
            continue;
        if (c->a[i]) {
            i64 n = copy_string(c->t->path[taken], c->a[i], PATH_BYTES_MAX);
            if (n >= 0)
                c->path[taken] = c->t->path[taken];
            else if (!c->path_error)
                c->path_error = n;
        }
        taken++;
    }
}

/* The loading of our own library is nothing that the program does: it makes no events. (That the
 * loader asks whether there is a list to load is the same without it.) */
static int loads_preload(const struct trap *c)
{
    const char *path = c->path[0];
    if (path && path[0])
        return c->nr != __NR_access && (string_equal(path, "/etc/ld.so.preload") ||
                                        string_equal(path, WORLD->config.preload_path));
    i64 fd = (i32)(c->nr == __NR_mmap ? c->a[4] : c->a[0]);
    switch (c->nr) {
    case __NR_read:
    case __NR_pread64:
    case __NR_fstat:
    case __NR_newfstatat:
    case __NR_close:
    case __NR_mmap:
        return fd >= 0 && WORLD->objects[fd_object(c->p, fd)].preload;
    case __NR_prctl:
        return c->a[0] == PR_PRELOAD_ANNOUNCE;
    case __NR_munmap:
        return c->a[0] && c->a[0] == c->p->preload_list;
    default:
        return 0;
    }
}

i64 trap_handle(struct trap *c)
{
    i64 result = before_rows[c->nr].change && before_is_kept() ? before_changes(c)
                                                                : syscall_rows[c->nr].handler(c);
    if (unlikely(WORLD->faults.has_marks | WORLD->faults.keeps_output))
        faults_written(c, result);
    return result;
}

i64 trap_call(struct trap *c)
{
    if (unlikely(WORLD->faults.call_slot[c->nr]) && !c->recorded && faults_may_concern(c))
        return faults_call(c);
    return trap_handle(c);
}

static i64 dispatch(struct trap *c)
{
    if (unlikely(c->nr >= SYSCALLS_MAX || !syscall_rows[c->nr].handler))
        return unknown();
    const struct syscall_row *row = &syscall_rows[c->nr];
    if (row->strings)
        take_strings(c);
    if (unlikely(!(c->p->flags & PROC_ANNOUNCED)) && (WORLD->config.flags & CONFIG_PRELOAD))
        c->recorded = (u8)loads_preload(c);
    if (unlikely(row->cls == UNCONTROLLED))
        count_uncontrolled(c);
    return trap_call(c);
}

static void start_trap(struct trap *c, struct task *t, struct ucontext_k *uc)
{
    struct world *w = WORLD;
    const struct sigcontext_k *r = &uc->regs;
    t->place = PLACE_SHIM;
    c->t = t;
    c->p = proc_of(t);
    c->uc = uc;
    c->nr = r->ax;
    c->a[0] = r->di;
    c->a[1] = r->si;
    c->a[2] = r->dx;
    c->a[3] = r->r10;
    c->a[4] = r->r8;
    c->a[5] = r->r9;
    c->path[0] = c->path[1] = 0;
    c->path_error = 0;
    c->keep_registers = c->recorded = c->injected = c->is_part = 0;
    c->steps = (t->trace_flags & TRACEE_STEPS) != 0;
    c->enter_ns = w->now_ns;
    w->traps++;
    t->trap_nr = c->nr;
    t->trap_rip = r->ip;
    t->trap_registers = (u64)r;
    for (int i = 0; i < 6; i++)
        t->trap_args[i] = c->a[i];
}

/* It asked for something that was not there: what loops that spin are made of. */
static int found_nothing(u64 nr, i64 result)
{
    if (result)
        return result == -EAGAIN;
    switch (nr) {
    case __NR_nanosleep:
    case __NR_clock_nanosleep:
    case __NR_poll:
    case __NR_ppoll:
    case __NR_select:
    case __NR_pselect6:
    case __NR_epoll_wait:
    case __NR_epoll_pwait:
    case __NR_epoll_pwait2:
    case __NR_wait4:
        return 1; /* one that has waited first has spun for nothing so far */
    default:
        return 0;
    }
}

static void on_syscall(int signo, struct siginfo_bytes *info, struct ucontext_k *uc)
{
    struct trap c;
    i64 result;
    (void)signo;
    start_trap(&c, current_task(), uc);
    if (unlikely(c.nr == NR_PRELOAD_POINT)) {
        uc->regs.ax = (u64)preload_point(&c);
        signals_deliver(&c, 0);
        c.t->place = PLACE_PROGRAM;
        return;
    }
    charge(c.t, WORLD->config.cost_syscall_ns);
    if (unlikely(((u32 *)info)[SIGINFO_ARCH_WORD] != AUDIT_ARCH_X86_64)) {
        count_hole(HOLE_UNKNOWN_SYSCALL); /* int 0x80: the 32-bit entry */
        result = -ENOSYS;
    } else {
        result = dispatch(&c);
        if (c.t->first_hold)
            holds_drop(&c);
    }
    if (unlikely(WORLD->used_inotify_objects))
        inotify_after_call(&c, result);
    if (!c.recorded)
        record_call(&c, result);
    if (!c.keep_registers)
        uc->regs.ax = (u64)result;
    if (unlikely(WORLD->sched.count) && found_nothing(c.nr, result))
        sched_found_nothing(WORLD, c.t->index);
    scheduling_point(c.t);
    signals_deliver(&c, result);
    c.t->place = PLACE_PROGRAM;
}

/* The holder has spun for long without a call while others waited, so the supervisor interrupts it.
 * This is the one thing that no seed decides: counted, and told. */
static void on_force(int signo, struct siginfo_bytes *info, struct ucontext_k *uc)
{
    struct world *w = WORLD;
    struct task *t = current_task();
    struct trap c = {.t = t, .p = proc_of(t), .uc = uc, .nr = ~0ul};
    (void)signo;
    (void)info;
    /* In a clock read, perhaps, or about to hand the token on. */
    if (t->place != PLACE_PROGRAM || in_shim_text(uc->regs.ip) || w->chosen)
        return;
    t->place = PLACE_SHIM;
    t->trap_rip = uc->regs.ip;
    t->trap_registers = (u64)&uc->regs;
    t->trap_nr = ~0ul;
    if (!w->sched.count && w->timers_count) /* the others sleep: until then it would spin on */
        clock_jump(timer_next_ns(w));
    count_hole(HOLE_FORCED);
    record_plain(t, EVENT_FORCED, 0, 0, 0);
    scheduling_point(t);
    if (w->sched.count)
        yield_token(t);
    signals_deliver(&c, 0);
    t->place = PLACE_PROGRAM;
}

/* ---- setting a task up ---- */
static i64 set_handler(int signo, void (*handler)(int, struct siginfo_bytes *, struct ucontext_k *))
{
    struct sigaction_k action = {
        .handler = (u64)handler,
        .flags = SA_SIGINFO_FLAG | SA_RESTORER_FLAG | SA_ONSTACK_FLAG | SA_NODEFER_FLAG,
        .restorer = (u64)restorer,
        /* Nothing from outside may interrupt the shim, but its own faults must come through. */
        .mask = ~SYNCHRONOUS_SIGNALS,
    };
    return raw(__NR_rt_sigaction, signo, &action, 0, 8);
}

i64 install_kernel_handlers(void)
{
    static const u8 synchronous[] = {SIG_SEGV, SIG_BUS, SIG_ILL, SIG_TRAP, SIG_FPE};
    /* A write of ours to a broken pipe must come back as EPIPE: the program's SIGPIPE is virtual. */
    static const u8 ignored[] = {SIG_PIPE, SIG_XFSZ};
    struct sigaction_k ignore;
    memset(&ignore, 0, sizeof ignore);
    ignore.handler = HANDLER_IGNORE;
    i64 error = set_handler(SIG_SYS, on_syscall);
    for (u64 i = 0; i < sizeof synchronous && !error; i++)
        error = set_handler(synchronous[i], on_fault);
    if (!error)
        error = set_handler(FORCE_SIGNAL, on_force);
    for (u64 i = 0; i < sizeof ignored && !error; i++)
        error = raw(__NR_rt_sigaction, ignored[i], &ignore, 0, 8);
    return error;
}

void task_enter_control(struct task *t)
{
    struct altstack stack = {.sp = task_stack(t), .size = TASK_STACK_BYTES};
    u64 none = 0;
    raw(__NR_arch_prctl, ARCH_SET_GS, t);
    raw(__NR_sigaltstack, &stack, 0);
    raw(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &none, 0, 8);
    robust_register(t);
    i64 error = raw(__NR_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, shim_text_start,
                    shim_text_end - shim_text_start, 0);
    if (error)
        fatal("Syscall User Dispatch is not to be had: errno", error);
}
