/* A priority-inheriting lock, not robust, whose owner dies: it goes to the next in line, marked. */
#include "threads.h"
#include <sys/prctl.h>

static struct shared {
    unsigned word, in_line;
    int pipe[2];
} *s;
static char *self;

static void wait_in_line(unsigned number)
{
    while (__atomic_load_n(&s->in_line, __ATOMIC_SEQ_CST) != number)
        sleep_ms(1);
    sleep_ms(5); /* until it waits in earnest */
}

/* `number`: its place in line, `died`: what it finds when it gets the lock. */
static void take(unsigned number, unsigned died)
{
    s->in_line = number;
    CHECK_EQ(futex(&s->word, FUTEX_LOCK_PI, 0, 0, 0, 0), 0);
    CHECK_EQ(s->word & FUTEX_TID_MASK, my_tid());
    CHECK_EQ(s->word & FUTEX_OWNER_DIED, died);
    s->word &= ~FUTEX_OWNER_DIED;
    CHECK_EQ(futex(&s->word, FUTEX_UNLOCK_PI, 0, 0, 0, 0), 0);
}

static void *takes_first(void *arg)
{
    take(1, FUTEX_OWNER_DIED);
    return arg;
}
static void *takes_second(void *arg)
{
    take(2, 0);
    return arg;
}

enum death { BY_EXIT, BY_KILL, BY_EXEC, BY_THREAD_EXIT, BY_THREADS_PROCESS };

static void *owns(void *how)
{
    CHECK_EQ(futex(&s->word, FUTEX_LOCK_PI, 0, 0, 0, 0), 0);
    s->in_line = 0;
    __atomic_store_n(&s->in_line, 100, __ATOMIC_SEQ_CST);
    wait_in_line(2);
    switch ((enum death)(long)how) {
    case BY_KILL:
        kill(getpid(), SIGKILL);
        break;
    case BY_EXEC:
        execl(self, self, "reads", (char *)0);
        break;
    case BY_THREAD_EXIT:
        return 0;
    default:
        _exit(0);
    }
    return 0;
}

static void *owns_in_thread(void *how) { return join(start(owns, how)); }

/* Two wait for the lock: threads of the parent, or processes of their own. */
static void lock_dies(enum death how, int from_processes)
{
    int status;
    char byte = 0;
    pthread_t t[2];
    pid_t waiters[2], owner = 0;
    s->word = s->in_line = 0;
    CHECK_EQ(pipe(s->pipe), 0);
    if (how == BY_THREAD_EXIT) {
        t[0] = start(owns, (void *)how);
        pthread_detach(t[0]);
    } else if (!(owner = fork())) {
        dup2(s->pipe[0], 0);
        (how == BY_THREADS_PROCESS ? owns_in_thread : owns)((void *)how);
        _exit(97);
    }
    wait_in_line(100);
    for (int i = 0; i < 2; i++) {
        if (!from_processes) {
            t[i] = start(i ? takes_second : takes_first, 0);
        } else if (!(waiters[i] = fork())) {
            (i ? takes_second : takes_first)(0);
            _exit(check_failures);
        }
        if (!i)
            wait_in_line(1);
    }
    for (int i = 0; i < 2; i++) {
        if (!from_processes) {
            join(t[i]);
        } else {
            CHECK_EQ(waitpid(waiters[i], &status, 0), waiters[i]);
            CHECK_EQ(status, 0);
        }
    }
    if (owner && how == BY_EXEC)
        CHECK_EQ(waitpid(owner, &status, WNOHANG), 0); /* alive, and another program */
    CHECK_EQ(write(s->pipe[1], &byte, 1), 1);
    if (owner)
        CHECK_EQ(waitpid(owner, &status, 0), owner);
    CHECK_EQ(s->word & ~FUTEX_WAITERS, 0);
    close(s->pipe[0]);
    close(s->pipe[1]);
}

/* One in the middle of the line gives up, another one dies; the lock passes them by. */
static void *gives_up(void *arg)
{
    struct timespec at = after_ms(CLOCK_REALTIME, 2);
    CHECK_ERRNO(futex(&s->word, FUTEX_LOCK_PI, 0, &at, 0, 0), ETIMEDOUT);
    return arg;
}
static void passes_by(void)
{
    int status;
    s->word = s->in_line = 0;
    CHECK_EQ(futex(&s->word, FUTEX_LOCK_PI, 0, 0, 0, 0), 0);
    pthread_t quitter = start(gives_up, 0);
    pid_t victim = fork();
    if (!victim) {
        take(1, 0);
        _exit(0);
    }
    wait_in_line(1);
    pthread_t last = start(takes_second, 0);
    wait_in_line(2);
    join(quitter);
    kill(victim, SIGKILL);
    CHECK_EQ(waitpid(victim, &status, 0), victim);
    CHECK_EQ(futex(&s->word, FUTEX_UNLOCK_PI, 0, 0, 0, 0), 0);
    join(last);
}

/* Nobody waited: the lock is lost. */
static void is_lost(void)
{
    int status;
    IN_CHILD(status, s->word = 0; futex(&s->word, FUTEX_LOCK_PI, 0, 0, 0, 0));
    CHECK_EQ(status, 0);
    CHECK_ERRNO(futex(&s->word, FUTEX_LOCK_PI, 0, 0, 0, 0), ESRCH);
}

int main(int argc, char **argv)
{
    char byte;
    if (argc > 1)
        return read(0, &byte, 1) != 1;
    self = argv[0];
    s = shared_page();
    for (int how = BY_EXIT; how <= BY_THREADS_PROCESS; how++)
        for (int from_processes = 0; from_processes < 2; from_processes++)
            lock_dies(how, from_processes);
    passes_by();
    is_lost();
    return finish();
}
