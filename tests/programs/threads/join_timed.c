/* pthread_tryjoin_np, pthread_timedjoin_np, pthread_clockjoin_np. */
#include "threads.h"

static sem_t go;
static void *waits(void *arg)
{
    sem_wait(&go);
    return arg;
}

int main(void)
{
    void *value;
    sem_init(&go, 0, 0);
    pthread_t t = start(waits, (void *)5);
    CHECK_EQ(pthread_tryjoin_np(t, &value), EBUSY);
    struct timespec at = after_ms(CLOCK_REALTIME, 30);
    long begin = now_ms(CLOCK_MONOTONIC);
    CHECK_EQ(pthread_timedjoin_np(t, &value, &at), ETIMEDOUT);
    CHECK(now_ms(CLOCK_MONOTONIC) - begin >= 29);
    at = after_ms(CLOCK_MONOTONIC, 30);
    CHECK_EQ(pthread_clockjoin_np(t, &value, CLOCK_MONOTONIC, &at), ETIMEDOUT);
    sem_post(&go);
    at = after_ms(CLOCK_REALTIME, 10000);
    CHECK_EQ(pthread_timedjoin_np(t, &value, &at), 0);
    CHECK_EQ(value, 5);
    t = start(waits, (void *)6);
    sem_post(&go);
    int error;
    while ((error = pthread_tryjoin_np(t, &value)) == EBUSY)
        sleep_ms(1);
    CHECK_EQ(error, 0);
    CHECK_EQ(value, 6);
    return finish();
}
