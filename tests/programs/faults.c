/* Handlers of synchronous faults: addresses, codes, registers kept over handlers, small stacks. */
#include "check.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <ucontext.h>

static sigjmp_buf jump;
static siginfo_t seen;
static ucontext_t context_seen;

static void take(int signo, siginfo_t *info, void *context)
{
    seen = *info;
    context_seen = *(ucontext_t *)context;
    siglongjmp(jump, signo);
}

static char *page;
static volatile int fixed;
static void fix(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    fixed++;
    mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void skip(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2; /* ud2 */
}

static void clobber(int signo)
{
    (void)signo;
    __asm__ volatile("pxor %%xmm0, %%xmm0; pxor %%xmm7, %%xmm7; pxor %%xmm15, %%xmm15; vzeroall" ::: "memory");
}

static void install(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    CHECK_EQ(sigaction(signo, &a, 0), 0);
}

static void addresses(void)
{
    install(SIGSEGV, take, 0);
    install(SIGBUS, take, 0);
    install(SIGFPE, take, 0);
    install(SIGILL, take, 0);
    install(SIGTRAP, take, 0);
    if (!sigsetjmp(jump, 1))
        *(volatile char *)0x1234 = 1;
    CHECK_EQ(seen.si_signo, SIGSEGV);
    CHECK_EQ((long)seen.si_addr, 0x1234);
    CHECK_EQ(seen.si_code, SEGV_MAPERR);
    CHECK_EQ(context_seen.uc_mcontext.gregs[REG_CR2], 0x1234);
    CHECK_EQ(context_seen.uc_mcontext.gregs[REG_TRAPNO], 14);
    CHECK(context_seen.uc_mcontext.gregs[REG_ERR] & 2);
    mprotect(page, 4096, PROT_READ);
    if (!sigsetjmp(jump, 1))
        page[5] = 1;
    CHECK_EQ(seen.si_code, SEGV_ACCERR);
    CHECK(seen.si_addr == page + 5);
    char name[] = "/tmp/dst-bus-XXXXXX";
    int fd = mkstemp(name);
    char *map = mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
    if (!sigsetjmp(jump, 1))
        (void)*(volatile char *)(map + 10);
    CHECK_EQ(seen.si_signo, SIGBUS);
    CHECK_EQ(seen.si_code, BUS_ADRERR);
    CHECK(seen.si_addr == map + 10);
    unlink(name);
    close(fd);
    munmap(map, 8192);
    volatile int zero = 0, n = 100;
    if (!sigsetjmp(jump, 1))
        n = n / zero;
    CHECK_EQ(seen.si_signo, SIGFPE);
    CHECK_EQ(seen.si_code, FPE_INTDIV);
    if (!sigsetjmp(jump, 1))
        __asm__ volatile("ud2");
    CHECK_EQ(seen.si_signo, SIGILL);
    CHECK_EQ(seen.si_code, ILL_ILLOPN);
    if (!sigsetjmp(jump, 1))
        __asm__ volatile("int3");
    CHECK_EQ(seen.si_signo, SIGTRAP);
    CHECK_EQ(seen.si_code, SI_KERNEL);
    if (!sigsetjmp(jump, 1))
        (void)*(volatile char *)0x8000000000000000ul; /* not canonical */
    CHECK_EQ(seen.si_signo, SIGSEGV);
    CHECK_EQ(seen.si_code, SI_KERNEL);
    if (!sigsetjmp(jump, 1))
        __asm__ volatile("hlt");
    CHECK_EQ(seen.si_signo, SIGSEGV);
    if (!sigsetjmp(jump, 1))
        ((void (*)(void))0x10)();
    CHECK_EQ((long)seen.si_addr, 0x10);
    CHECK_EQ(context_seen.uc_mcontext.gregs[REG_RIP], 0x10);
}

static void repaired(void)
{
    install(SIGSEGV, fix, 0);
    mprotect(page, 4096, PROT_NONE);
    *(volatile char *)(page + 9) = 4;
    CHECK_EQ(fixed, 1);
    CHECK_EQ(page[9], 4);
    install(SIGILL, skip, 0);
    __asm__ volatile("ud2");
    /* The kernel's EFAULT for a bad buffer is no SIGSEGV. */
    mprotect(page, 4096, PROT_NONE);
    int fd = open("/etc/passwd", O_RDONLY);
    CHECK_ERRNO(read(fd, page, 10), EFAULT);
    CHECK_EQ(fixed, 1);
    close(fd);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void registers(void)
{
    struct sigaction a = {.sa_handler = clobber};
    sigaction(SIGUSR1, &a, 0);
    double in[3] = {1.25, 2.5, 3.75}, out[3];
    unsigned char wide[32], wide_out[32];
    memset(wide, 0x5a, sizeof wide);
    long pid = getpid(), nr = SYS_kill, result;
    long r12 = 12, rbx = 77;
    register long r8 __asm__("r8") = 88;
    register long r9 __asm__("r9") = 99;
    register long r10 __asm__("r10") = 1010;
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vmovdqu %0, %%ymm3" ::"m"(wide));
    __asm__ volatile("movsd %[a], %%xmm0; movsd %[b], %%xmm7; movsd %[c], %%xmm15; std; syscall; pushfq; cld; pop %%r11;"
                     "movsd %%xmm0, %[x]; movsd %%xmm7, %[y]; movsd %%xmm15, %[z]; mov %%r11, %%rcx"
                     : "=a"(result), [x] "=m"(out[0]), [y] "=m"(out[1]), [z] "=m"(out[2]), "+r"(r8), "+r"(r9), "+r"(r10),
                       "+r"(r12), "+b"(rbx)
                     : "a"(nr), "D"(pid), "S"((long)SIGUSR1), [a] "m"(in[0]), [b] "m"(in[1]), [c] "m"(in[2])
                     : "rcx", "r11", "memory");
    CHECK_EQ(result, 0);
    CHECK(in[0] == out[0] && in[1] == out[1] && in[2] == out[2]);
    CHECK(r8 == 88 && r9 == 99 && r10 == 1010 && r12 == 12 && rbx == 77);
    if (__builtin_cpu_supports("avx")) {
        __asm__ volatile("vmovdqu %0, %%ymm3" ::"m"(wide));
        __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(pid), "S"((long)SIGUSR1) : "rcx", "r11", "memory");
        __asm__ volatile("vmovdqu %%ymm3, %0" : "=m"(wide_out));
        CHECK(!memcmp(wide, wide_out, sizeof wide));
    }
    unsigned mxcsr = 0x7fa0, mxcsr_out; /* rounding down */
    __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
    raise(SIGUSR1);
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr_out));
    CHECK_EQ(mxcsr_out & 0xffc0, mxcsr & 0xffc0);
    mxcsr = 0x1f80;
    __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
}

static int recurse(int n)
{
    if (n < 0)
        return 0;
    volatile char frame[4096];
    frame[0] = (char)n;
    return recurse(n + 1) + frame[0];
}

static void overflow(void)
{
    int status;
    IN_CHILD(status, {
        static char small[8192]; /* room for a frame, not for much more */
        stack_t s = {.ss_sp = small, .ss_size = sizeof small};
        sigaltstack(&s, 0);
        install(SIGSEGV, take, SA_ONSTACK);
        struct rlimit r = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_STACK, &r);
        if (!sigsetjmp(jump, 1))
            recurse(0);
        CHECK_EQ(seen.si_signo, SIGSEGV);
    });
    CHECK_EQ(status, 0);
    IN_CHILD(status, {
        install(SIGSEGV, take, 0); /* no other stack: no room for the frame */
        recurse(0);
    });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    IN_CHILD(status, {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, 0);
        install(SIGSEGV, take, 0);
        *(volatile int *)8 = 1; /* blocked: kills */
    });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    IN_CHILD(status, { signal(SIGSEGV, SIG_IGN); *(volatile int *)8 = 1; });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    IN_CHILD(status, { signal(SIGSEGV, SIG_IGN); raise(SIGSEGV); });
    CHECK_EQ(status, 0);
}

static volatile int steps;
static void step(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)info;
    if (++steps >= 10)
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100l;
}

static void single_steps(void)
{
    install(SIGTRAP, step, 0);
    __asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop; nop" ::
                         : "memory", "cc");
    CHECK_EQ(steps, 10);
}

int main(void)
{
    page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    addresses();
    repaired();
    registers();
    overflow();
    single_steps();
    return finish();
}
