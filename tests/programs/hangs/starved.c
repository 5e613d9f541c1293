/* One thread calls and calls, another one could run and never does (under a strategy that lets it). */
#include <pthread.h>
#include <unistd.h>

static void *busy(void *arg)
{
    for (;;)
        getppid();
    return arg;
}

int main(void)
{
    pthread_t t;
    pthread_create(&t, 0, busy, 0);
    busy(0);
    return 0;
}
