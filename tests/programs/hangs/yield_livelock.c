/* Two threads that each yield until the other has had its turn, which neither ever gives. */
#include <pthread.h>
#include <sched.h>

static volatile int turn;

static void *waits(void *arg)
{
    int mine = arg ? 1 : 2;
    while (turn != mine)
        sched_yield();
    return 0;
}

int main(void)
{
    pthread_t t;
    pthread_create(&t, 0, waits, 0);
    waits(&t);
    return 0;
}
