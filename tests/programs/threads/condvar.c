/* Condition variables: signal, broadcast, timed on both clocks, cancelled, many rounds. */
#include "threads.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, full = PTHREAD_COND_INITIALIZER;
static int waiting, tickets, items, consumed;

static void *takes_ticket(void *arg)
{
    pthread_mutex_lock(&lock);
    waiting++;
    while (!tickets)
        pthread_cond_wait(&cond, &lock);
    tickets--;
    waiting--;
    pthread_mutex_unlock(&lock);
    return arg;
}
static void *consumes(void *arg)
{
    for (int i = 0; i < 40; i++) {
        pthread_mutex_lock(&lock);
        while (!items)
            pthread_cond_wait(&cond, &lock);
        items--;
        consumed++;
        pthread_cond_signal(&full);
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void timed(clockid_t clock)
{
    pthread_condattr_t attr;
    pthread_cond_t c;
    pthread_condattr_init(&attr);
    CHECK_EQ(pthread_condattr_setclock(&attr, clock), 0);
    pthread_cond_init(&c, &attr);
    pthread_mutex_lock(&lock);
    struct timespec at = after_ms(clock, 20);
    long begin = now_ms(CLOCK_MONOTONIC);
    CHECK_EQ(pthread_cond_timedwait(&c, &lock, &at), ETIMEDOUT);
    CHECK(now_ms(CLOCK_MONOTONIC) - begin >= 19);
    at = after_ms(CLOCK_MONOTONIC, 10);
    CHECK_EQ(pthread_cond_clockwait(&c, &lock, CLOCK_MONOTONIC, &at), ETIMEDOUT);
    at = (struct timespec){1, 0};
    CHECK_EQ(pthread_cond_timedwait(&c, &lock, &at), ETIMEDOUT);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&c);
}

int main(void)
{
    pthread_t t[8];
    for (int i = 0; i < 8; i++)
        t[i] = start(takes_ticket, 0);
    WAIT_UNTIL(waiting == 8);
    for (int left = 8; left > 4; left--) {
        pthread_mutex_lock(&lock);
        tickets = 1;
        pthread_cond_signal(&cond);
        pthread_mutex_unlock(&lock);
        WAIT_UNTIL(waiting == left - 1);
    }
    pthread_mutex_lock(&lock);
    tickets = 4;
    pthread_cond_broadcast(&cond);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 8; i++)
        join(t[i]);
    timed(CLOCK_REALTIME);
    timed(CLOCK_MONOTONIC);
    for (int i = 0; i < 3; i++)
        t[i] = start(consumes, 0);
    for (int i = 0; i < 120; i++) {
        pthread_mutex_lock(&lock);
        while (items >= 5)
            pthread_cond_wait(&full, &lock);
        items++;
        pthread_cond_signal(&cond);
        pthread_mutex_unlock(&lock);
    }
    for (int i = 0; i < 3; i++)
        join(t[i]);
    CHECK_EQ(consumed, 120);
    return finish();
}
