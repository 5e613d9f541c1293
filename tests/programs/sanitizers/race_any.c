/* TSan: four threads change a variable without a lock. Who meets whom, and so the report, is chance. */
#include <pthread.h>
#include <sched.h>

static volatile int racy;
static pthread_barrier_t all;

static void *add(void *arg)
{
    pthread_barrier_wait(&all);
    for (int i = 0; i < 5; i++) {
        sched_yield();
        racy++;
    }
    return arg;
}

int main(void)
{
    pthread_t threads[4];
    pthread_barrier_init(&all, 0, 4);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], 0, add, 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], 0);
    return 0;
}
