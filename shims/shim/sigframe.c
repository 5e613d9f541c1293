/* sigframe.c: the program's signal frames, built and taken apart by us.
 *
 * The layout is the kernel's (arch/x86/kernel/signal_64.c): below the red zone or at the top of the
 * alternate stack the extended state, 64-byte aligned, then the frame. The state itself is that of
 * the kernel's frame in which we run, so nothing touches a vector register here.
 */
#include "signals.h"

#define RED_ZONE_BYTES 128
#define FP_LEGACY_BYTES 512
#define FP_SOFTWARE_OFFSET 464 /* struct _fpx_sw_bytes */
#define FP_MAGIC1 0x46505853u
#define XSTATE_HEADER_BYTES 64
#define FLAGS_RESTORABLE 0x40dd5ul /* AC OF DF TF SF ZF AF PF CF: as the kernel's FIX_EFLAGS */
#define FLAG_DF 0x400ul
#define FLAG_RF 0x10000ul
#define MXCSR_OFFSET 24
#define MXCSR_KNOWN 0xffffu

struct fp_software {
    u32 magic1, extended_bytes;
    u64 features;
    u32 xstate_bytes, padding[7];
};

static u64 fp_bytes(u64 fpstate)
{
    const struct fp_software *sw = (const void *)(fpstate + FP_SOFTWARE_OFFSET);
    return sw->magic1 == FP_MAGIC1 ? sw->extended_bytes : FP_LEGACY_BYTES;
}

int on_altstack(const struct task *t, u64 sp)
{
    const struct altstack *s = &t->altstack;
    if (s->flags & (SS_DISABLE_FLAG | SS_AUTODISARM_FLAG))
        return 0;
    return sp > s->sp && sp - s->sp <= s->size;
}

i64 altstack_set(struct task *t, const struct altstack *wanted, u64 sp, u64 size_min)
{
    u32 mode = wanted->flags & ~SS_AUTODISARM_FLAG;
    if (on_altstack(t, sp))
        return -EPERM;
    if (mode != 0 && mode != SS_ONSTACK_FLAG && mode != SS_DISABLE_FLAG)
        return -EINVAL;
    struct altstack next = *wanted;
    if (mode == SS_DISABLE_FLAG) {
        next.sp = 0;
        next.size = 0;
    } else if (wanted->size < size_min) {
        return -ENOMEM;
    }
    t->altstack = next;
    return 0;
}

static u64 frame_stack(const struct task *t, u64 sp, u64 flags)
{
    if ((flags & SA_ONSTACK_FLAG) && !(t->altstack.flags & SS_DISABLE_FLAG) && t->altstack.size &&
        !on_altstack(t, sp))
        return t->altstack.sp + t->altstack.size;
    return sp - RED_ZONE_BYTES;
}

i64 sigframe_push(struct trap *c, const struct sigaction_k *action, const struct siginfo_bytes *info, u64 mask)
{
    struct sigcontext_k *regs = &c->uc->regs;
    struct task *t = c->t;
    u64 sp = frame_stack(t, regs->sp, action->flags);
    u64 fp_size = fp_bytes(regs->fpstate), fp = (sp - fp_size) & ~63ul;
    u64 frame = ((fp - sizeof(struct sigframe_k)) & ~15ul) - 8;
    struct ucontext_k uc = *c->uc;
    uc.link = 0;
    uc.stack = t->altstack;
    uc.sigmask = mask;
    uc.regs.fpstate = fp;
    uc.regs.oldmask = mask;
    struct sigframe_k *f = (void *)frame;
    if (copy_out(fp, (void *)regs->fpstate, fp_size) || copy_out((u64)&f->restorer, &action->restorer, 8) ||
        copy_out((u64)&f->uc, &uc, sizeof uc) || copy_out((u64)&f->info, info, sizeof *info))
        return -EFAULT;
    if (t->altstack.flags & SS_AUTODISARM_FLAG) {
        memset(&t->altstack, 0, sizeof t->altstack);
        t->altstack.flags = SS_DISABLE_FLAG;
    }
    regs->sp = frame;
    regs->ip = action->handler;
    regs->di = (u64)info->signo;
    regs->si = (u64)&f->info;
    regs->dx = (u64)&f->uc;
    regs->ax = 0;
    regs->flags &= ~(FLAG_DF | FLAG_TF | FLAG_RF);
    return 0;
}

/* Only what was given, not compacted; the rest of the header is reserved. */
static void settle_xstate(u64 fpstate, u64 features)
{
    u64 *header = (u64 *)(fpstate + FP_LEGACY_BYTES);
    *(u32 *)(fpstate + MXCSR_OFFSET) &= MXCSR_KNOWN;
    if (((const struct fp_software *)(fpstate + FP_SOFTWARE_OFFSET))->magic1 != FP_MAGIC1)
        return;
    header[0] = features;
    for (int i = 1; i < XSTATE_HEADER_BYTES / 8; i++)
        header[i] = 0;
}

/* Takes the extended state of a program's frame into ours, as far as ours has room for it. */
static i64 restore_fp(u64 ours, u64 theirs)
{
    struct fp_software sw, own = *(struct fp_software *)(ours + FP_SOFTWARE_OFFSET);
    if (copy_in(&sw, theirs + FP_SOFTWARE_OFFSET, sizeof sw))
        return -EFAULT;
    int extended = own.magic1 == FP_MAGIC1 && sw.magic1 == FP_MAGIC1 && sw.extended_bytes == own.extended_bytes;
    u64 size = extended ? own.xstate_bytes : FP_LEGACY_BYTES;
    if (copy_in((void *)ours, theirs, size))
        return -EFAULT;
    *(struct fp_software *)(ours + FP_SOFTWARE_OFFSET) = own;
    u64 given = extended ? *(u64 *)(ours + FP_LEGACY_BYTES) & own.features : 3; /* 3: x87 and SSE only */
    settle_xstate(ours, given);
    return 0;
}

/* ---- the extended state as ptrace shows it: features in the place of what the frame says of itself ---- */
u64 fpstate_bytes(u64 fpstate)
{
    const struct fp_software *sw = (const void *)(fpstate + FP_SOFTWARE_OFFSET);
    return sw->magic1 == FP_MAGIC1 ? sw->xstate_bytes : FP_LEGACY_BYTES;
}

void fpstate_show(u64 fpstate, u8 *to)
{
    const struct fp_software *sw = (const void *)(fpstate + FP_SOFTWARE_OFFSET);
    memcpy(to, (const void *)fpstate, fpstate_bytes(fpstate));
    memset(to + FP_SOFTWARE_OFFSET, 0, sizeof *sw);
    if (sw->magic1 == FP_MAGIC1)
        memcpy(to + FP_SOFTWARE_OFFSET, &sw->features, sizeof sw->features);
}

void fpstate_take(u64 fpstate, const u8 *from, u64 bytes)
{
    struct fp_software own = *(struct fp_software *)(fpstate + FP_SOFTWARE_OFFSET);
    memcpy((void *)fpstate, from, bytes);
    *(struct fp_software *)(fpstate + FP_SOFTWARE_OFFSET) = own;
    u64 given = bytes > FP_LEGACY_BYTES ? 0 : 3; /* 3: x87 and SSE */
    settle_xstate(fpstate, (*(u64 *)(fpstate + FP_LEGACY_BYTES) | given) & own.features);
}

i64 sigframe_pop(struct trap *c)
{
    struct ucontext_k uc;
    struct sigcontext_k *regs = &c->uc->regs, *from = &uc.regs;
    if (copy_in(&uc, regs->sp, sizeof uc))
        return -EFAULT;
    u64 fpstate = regs->fpstate, flags = regs->flags;
    u16 cs = regs->cs, ss = regs->ss;
    if (from->fpstate && restore_fp(fpstate, from->fpstate))
        return -EFAULT;
    *regs = *from;
    regs->fpstate = fpstate;
    regs->cs = cs;
    regs->ss = ss;
    regs->flags = (flags & ~FLAGS_RESTORABLE) | (from->flags & FLAGS_RESTORABLE);
    c->t->sigmask = uc.sigmask & ~UNBLOCKABLE;
    altstack_set(c->t, &uc.stack, regs->sp, 0);
    return 0;
}

struct ucontext_k *sigframe_clone(const struct ucontext_k *uc, u8 *stack_top)
{
    u64 size = fp_bytes(uc->regs.fpstate);
    u64 fp = ((u64)stack_top - size) & ~63ul;
    struct sigframe_k *f = (void *)(((fp - sizeof *f) & ~15ul) - 8);
    memcpy((void *)fp, (const void *)uc->regs.fpstate, size);
    f->uc = *uc;
    f->uc.regs.fpstate = fp;
    return &f->uc;
}
