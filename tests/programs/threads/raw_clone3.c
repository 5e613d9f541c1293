/* clone3(2) raw: threads, processes, exit signals, and what it refuses. */
#include "raw_clone.h"

static struct shared {
    int parent_tid, child_tid, seen_tid, seen_pid;
} s;
static char stack[16384] __attribute__((aligned(4096)));

static void body(void *arg)
{
    struct shared *p = arg;
    p->seen_tid = (int)raw_call(SYS_gettid, 0, 0, 0, 0);
    p->seen_pid = (int)raw_call(SYS_getpid, 0, 0, 0, 0);
}

int main(void)
{
    struct clone_args a = {.flags = THREAD_FLAGS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                           .stack = (uintptr_t)stack,
                           .stack_size = sizeof stack,
                           .parent_tid = (uintptr_t)&s.parent_tid,
                           .child_tid = (uintptr_t)&s.child_tid};
    for (int i = 0; i < 5; i++) {
        s.child_tid = -1;
        long tid = raw_clone3(&a, sizeof a, body, &s);
        CHECK(tid > 0);
        wait_cleared(&s.child_tid);
        CHECK_EQ(s.seen_tid, tid);
        CHECK_EQ(s.parent_tid, tid);
        CHECK_EQ(s.seen_pid, getpid());
    }
    int status;
    struct clone_args process = {.flags = CLONE_VM | CLONE_VFORK,
                                 .exit_signal = SIGCHLD,
                                 .stack = (uintptr_t)stack,
                                 .stack_size = sizeof stack};
    long pid = raw_clone3(&process, sizeof process, body, &s);
    CHECK(pid > 0);
    CHECK_EQ(s.seen_pid, pid);
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    a.exit_signal = SIGCHLD;
    CHECK_EQ(raw_clone3(&a, sizeof a, body, &s), -EINVAL);
    a.exit_signal = 0;
    a.stack_size = 0;
    CHECK_EQ(raw_clone3(&a, sizeof a, body, &s), -EINVAL);
    a.stack_size = sizeof stack;
    CHECK_EQ(raw_clone3(&a, 8, body, &s), -EINVAL);
    a.flags = CLONE_THREAD;
    CHECK_EQ(raw_clone3(&a, sizeof a, body, &s), -EINVAL);
    return finish();
}
