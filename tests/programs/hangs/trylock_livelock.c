/* Two threads that each hold one lock and retry the other's for ever: nothing is ever done. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t locks[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_barrier_t both;

static void pause_ms(long ms)
{
    struct timespec t = {0, ms * 1000000};
    nanosleep(&t, 0);
}

static void *polite(void *arg)
{
    int mine = arg != 0;
    pthread_mutex_lock(&locks[mine]);
    pthread_barrier_wait(&both);
    while (pthread_mutex_trylock(&locks[!mine]))
        pause_ms(mine ? 7 : 10);
    return 0;
}

int main(void)
{
    pthread_t a, b;
    pthread_barrier_init(&both, 0, 2);
    pthread_create(&a, 0, polite, 0);
    pthread_create(&b, 0, polite, &both);
    pthread_join(a, 0);
    pthread_join(b, 0);
    puts("done");
    return 0;
}
