/* Every thread has an alternate stack of its own; SS_AUTODISARM; none is inherited. */
#include "threads.h"
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

#define BYTES 32768
static __thread char *low;
static __thread int ran, inside, disarmed, depth;

static void on_signal(int signo)
{
    stack_t now;
    char here;
    ran++;
    depth++;
    inside += &here > low && &here < low + BYTES;
    sigaltstack(0, &now);
    CHECK(now.ss_flags == (disarmed ? SS_DISABLE : SS_ONSTACK));
    if (disarmed) {
        stack_t other = {.ss_sp = low, .ss_size = 8192};
        CHECK_EQ(sigaltstack(&other, 0), 0);
    } else {
        stack_t other = {.ss_sp = low, .ss_size = 8192};
        CHECK_ERRNO(sigaltstack(&other, 0), EPERM);
    }
    if (signo == SIGUSR1 && depth == 1)
        raise(SIGUSR2);
    sched_yield();
    depth--;
}
static void *body(void *arg)
{
    stack_t old, mine = {.ss_sp = malloc(BYTES), .ss_size = BYTES};
    CHECK_EQ(sigaltstack(0, &old), 0);
    CHECK_EQ(old.ss_flags, SS_DISABLE);
    low = mine.ss_sp;
    disarmed = (long)arg & 1;
    if (disarmed)
        mine.ss_flags = (int)SS_AUTODISARM;
    CHECK_EQ(sigaltstack(&mine, 0), 0);
    for (int i = 0; i < 5; i++) {
        pthread_kill(pthread_self(), disarmed ? SIGUSR2 : SIGUSR1);
        sched_yield();
    }
    CHECK_EQ(ran, disarmed ? 5 : 10);
    CHECK_EQ(inside, ran);
    CHECK_EQ(sigaltstack(0, &old), 0);
    CHECK(old.ss_sp == mine.ss_sp && old.ss_size == BYTES && old.ss_flags == mine.ss_flags);
    mine.ss_flags = SS_DISABLE;
    CHECK_EQ(sigaltstack(&mine, 0), 0);
    mine.ss_flags = 0;
    mine.ss_size = 100;
    CHECK_ERRNO(sigaltstack(&mine, 0), ENOMEM);
    return 0;
}

int main(void)
{
    pthread_t t[6];
    install(SIGUSR1, on_signal, SA_ONSTACK);
    install(SIGUSR2, on_signal, SA_ONSTACK);
    for (long i = 0; i < 6; i++)
        t[i] = start(body, (void *)i);
    for (int i = 0; i < 6; i++)
        join(t[i]);
    return finish();
}
