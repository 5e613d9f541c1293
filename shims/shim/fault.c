/* fault.c: synchronous faults: ours in the program's memory, trapped instructions, the program's own. */
#include "signals.h"

#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_7_EBX_RDSEED (1u << 18)
#define CPUID_7_EBX_RTM ((1u << 11) | (1u << 4)) /* transactions abort at will */
#define ARCH_SET_CPUID 0x1012

/* A bad pointer met by copy_in and the like: go back to the guard, which then says EFAULT. */
static int back_to_guard(struct task *t, struct sigcontext_k *regs)
{
    struct guard *g = &t->guard;
    if (!g->armed)
        return 0;
    g->armed = 0;
    regs->ip = g->rip;
    regs->sp = g->rsp;
    regs->bx = g->rbx;
    regs->bp = g->rbp;
    regs->r12 = g->r12;
    regs->r13 = g->r13;
    regs->r14 = g->r14;
    regs->r15 = g->r15;
    regs->ax = 1;
    return 1;
}

static void emulate_tsc(struct task *t, struct sigcontext_k *regs, int with_cpu)
{
    struct world *w = WORLD;
    w->clock_reads++;
    charge(t, w->config.cost_clock_ns);
    u64 now = clock_shown(CLOCK_MONOTONIC_RAW_ID);
    regs->ax = (u32)now;
    regs->dx = now >> 32;
    if (with_cpu)
        regs->cx = 0;
    t->trap_rip = regs->ip;
    regs->ip += with_cpu ? 3 : 2;
    record_plain(t, EVENT_TSC, 0, (i64)now, 0);
}

static void ask_processor(struct cpuid_leaf *l)
{
    raw(__NR_arch_prctl, ARCH_SET_CPUID, 1);
    __asm__ volatile("cpuid" : "=a"(l->a), "=b"(l->b), "=c"(l->c), "=d"(l->d) : "a"(l->leaf), "c"(l->sub));
    raw(__NR_arch_prctl, ARCH_SET_CPUID, 0);
    if (l->leaf == 1) {
        l->c &= ~CPUID_1_ECX_RDRAND;
        l->b &= 0x00ffffffu; /* the initial APIC id tells the CPU */
    } else if (l->leaf == 7 && l->sub == 0) {
        l->b &= ~(CPUID_7_EBX_RDSEED | CPUID_7_EBX_RTM);
    } else if (l->leaf == 0xb || l->leaf == 0x1f) {
        l->d = 0; /* x2APIC id */
    }
}

/* Every program asks some 80 times at its start; the answers never change, and are kept for all. */
static void emulate_cpuid(struct sigcontext_k *regs)
{
    struct world *w = WORLD;
    struct cpuid_leaf fresh = {.leaf = (u32)regs->ax, .sub = (u32)regs->cx};
    const struct cpuid_leaf *l = w->cpuid_leaves, *end = l + w->used_cpuid_leaves;
    while (l < end && (l->leaf != fresh.leaf || l->sub != fresh.sub))
        l++;
    if (l == end) {
        ask_processor(&fresh);
        l = &fresh;
        if (w->used_cpuid_leaves < CPUID_LEAVES_MAX)
            w->cpuid_leaves[w->used_cpuid_leaves++] = fresh;
    }
    regs->ax = l->a;
    regs->bx = l->b;
    regs->cx = l->c;
    regs->dx = l->d;
    regs->ip += 2;
}

/* rdtsc, rdtscp and cpuid fault by our own wish. */
static int emulate_instruction(struct task *t, struct sigcontext_k *regs)
{
    u8 code[3];
    if (copy_in(code, regs->ip, 2) || code[0] != 0x0f)
        return 0;
    if (code[1] == 0x31)
        emulate_tsc(t, regs, 0);
    else if (code[1] == 0xa2)
        emulate_cpuid(regs);
    else if (code[1] == 0x01 && !copy_in(code, regs->ip, 3) && code[2] == 0xf9)
        emulate_tsc(t, regs, 1);
    else
        return 0;
    return 1;
}

static void shim_crashed(int signo, u64 ip, u64 address)
{
    char message[160], *end = message + sizeof message;
    char *p = string_append(message, end, "the shim itself crashed: signal ");
    p = number_append(p, end, (u64)signo);
    p = string_append(p, end, ", text offset ");
    p = number_append(p, end, ip - SHIM_BASE);
    p = string_append(p, end, ", address ");
    number_append(p, end, address);
    end_run(END_FATAL, message);
}

void on_fault(int signo, struct siginfo_bytes *info, struct ucontext_k *uc)
{
    struct task *t = current_task();
    if (t->place != PLACE_PROGRAM) {
        if (in_shim_text(uc->regs.ip) && back_to_guard(t, &uc->regs))
            return;
        shim_crashed(signo, uc->regs.ip, info->body[0]);
    }
    t->place = PLACE_SHIM;
    t->trap_rip = uc->regs.ip;
    t->trap_registers = (u64)&uc->regs;
    t->trap_nr = ~0ul;
    struct trap c = {.t = t, .p = proc_of(t), .uc = uc, .nr = ~0ul, .steps = (t->trace_flags & TRACEE_STEPS) != 0};
    int is_ours = info->code == SI_KERNEL_CODE &&
                  (signo == SIG_SEGV ? emulate_instruction(t, &uc->regs)
                                     : signo == SIG_TRAP && point_reached(t, &uc->regs));
    if (is_ours) {
        scheduling_point(t);
        signals_deliver(&c, 0);
        t->place = PLACE_PROGRAM;
        return;
    }
    fault_signal(&c, info);
    t->place = PLACE_PROGRAM;
}
