/* Vector registers and rounding modes survive handlers and switches; handlers see and change them. */
#include "threads.h"
#include <fenv.h>
#include <ucontext.h>

static void on_signal(int signo)
{
    volatile double x = signo;
    x = x * 3.5 + 1;
    __asm__ volatile("pcmpeqb %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm7; movdqa %%xmm0, %%xmm15" : : : "xmm0", "xmm7", "xmm15");
}
static void on_patch(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)info;
    ((ucontext_t *)context)->uc_mcontext.fpregs->_xmm[7].element[0] = 0xabcd;
}
static void *body(void *arg)
{
    unsigned long in = (unsigned long)arg * 0x0101010101010101ul, out7, out15;
    fesetround((long)arg & 1 ? FE_UPWARD : FE_DOWNWARD);
    for (int i = 0; i < 20; i++) {
        long nr = SYS_sched_yield, pid = getpid(), tid = my_tid();
        if (i & 1)
            nr = SYS_tgkill;
        __asm__ volatile("movq %3, %%xmm7; movq %3, %%xmm15; syscall; movq %%xmm7, %0; movq %%xmm15, %1"
                         : "=r"(out7), "=r"(out15), "+a"(nr)
                         : "r"(in), "D"(pid), "S"(tid), "d"((long)SIGUSR1)
                         : "rcx", "r11", "memory", "xmm7", "xmm15");
        CHECK(out7 == in && out15 == in);
        CHECK_EQ(fegetround(), (long)arg & 1 ? FE_UPWARD : FE_DOWNWARD);
    }
    long nr = SYS_tgkill, pid = getpid(), tid = my_tid();
    __asm__ volatile("movq %2, %%xmm7; syscall; movq %%xmm7, %0"
                     : "=r"(out7), "+a"(nr)
                     : "r"(0ul), "D"(pid), "S"(tid), "d"((long)SIGUSR2)
                     : "rcx", "r11", "memory", "xmm7");
    CHECK_EQ(out7, 0xabcd);
    return 0;
}

int main(void)
{
    pthread_t t[4];
    install(SIGUSR1, on_signal, 0);
    install_info(SIGUSR2, on_patch, 0);
    for (long i = 0; i < 4; i++)
        t[i] = start(body, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        join(t[i]);
    return finish();
}
