/* posix_spawn, vfork and system from several threads at once. */
#include "threads.h"
#include <spawn.h>

extern char **environ;
static char *self;

static void *spawns(void *arg)
{
    char code[16];
    int status;
    pid_t pid;
    for (int i = 0; i < 4; i++) {
        snprintf(code, sizeof code, "%ld", (long)arg * 10 + i);
        char *argv[] = {self, code, 0};
        CHECK_EQ(posix_spawn(&pid, self, 0, 0, argv, environ), 0);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, ((long)arg * 10 + i) << 8);
        CHECK_EQ(posix_spawn(&pid, "/nonexistent", 0, 0, argv, environ), ENOENT);
    }
    return 0;
}
static void *vforks(void *arg)
{
    int status;
    for (volatile int i = 0; i < 4; i++) {
        pid_t pid = vfork();
        if (!pid)
            _exit((int)(long)arg + i);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, ((long)arg + i) << 8);
    }
    return 0;
}
static void *systems(void *arg)
{
    for (int i = 0; i < 3; i++)
        CHECK_EQ(system("exit 6"), 6 << 8);
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t t[6];
    if (argc == 2)
        return atoi(argv[1]);
    self = argv[0];
    for (long i = 0; i < 6; i++)
        t[i] = start(i < 3 ? spawns : i < 5 ? vforks : systems, (void *)(i + 1));
    for (int i = 0; i < 6; i++)
        join(t[i]);
    return finish();
}
