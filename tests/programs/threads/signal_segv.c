/* Faults in threads, handled on their alternate stacks: repaired pages, a stack that overflows. */
#include "threads.h"
#include <setjmp.h>
#include <ucontext.h>

#define PAGES 8
static char *area;
static atomic_int repaired, wrong_thread;
static __thread pid_t owner;
static __thread sigjmp_buf back;
static __thread int overflowing;

static void on_segv(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)signo;
    wrong_thread += owner != my_tid();
    if (overflowing)
        siglongjmp(back, 1);
    CHECK_EQ(info->si_code, SEGV_ACCERR);
    CHECK((char *)info->si_addr >= area && (char *)info->si_addr < area + PAGES * 4096);
    CHECK_EQ(uc->uc_mcontext.gregs[REG_TRAPNO], 14);
    CHECK_EQ((long)uc->uc_mcontext.gregs[REG_CR2], (long)info->si_addr);
    uintptr_t page = (uintptr_t)info->si_addr & ~4095ul;
    sched_yield();
    CHECK_EQ(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE), 0);
    repaired++;
}
static int deeper(int n)
{
    volatile char block[1024];
    block[n & 1023] = (char)n;
    return deeper(n + 1) + block[n & 1023];
}
static void *body(void *arg)
{
    long i = (long)arg;
    stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
    owner = my_tid();
    CHECK_EQ(sigaltstack(&stack, 0), 0);
    for (long k = i * 2; k < i * 2 + 2; k++) {
        area[k * 4096 + 17] = (char)k;
        CHECK_EQ(area[k * 4096 + 17], k);
    }
    overflowing = 1;
    if (!sigsetjmp(back, 1))
        deeper(0);
    overflowing = 0;
    return arg;
}

int main(void)
{
    pthread_t t[4];
    area = mmap(0, PAGES * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    install_info(SIGSEGV, on_segv, SA_ONSTACK);
    for (long i = 0; i < 4; i++)
        t[i] = start(body, (void *)i);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    CHECK_EQ(repaired, PAGES);
    CHECK_EQ(wrong_thread, 0);
    return finish();
}
