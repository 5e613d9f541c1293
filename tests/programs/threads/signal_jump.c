/* Handlers that leave by siglongjmp, in several threads, again and again. */
#include "threads.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static __thread int jumps;
static atomic_int total;

static void on_signal(int signo) { siglongjmp(back, signo); }

static void *body(void *arg)
{
    sigset_t set;
    char *alt = malloc(32768);
    stack_t stack = {.ss_sp = alt, .ss_size = 32768};
    CHECK_EQ(sigaltstack(&stack, 0), 0);
    for (volatile int i = 0; i < 20; i++) {
        int signo = sigsetjmp(back, 1);
        if (!signo) {
            if (i % 4 == 0)
                *(volatile int *)8 = 1;
            if (i % 4 == 1)
                raise(SIGUSR1);
            if (i % 4 == 2)
                pthread_kill(pthread_self(), SIGUSR2);
            if (i % 4 == 3)
                abort();
            CHECK(!"reached");
        }
        CHECK_EQ(signo, ((int[]){SIGSEGV, SIGUSR1, SIGUSR2, SIGABRT})[i % 4]);
        jumps++;
        sched_yield();
        pthread_sigmask(SIG_SETMASK, 0, &set);
        CHECK(!sigismember(&set, signo));
    }
    total += jumps;
    return arg;
}

int main(void)
{
    pthread_t t[4];
    install(SIGSEGV, on_signal, SA_ONSTACK);
    install(SIGUSR1, on_signal, 0);
    install(SIGUSR2, on_signal, SA_ONSTACK | SA_NODEFER);
    install(SIGABRT, on_signal, 0);
    for (int i = 0; i < 4; i++)
        t[i] = start(body, 0);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    CHECK_EQ(total, 80);
    return finish();
}
