/* TSan: two locks are taken in one order and then in the other. */
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void take(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

static void *other_order(void *arg)
{
    take(&b, &a);
    return arg;
}

int main(void)
{
    pthread_t thread;
    take(&a, &b);
    pthread_create(&thread, 0, other_order, 0);
    pthread_join(thread, 0);
    puts("done");
    return 0;
}
