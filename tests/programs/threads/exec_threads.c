/* exec with threads alive: from the leader, from another thread, after the leader left, and failing. */
#include "threads.h"

static char *self, *nothing[] = {0};
static pid_t expected;
static int fds[2];
static sem_t never;

static void exec_self(void)
{
    char pid[16];
    snprintf(pid, sizeof pid, "%d", expected);
    execl(self, self, "second", pid, (char *)0);
    _exit(97);
}
static void *execs(void *arg)
{
    (void)arg;
    sleep_ms(2);
    exec_self();
    return 0;
}
static void *blocks(void *arg)
{
    char byte;
    if (arg)
        (void)!read(fds[0], &byte, 1);
    else
        sem_wait(&never);
    return 0;
}
static void *fails(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        CHECK_ERRNO(execve("/nonexistent/program", nothing, nothing), ENOENT);
        CHECK_ERRNO(execve("/etc/passwd", nothing, nothing), EACCES);
        sched_yield();
    }
    return 0;
}
static void *only_body(void *arg) { return arg; }

static int second(const char *pid)
{
    CHECK_EQ(getpid(), atoi(pid));
    CHECK_EQ(my_tid(), getpid());
    CHECK_EQ(join(start(only_body, (void *)4)), 4);
    return check_failures ? 98 : 42;
}

static void crowd(void)
{
    expected = getpid();
    for (long i = 0; i < 4; i++)
        start(blocks, (void *)(i & 1));
}

int main(int argc, char **argv)
{
    int status;
    if (argc == 3)
        return second(argv[2]);
    self = argv[0];
    CHECK_EQ(pipe(fds), 0);
    sem_init(&never, 0, 0);
    pthread_t a = start(fails, 0), b = start(fails, 0);
    join(a);
    join(b);
    for (int i = 0; i < 3; i++) {
        IN_CHILD(status, crowd(); sleep_ms(1); exec_self());
        CHECK_EQ(status, 42 << 8);
        IN_CHILD(status, crowd(); start(execs, 0); pause());
        CHECK_EQ(status, 42 << 8);
        IN_CHILD(status, crowd(); start(execs, 0); pthread_exit(0));
        CHECK_EQ(status, 42 << 8);
    }
    return finish();
}
