/* exit and exit_group end every thread, wherever it is. */
#include "threads.h"

static int fds[2];
static sem_t never;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *in_read(void *arg)
{
    char byte;
    (void)!read(fds[0], &byte, 1);
    return arg;
}
static void *in_sem(void *arg)
{
    sem_wait(&never);
    return arg;
}
static void *in_lock(void *arg)
{
    pthread_mutex_lock(&lock);
    return arg;
}
static void *in_sleep(void *arg)
{
    sleep(1000);
    return arg;
}
static void *in_loop(void *arg)
{
    for (;;)
        sched_yield();
    return arg;
}
static void *exits(void *code)
{
    sleep_ms(2);
    exit((int)(long)code);
}
static void *exits_raw(void *code)
{
    sleep_ms(2);
    syscall(SYS_exit_group, (long)code);
    return 0;
}

static void many(void)
{
    pthread_mutex_lock(&lock);
    start(in_read, 0);
    start(in_sem, 0);
    start(in_lock, 0);
    start(in_sleep, 0);
    start(in_loop, 0);
}

int main(void)
{
    int status;
    CHECK_EQ(pipe(fds), 0);
    sem_init(&never, 0, 0);
    IN_CHILD(status, many(); start(exits, (void *)7); pause());
    CHECK_EQ(status, 7 << 8);
    IN_CHILD(status, many(); start(exits_raw, (void *)300); pause());
    CHECK_EQ(status, (300 & 255) << 8);
    IN_CHILD(status, many(); sleep_ms(3); exit(9));
    CHECK_EQ(status, 9 << 8);
    IN_CHILD(status, many(); start(exits, (void *)3); pthread_exit(0));
    CHECK_EQ(status, 3 << 8);
    return finish();
}
