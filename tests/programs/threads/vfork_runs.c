/* While a vfork child sleeps only its own parent thread is suspended. */
#include "threads.h"

static atomic_int turns, stop;
static void *turning(void *arg)
{
    while (!stop) {
        turns++;
        sleep_ms(1);
    }
    return arg;
}

int main(void)
{
    static volatile int before, seen;
    int status;
    pthread_t t = start(turning, 0);
    WAIT_UNTIL(turns > 2);
    before = turns;
    pid_t pid = vfork();
    if (!pid) {
        struct timespec time = {0, 30000000};
        syscall(SYS_nanosleep, &time, 0);
        seen = turns;
        _exit(4);
    }
    CHECK(seen > before + 3);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 4 << 8);
    stop = 1;
    join(t);
    return finish();
}
