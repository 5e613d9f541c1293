/* Signals into waits for locks and semaphores: SA_RESTART goes on, without it EINTR where it shows. */
#include "threads.h"

static sem_t sem;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static unsigned word;
static atomic_int handled, waiting, done;
static atomic_int go;

static void on_signal(int signo)
{
    (void)signo;
    handled++;
}
static void *in_sem(void *eintr)
{
    errno = 0;
    waiting = 1;
    int r = sem_wait(&sem);
    CHECK_EQ(r, eintr ? -1 : 0);
    if (eintr)
        CHECK_EQ(errno, EINTR);
    done = 1;
    return 0;
}
static void *in_timed(void *arg)
{
    struct timespec at = after_ms(CLOCK_REALTIME, 60000), relative = {60, 0};
    waiting = 1;
    CHECK_ERRNO(sem_timedwait(&sem, &at), EINTR);
    CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, &relative, 0, 0), EINTR);
    done = 1;
    return arg;
}
static void *in_lock(void *arg)
{
    waiting = 1;
    CHECK_EQ(pthread_mutex_lock(&lock), 0);
    CHECK(go);
    pthread_mutex_unlock(&lock);
    done = 1;
    return arg;
}
static void *in_cond(void *arg)
{
    pthread_mutex_lock(&lock);
    waiting = 1;
    while (!go)
        CHECK_EQ(pthread_cond_wait(&cond, &lock), 0);
    pthread_mutex_unlock(&lock);
    done = 1;
    return arg;
}
static pthread_t begin(void *(*body)(void *), void *arg)
{
    handled = waiting = done = go = 0;
    pthread_t t = start(body, arg);
    WAIT_UNTIL(waiting);
    sleep_ms(3);
    return t;
}
static void hit(pthread_t t, int times)
{
    for (int i = 1; i <= times; i++) {
        pthread_kill(t, SIGUSR1);
        WAIT_UNTIL(handled == i);
        sleep_ms(2);
    }
}

int main(void)
{
    sem_init(&sem, 0, 0);
    install(SIGUSR1, on_signal, SA_RESTART);
    pthread_t t = begin(in_sem, 0);
    hit(t, 3);
    CHECK(!done);
    sem_post(&sem);
    join(t);
    for (int restart = 0; restart < 2; restart++) {
        install(SIGUSR1, on_signal, restart ? SA_RESTART : 0);
        pthread_mutex_lock(&lock);
        t = begin(in_lock, 0);
        hit(t, 3);
        CHECK(!done);
        go = 1;
        pthread_mutex_unlock(&lock);
        join(t);
        t = begin(in_cond, 0);
        hit(t, 3);
        CHECK(!done);
        go = 1;
        pthread_cond_signal(&cond);
        join(t);
    }
    install(SIGUSR1, on_signal, 0);
    t = begin(in_sem, (void *)1);
    hit(t, 1);
    join(t);
    t = begin(in_timed, 0);
    hit(t, 2);
    join(t);
    return finish();
}
