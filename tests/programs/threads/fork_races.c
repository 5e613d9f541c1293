/* fork, exec, exit and threads of many processes at once: a small tree of threaded processes. */
#include "threads.h"

static void *answers(void *arg)
{
    sched_yield();
    return (void *)((long)arg + 1);
}
static int tree(int level)
{
    int sum = 0, status;
    pthread_t t[3];
    pid_t pids[2];
    for (long i = 0; i < 3; i++)
        t[i] = start(answers, (void *)i);
    for (int i = 0; i < 2 && level; i++) {
        pids[i] = fork();
        if (!pids[i])
            _exit(tree(level - 1));
    }
    for (int i = 0; i < 3; i++)
        sum += (int)(long)join(t[i]);
    for (int i = 0; i < 2 && level; i++) {
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        sum += WEXITSTATUS(status);
    }
    return sum;
}

int main(void)
{
    CHECK_EQ(tree(3), 6 * 15);
    return finish();
}
