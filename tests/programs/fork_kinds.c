/* fork, vfork, posix_spawn, clone without CLONE_VM: children, their memory and their descriptors. */
#include "check.h"
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>

extern char **environ;

static int child_main(void *arg)
{
    *(int *)arg = 5;
    return 33;
}

static void plain_fork(void)
{
    int value = 1, status;
    IN_CHILD(status, { CHECK_EQ(value, 1); value = 2; CHECK(getppid() > 1); });
    CHECK_EQ(status, 0);
    CHECK_EQ(value, 1);
    for (int code = 0; code < 256; code++) {
        pid_t pid = fork();
        if (!pid)
            _exit(code);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
    }
}

static void with_vfork(void)
{
    volatile int shared = 0;
    int status;
    pid_t pid = vfork();
    if (!pid) {
        shared = 7;
        _exit(3);
    }
    CHECK_EQ(shared, 7);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 3);
    pid = vfork();
    if (!pid) {
        execl("/nonexistent/a", "a", (char *)0);
        execl("/bin/sh", "sh", "-c", "exit 9", (char *)0);
        _exit(1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 9);
    pid = vfork();
    if (!pid) {
        raise(SIGKILL);
        _exit(1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (volatile int i = 0; i < 20; i++) {
        pid = vfork();
        if (!pid)
            _exit(i);
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(WEXITSTATUS(status), i);
    }
}

static void nested_vfork(void)
{
    int status;
    volatile int deep = 0;
    pid_t pid = vfork();
    if (!pid) {
        pid_t inner = vfork();
        if (!inner) {
            deep = 4;
            _exit(0);
        }
        int inner_status;
        _exit(waitpid(inner, &inner_status, 0) == inner ? 21 : 22);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 21);
    CHECK_EQ(deep, 4);
}

static void spawned(void)
{
    pid_t pid;
    int status;
    char *argv[] = {"sh", "-c", "exit 17", 0};
    CHECK_EQ(posix_spawnp(&pid, "sh", 0, 0, argv, environ), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 17);
    CHECK_EQ(posix_spawn(&pid, "/nonexistent", 0, 0, argv, environ), ENOENT);
    posix_spawnattr_t attr;
    sigset_t none, set;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &set);
    signal(SIGTERM, SIG_IGN);
    char *killer[] = {"sh", "-c", "kill -TERM $$; exit 1", 0};
    CHECK_EQ(posix_spawn(&pid, "/bin/sh", 0, &attr, killer, environ), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    signal(SIGTERM, SIG_DFL);
    CHECK_EQ(system("exit 5") >> 8, 5);
    FILE *f = popen("echo popen; exit 3", "r");
    char line[32] = "";
    CHECK(f && fgets(line, sizeof line, f));
    CHECK(!strcmp(line, "popen\n"));
    CHECK_EQ(pclose(f) >> 8, 3);
}

static int shared_tid;

/* In vfork: its parent's memory holds its id already, and what it writes there stays. */
static int knows_its_pid(void *unused)
{
    (void)unused;
    int known = shared_tid == getpid();
    shared_tid = 0;
    _exit(known ? 0 : 1);
}

static void cloned(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    int value = 1, status;
    pid_t pid = clone(child_main, stack + sizeof stack, SIGCHLD, &value);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 33);
    CHECK_EQ(value, 1);
    pid = clone(child_main, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &value);
    CHECK_EQ(value, 5);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 33);
    pid = clone(child_main, stack + sizeof stack, 0, &value); /* no exit signal: a clone child */
    CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
    CHECK_EQ(waitpid(pid, &status, __WCLONE), pid);
    signal(SIGUSR1, SIG_IGN);
    pid = clone(child_main, stack + sizeof stack, SIGUSR1 | CLONE_FILES, &value);
    CHECK(pid > 0);
    CHECK_EQ(waitpid(pid, &status, __WALL), pid);
    int tid = 0;
    pid = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, &tid, 0, 0);
    if (!pid)
        _exit(0);
    CHECK_EQ(tid, pid);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    shared_tid = 0;
    pid = clone(knows_its_pid, stack + sizeof stack,
                CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD, 0, &shared_tid);
    CHECK_EQ(shared_tid, 0); /* the child's doing */
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 0);
    pid = (pid_t)syscall(SYS_clone, CLONE_CHILD_SETTID | SIGCHLD, 0, 0, &tid, 0);
    if (!pid)
        _exit(tid == getpid() ? 0 : 1);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    struct { uint64_t a[11]; } args = {{0}};
    args.a[4] = SIGCHLD;
    pid = (pid_t)syscall(SYS_clone3, &args, 88);
    if (!pid)
        _exit(44);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(WEXITSTATUS(status), 44);
    CHECK_ERRNO(syscall(SYS_clone3, (void *)8, 88), EFAULT);
    CHECK_ERRNO(syscall(SYS_clone3, &args, 8), EINVAL);
}

static void parent_of_clone_parent(void)
{
    int status;
    pid_t self = getpid();
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    IN_CHILD(status, {
        pid_t sibling = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
        if (!sibling)
            _exit(getppid() == self ? 12 : 13);
        CHECK_EQ(write(fds[1], &sibling, sizeof sibling), sizeof sibling);
    });
    CHECK_EQ(status, 0);
    pid_t sibling;
    CHECK_EQ(read(fds[0], &sibling, sizeof sibling), sizeof sibling);
    CHECK_EQ(waitpid(sibling, &status, 0), sibling);
    CHECK_EQ(WEXITSTATUS(status), 12);
}

static void registers_in_child(void)
{
    double a = 1.5, b = 2.25;
    int status;
    __asm__ volatile("movsd %0, %%xmm15; movsd %1, %%xmm7" ::"m"(a), "m"(b) : "xmm15", "xmm7");
    long pid;
    __asm__ volatile("syscall" : "=a"(pid) : "a"(SYS_fork) : "rcx", "r11", "memory");
    double c, d;
    __asm__ volatile("movsd %%xmm15, %0; movsd %%xmm7, %1" : "=m"(c), "=m"(d));
    if (!pid)
        _exit(c == a && d == b ? 0 : 1);
    CHECK(c == a && d == b);
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

int main(void)
{
    plain_fork();
    with_vfork();
    nested_vfork();
    spawned();
    cloned();
    parent_of_clone_parent();
    registers_in_child();
    return finish();
}
