/* A signal that kills takes all threads, whichever of them it hits. */
#include "threads.h"

static void *waits(void *arg)
{
    pause();
    return arg;
}
static void *raises(void *signo)
{
    sleep_ms(1);
    raise((int)(long)signo);
    return 0;
}
static void *crashes(void *arg)
{
    sleep_ms(1);
    *(volatile int *)arg = 1;
    return 0;
}
static void *aborts(void *arg)
{
    sleep_ms(1);
    abort();
    return arg;
}
static void among(void *(*body)(void *), void *arg)
{
    start(waits, 0);
    start(waits, 0);
    start(body, arg);
    pause();
}

int main(void)
{
    int status;
    IN_CHILD(status, among(raises, (void *)SIGTERM));
    CHECK_EQ(status & 0x7f, SIGTERM);
    IN_CHILD(status, among(raises, (void *)SIGKILL));
    CHECK_EQ(status & 0x7f, SIGKILL);
    IN_CHILD(status, among(crashes, 0));
    CHECK_EQ(status & 0x7f, SIGSEGV);
    IN_CHILD(status, among(aborts, 0));
    CHECK_EQ(status & 0x7f, SIGABRT);
    pid_t pid = fork();
    if (!pid)
        among(waits, 0);
    sleep_ms(10);
    CHECK_EQ(kill(pid, SIGINT), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status & 0x7f, SIGINT);
    return finish();
}
