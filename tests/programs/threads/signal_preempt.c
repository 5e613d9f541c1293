/* Preemption as Go does it: SIGURG to a thread, whose handler makes it call another function. */
#include "threads.h"
#include <ucontext.h>

static atomic_long preempted, stop, progress[3];
static atomic_int tids[3];

__attribute__((used)) static void note_preemption(void) { preempted++; }
/* Saves all that a function may change, and the flags. */
__asm__(".text\nasync_preempt:\n"
        "pushfq\npush %rax\npush %rcx\npush %rdx\npush %rsi\npush %rdi\npush %r8\npush %r9\npush %r10\n"
        "push %r11\npush %rbp\nmov %rsp, %rbp\nand $-16, %rsp\ncall note_preemption\nmov %rbp, %rsp\npop %rbp\n"
        "pop %r11\npop %r10\npop %r9\npop %r8\npop %rdi\npop %rsi\npop %rdx\npop %rcx\npop %rax\npopfq\n"
        "ret $128\n");
extern char async_preempt[];

static void on_urg(int signo, siginfo_t *info, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    (void)signo;
    (void)info;
    g[REG_RSP] -= 128; /* the red zone */
    g[REG_RSP] -= 8;
    *(greg_t *)g[REG_RSP] = g[REG_RIP];
    g[REG_RIP] = (greg_t)async_preempt;
}
static void *body(void *arg)
{
    long i = (long)arg;
    stack_t alt = {.ss_sp = malloc(32768), .ss_size = 32768};
    sigaltstack(&alt, 0);
    tids[i] = my_tid();
    volatile double sum = 0;
    volatile long whole = 0;
    while (!stop) {
        for (int k = 1; k < 50; k++) {
            sum += k * 0.5;
            whole += k;
        }
        progress[i]++;
        CHECK(sum == (double)whole * 0.5);
        sched_yield();
    }
    return 0;
}

int main(void)
{
    pthread_t t[3];
    install_info(SIGURG, on_urg, SA_ONSTACK | SA_RESTART);
    for (long i = 0; i < 3; i++)
        t[i] = start(body, (void *)i);
    WAIT_UNTIL(tids[0] && tids[1] && tids[2]);
    for (int i = 0; i < 60 || preempted <= 30; i++) { /* on a busy machine some merge */
        CHECK_EQ(syscall(SYS_tgkill, getpid(), tids[i % 3], SIGURG), 0);
        sleep_ms(1);
    }
    stop = 1;
    for (int i = 0; i < 3; i++) {
        join(t[i]);
        CHECK(progress[i] > 10);
    }
    return finish();
}
