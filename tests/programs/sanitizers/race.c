/* TSan: two threads change a variable without a lock. They come one after the other, in an order that
 * orders no memory, and both live when it is told: so the report is the same each time. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

static int racy, locked;
static atomic_int turn;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void wait_for(int wanted)
{
    while (atomic_load_explicit(&turn, memory_order_relaxed) != wanted)
        sched_yield();
}

static void add(void)
{
    racy++;
    atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);
    wait_for(2);
    pthread_mutex_lock(&lock);
    locked++;
    pthread_mutex_unlock(&lock);
}

static void *first(void *arg)
{
    add();
    return arg;
}

static void *second(void *arg)
{
    wait_for(1);
    add();
    return arg;
}

int main(void)
{
    pthread_t threads[2];
    pthread_create(&threads[0], 0, first, 0);
    pthread_create(&threads[1], 0, second, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    printf("%d\n", locked);
    return 0;
}
