/* start.c: the first instructions after an exec, before the program's own loader has run any. */
#include <linux/personality.h>
#include <linux/prctl.h>

#include "files.h"
#include "futex.h"
#include "process.h"
#include "urgency.h"
#include "tracing.h"

#define AT_NULL_TAG 0
#define AT_RANDOM_TAG 25
#define AT_EXECFN_TAG 31
#define STACK_STEP 0x40000ul
#define ARCH_SET_CPUID 0x1012
#define RLIMIT_STACK_ID 3
#define RLIMIT_NOFILE_ID 7

static void first_process(struct task *t)
{
    struct world *w = WORLD;
    struct proc *p = proc_alloc();
    u32 pid = (u32)raw(__NR_getpid);
    t->proc = p->index;
    t->tid = p->pid = pid;
    p->mm = p->index;
    tasks_add(p, t);
    p->exit_signal = SIG_CHLD;
    p->pgid = (u32)raw(__NR_getpgid, 0);
    p->sid = (u32)raw(__NR_getsid, 0);
    w->procs[0].pgid = w->procs[0].sid = p->sid; /* init, which opened the session */
    p->uid = (u32)raw(__NR_getuid);
    p->dumpable = 1;
    p->start_ns = w->slice_start_ns = w->now_ns;
    p->fd_table = fd_table_alloc();
    p->rlimit_as[0] = p->rlimit_as[1] = ~0ul;
    raw(__NR_prlimit64, 0, RLIMIT_NOFILE_ID, 0, p->rlimit_nofile);
    raw(__NR_prlimit64, 0, RLIMIT_STACK_ID, 0, p->rlimit_stack);
    w->proc_of_pid[pid] = (u16)p->index;
    w->task_of_tid[pid] = (u16)t->index;
    w->first_proc = p->index;
    w->live_procs = 1;
    w->token_task = t->index;
    w->token = pid | ROBUST_WAITERS;
    t->altstack.flags = SS_DISABLE_FLAG;
    urgency_first(t);
}

/* What the user's shell left ignored (nohup) or blocked stays so. */
static void inherit_signals(struct proc *p, struct task *t)
{
    struct sigaction_k action;
    raw(__NR_rt_sigprocmask, 0, 0, &t->sigmask, 8);
    for (int i = 1; i <= 64; i++)
        if (!raw(__NR_rt_sigaction, i, 0, &action, 8) && action.handler == HANDLER_IGNORE)
            p->actions[i].handler = HANDLER_IGNORE;
}

/* Whichever thread it was that exec'd: it is the leader now, and alone. */
static void become_leader(struct proc *p, struct task *t)
{
    struct world *w = WORLD;
    if (t->tid != p->pid) {
        w->task_of_tid[t->tid] = 0;
        pidfds_let_go(&t->pidfd_channel); /* there is no such thread any more */
    }
    t->tid = p->pid;
    t->kernel_tid = 0;
    w->task_of_tid[p->pid] = (u16)t->index;
    w->token = p->pid | ROBUST_WAITERS;
    for (u32 i = p->first_child; i; i = w->procs[i].next_sibling)
        w->procs[i].parent_task = t->index;
    p->mm = p->index;
}

static void next_program(struct proc *p, struct task *t)
{
    tasks_keep_only(p, t);
    futex_pi_owner_died(t);
    signals_exec(p, t);
    posix_timers_drop(p);
    fd_table_exec(p);
    shm_detach_all(p);
    aio_drop_all(p);
    inotify_after_end();
    t->clear_tid = 0;
    t->program_robust_list = 0;
    release_vfork_parent(p);
    trace_exec(t);
}

static u64 *find_auxv(u64 *sp)
{
    u64 *at = sp + 1 + sp[0] + 1;
    while (*at)
        at++;
    return at + 1;
}

u64 auxv_value(const u64 *auxv, u64 tag)
{
    for (; auxv[0] != AT_NULL_TAG; auxv += 2)
        if (auxv[0] == tag)
            return auxv[1];
    return 0;
}

/* The length of argv and environment must not show in any stack address: argc, argv, envp and auxv
 * move down to the next multiple of 256 KiB (the strings they point to stay). */
static u64 move_stack(u64 *sp, const u64 *auxv)
{
    const u64 *end = auxv;
    while (end[0] != AT_NULL_TAG)
        end += 2;
    u64 bytes = (u64)(end + 2) - (u64)sp;
    u64 to = (u64)sp & ~(STACK_STEP - 1);
    while ((u64)sp - to < bytes)
        to -= STACK_STEP;
    memcpy((void *)to, sp, bytes);
    return to;
}

static void seed_at_random(struct proc *p, u64 at)
{
    u64 block[4];
    rng_block(block, WORLD->config.entropy_seed, RNG_AT_RANDOM, p->pid, p->execs);
    if (at)
        memcpy((void *)at, block, 16);
}

static void name_program(struct proc *p, struct task *t, const char *path)
{
    string_append(p->exe, p->exe + sizeof p->exe, path);
    raw(__NR_prctl, PR_GET_NAME, p->comm, 0, 0, 0);
    memcpy(t->comm, p->comm, sizeof t->comm);
    if (has_plan())
        faults_program_began(p);
}

static void trap_instructions(void)
{
    raw(__NR_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
    if (WORLD->config.flags & CONFIG_CPUID_FAULT)
        raw(__NR_arch_prctl, ARCH_SET_CPUID, 0);
}

static struct task *take_place(u64 task_index)
{
    struct world *w = WORLD;
    struct task *t = task_at((u32)task_index);
    int first = !w->ready;
    if (first) {
        t = task_alloc();
        first_process(t);
        inherit_signals(proc_of(t), t);
        own_files_start();
        if (has_plan())
            faults_start();
    }
    proc_of(t)->execs++;
    proc_of(t)->flags &= ~(u32)PROC_ANNOUNCED;
    proc_of(t)->preload_list = 0;
    w->execs++;
    t->place = PLACE_SHIM;
    if (!first)
        become_leader(proc_of(t), t);
    task_enter_control(t);
    if (first)
        fd_table_init_outside(proc_of(t));
    else
        next_program(proc_of(t), t);
    w->ready = 1;
    t->state = TASK_RUNNING;
    return t;
}

/* The exec of a set-user-ID program drops it (where the container cannot mount nosuid). */
static void keep_addresses_fixed(void)
{
    i64 persona = raw(__NR_personality, PERSONALITY_QUERY);
    if (persona & ADDR_NO_RANDOMIZE)
        return;
    count_hole(HOLE_ADDRESSES);
    raw(__NR_personality, persona | ADDR_NO_RANDOMIZE);
}

u64 start_program(u64 program_sp, u64 task_index)
{
    if (WORLD->magic != ABI_MAGIC || WORLD->version != ABI_VERSION)
        for (;;)
            raw(__NR_exit_group, 125);
    struct task *t = take_place(task_index);
    struct proc *p = proc_of(t);
    t->place = PLACE_KERNEL;
    i64 error = install_kernel_handlers();
    if (error)
        fatal("the shim's signal handlers cannot be installed: errno", error);
    trap_instructions();
    u64 *auxv = find_auxv((u64 *)program_sp);
    const char *path = (const char *)auxv_value(auxv, AT_EXECFN_TAG);
    keep_addresses_fixed();
    points_patch_program(auxv);
    runtimes_note(p, auxv);
    seed_at_random(p, auxv_value(auxv, AT_RANDOM_TAG));
    name_program(p, t, path ? path : "");
    t->trap_rip = 0;
    t->place = PLACE_SHIM;
    record_start(t, p->exe, program_sp + 8);
    u64 sp = move_stack((u64 *)program_sp, auxv);
    t->place = PLACE_PROGRAM;
    return sp;
}
