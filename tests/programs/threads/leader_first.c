/* The leader leaves first: the process lives on, and its parent waits for the last thread. */
#include "threads.h"

static void *late(void *arg)
{
    sleep_ms(30);
    CHECK_EQ(kill(getpid(), 0), 0);
    CHECK(getpid() != my_tid());
    if (arg)
        syscall(SYS_exit, 5);
    return 0;
}
static void *last_word(void *arg)
{
    (void)arg;
    sleep_ms(5);
    exit(finish());
}

static void leader_leaves(long raw)
{
    start(late, (void *)raw);
    start(late, (void *)raw);
    if (raw)
        syscall(SYS_exit, 3);
    pthread_exit(0);
}

int main(void)
{
    int status;
    long begin = now_ms(CLOCK_MONOTONIC);
    IN_CHILD(status, leader_leaves(0));
    CHECK_EQ(status, 0);
    CHECK(now_ms(CLOCK_MONOTONIC) - begin >= 29);
    IN_CHILD(status, leader_leaves(1)); /* the last one counts (Linux 5.17) */
    CHECK_EQ(status, 5 << 8);
    pid_t pid = fork();
    if (!pid)
        leader_leaves(0);
    sleep_ms(10);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGKILL);
    start(last_word, 0);
    pthread_exit(0);
}
