/* Coroutines on 4 KiB stacks in several threads, with signals taken on the alternate stack. */
#include "threads.h"
#include <ucontext.h>

#define COROUTINES 4
struct routine {
    ucontext_t self, *home;
    char stack[4096] __attribute__((aligned(4096)));
    int steps;
};
static __thread int signals;

static void on_signal(int signo)
{
    (void)signo;
    signals++;
}
static void run(unsigned low, unsigned high)
{
    struct routine *r = (struct routine *)((uintptr_t)low | (uintptr_t)high << 32);
    for (;;) {
        r->steps++;
        syscall(SYS_tgkill, getpid(), my_tid(), SIGUSR1);
        sched_yield();
        swapcontext(&r->self, r->home);
    }
}
static void *body(void *arg)
{
    ucontext_t home;
    stack_t alt = {.ss_sp = malloc(32768), .ss_size = 32768};
    struct routine *r = aligned_alloc(4096, COROUTINES * sizeof *r);
    CHECK_EQ(sigaltstack(&alt, 0), 0);
    for (int i = 0; i < COROUTINES; i++) {
        getcontext(&r[i].self);
        r[i].steps = 0;
        r[i].home = &home;
        r[i].self.uc_stack.ss_sp = r[i].stack;
        r[i].self.uc_stack.ss_size = sizeof r[i].stack;
        r[i].self.uc_link = &home;
        makecontext(&r[i].self, (void (*)(void))run, 2, (unsigned)(uintptr_t)&r[i],
                    (unsigned)((uintptr_t)&r[i] >> 32));
    }
    for (int k = 0; k < 10; k++)
        for (int i = 0; i < COROUTINES; i++)
            CHECK_EQ(swapcontext(&home, &r[i].self), 0);
    for (int i = 0; i < COROUTINES; i++)
        CHECK_EQ(r[i].steps, 10);
    CHECK_EQ(signals, 10 * COROUTINES);
    return arg;
}

int main(void)
{
    pthread_t t[3];
    install(SIGUSR1, on_signal, SA_ONSTACK);
    for (int i = 0; i < 3; i++)
        t[i] = start(body, 0);
    for (int i = 0; i < 3; i++)
        join(t[i]);
    return finish();
}
