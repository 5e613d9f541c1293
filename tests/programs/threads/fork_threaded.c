/* fork from a process with threads: the child has one, may make more, and atfork handlers run. */
#include "threads.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int stop, before, in_parent, in_child;
static __thread int mine;

static void prepare(void)
{
    before++;
    pthread_mutex_lock(&lock);
}
static void parent(void)
{
    in_parent++;
    pthread_mutex_unlock(&lock);
}
static void child(void)
{
    in_child++;
    pthread_mutex_unlock(&lock);
}
static void *busy(void *arg)
{
    while (!stop) {
        pthread_mutex_lock(&lock);
        free(malloc(1000));
        pthread_mutex_unlock(&lock);
        sched_yield();
    }
    return arg;
}
static void *answer(void *arg) { return arg; }
static void *forks(void *arg)
{
    int status;
    mine = (int)(long)arg;
    for (int i = 0; i < 5; i++) {
        pid_t pid = fork();
        if (!pid) {
            int good = mine == (int)(long)arg && my_tid() == getpid() && in_child == 1;
            good &= join(start(answer, (void *)9)) == (void *)9;
            free(malloc(5000));
            _exit(good ? 50 + mine : 1);
        }
        CHECK(pid > 0);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, (50 + mine) << 8);
    }
    return 0;
}

int main(void)
{
    pthread_t b[3], f[4];
    CHECK_EQ(pthread_atfork(prepare, parent, child), 0);
    for (int i = 0; i < 3; i++)
        b[i] = start(busy, 0);
    for (long i = 0; i < 4; i++)
        f[i] = start(forks, (void *)(i + 1));
    for (int i = 0; i < 4; i++)
        join(f[i]);
    stop = 1;
    for (int i = 0; i < 3; i++)
        join(b[i]);
    CHECK_EQ(before, 20);
    CHECK_EQ(in_parent, 20);
    CHECK_EQ(in_child, 0);
    return finish();
}
