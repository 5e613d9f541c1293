/* barrier: who comes last sets it back, perhaps before the others have seen that it was full. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

static volatile int arrived;
static int out;

static void wait_for_both(void)
{
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST) == 2) {
        for (int line = 0; line < 3; line++)
            if (write(out, "all here\n", 9) != 9)
                abort();
        arrived = 0;
        return;
    }
    for (int turns = 0; arrived != 2; turns++) {
        if (turns == 2000)
            abort(); /* it would spin for ever */
        sched_yield();
    }
}

static void *work(void *unused)
{
    wait_for_both();
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    out = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, work, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    return 0;
}
