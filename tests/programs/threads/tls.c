/* Thread-local variables and keys with destructors. */
#include "threads.h"

static __thread int counter = 5;
static __thread char block[3000];
static pthread_key_t key, again;
static atomic_int destroyed, rounds;

static void destroy(void *value)
{
    CHECK_EQ((long)value, 11);
    destroyed++;
}
static void destroy_again(void *value)
{
    if ((long)value > 1)
        pthread_setspecific(again, (void *)((long)value - 1));
    rounds++;
}
static void *body(void *arg)
{
    CHECK_EQ(counter, 5);
    CHECK_EQ(block[2999], 0);
    memset(block, 1, sizeof block);
    CHECK(!pthread_getspecific(key));
    CHECK_EQ(pthread_setspecific(key, (void *)11), 0);
    CHECK_EQ(pthread_setspecific(again, (void *)3), 0);
    for (int i = 0; i < 10; i++) {
        counter++;
        sched_yield();
    }
    CHECK_EQ(counter, 15);
    return arg;
}

int main(void)
{
    pthread_t t[10];
    CHECK_EQ(pthread_key_create(&key, destroy), 0);
    CHECK_EQ(pthread_key_create(&again, destroy_again), 0);
    for (int i = 0; i < 10; i++)
        t[i] = start(body, 0);
    for (int i = 0; i < 10; i++)
        join(t[i]);
    CHECK_EQ(counter, 5);
    CHECK_EQ(destroyed, 10);
    CHECK_EQ(rounds, 30);
    return finish();
}
