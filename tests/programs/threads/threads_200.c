/* 200 threads: a barrier, a lock, a condition, all at once. */
#include "threads.h"

#define COUNT 200
static pthread_barrier_t barrier;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static long total, serial, next_turn;

static void *body(void *arg)
{
    for (int i = 0; i < 5; i++) {
        pthread_mutex_lock(&lock);
        total++;
        pthread_mutex_unlock(&lock);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            serial++;
    }
    pthread_mutex_lock(&lock);
    while (next_turn != (long)arg)
        pthread_cond_wait(&turn, &lock);
    next_turn++;
    pthread_cond_broadcast(&turn);
    pthread_mutex_unlock(&lock);
    return arg;
}

int main(void)
{
    static pthread_t t[COUNT];
    pthread_barrier_init(&barrier, 0, COUNT);
    for (long i = 0; i < COUNT; i++)
        t[i] = start(body, (void *)(COUNT - 1 - i));
    for (long i = 0; i < COUNT; i++)
        CHECK_EQ(join(t[i]), COUNT - 1 - i);
    CHECK_EQ(total, 5 * COUNT);
    CHECK_EQ(serial, 5);
    return finish();
}
