/* Deferred cancellation at the points where threads block, with cleanup handlers in order. */
#include "threads.h"

static int pipe_fds[2];
static sem_t never;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static atomic_int cleaned, waiting;

static void in_order(void *wanted) { CHECK_EQ(cleaned++, (long)wanted); }
static void unlock(void *m) { CHECK_EQ(pthread_mutex_unlock(m), 0); }

static void block_in(long where)
{
    char byte;
    int status;
    switch (where) {
    case 0:
        CHECK(read(pipe_fds[0], &byte, 1) < 0);
        break;
    case 1:
        sem_wait(&never);
        break;
    case 2:
        sleep(1000);
        break;
    case 3:
        pause();
        break;
    case 4:
        pthread_mutex_lock(&lock);
        pthread_cleanup_push(unlock, &lock);
        for (;;)
            pthread_cond_wait(&cond, &lock);
        pthread_cleanup_pop(1);
        break;
    case 5:
        join(start((void *(*)(void *))(void *)pause, 0));
        break;
    case 6:
        waitpid(-1, &status, 0);
        break;
    default:
        for (;;)
            pthread_testcancel(), sched_yield();
    }
}

static void *body(void *where)
{
    pthread_cleanup_push(in_order, (void *)1);
    pthread_cleanup_push(in_order, (void *)0);
    waiting = 1;
    block_in((long)where);
    CHECK(!"came back");
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return 0;
}

int main(void)
{
    CHECK_EQ(pipe(pipe_fds), 0);
    sem_init(&never, 0, 0);
    pid_t child = fork();
    if (!child) {
        for (;;)
            pause();
    }
    for (long where = 0; where < 8; where++) {
        cleaned = waiting = 0;
        pthread_t t = start(body, (void *)where);
        WAIT_UNTIL(waiting);
        sleep_ms(2);
        CHECK_EQ(pthread_cancel(t), 0);
        CHECK(join(t) == PTHREAD_CANCELED);
        CHECK_EQ(cleaned, 2);
    }
    CHECK_EQ(pthread_mutex_trylock(&lock), 0);
    kill(child, SIGKILL);
    CHECK_EQ(waitpid(child, 0, 0), child);
    return finish();
}
