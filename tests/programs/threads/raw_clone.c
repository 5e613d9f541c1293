/* clone(2) raw: set tids, clear tid with its wake, TLS by CLONE_SETTLS, 4 KiB stacks. */
#include "raw_clone.h"

static struct shared {
    int parent_tid, child_tid, seen_tid, order;
    long fs_first;
} s;
static long tls_block[32];
static char stack[4096] __attribute__((aligned(4096)));

static void body(void *arg)
{
    struct shared *p = arg;
    p->seen_tid = (int)raw_call(SYS_gettid, 0, 0, 0, 0);
    __asm__ volatile("mov %%fs:0, %0" : "=r"(p->fs_first));
    for (int i = 0; i < 20; i++)
        raw_call(SYS_sched_yield, 0, 0, 0, 0);
    p->order = 1;
}

int main(void)
{
    unsigned long flags = THREAD_FLAGS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |
                          CLONE_SETTLS;
    for (int round = 0; round < 10; round++) {
        memset(&s, 0, sizeof s);
        s.child_tid = -1;
        tls_block[0] = 0x1234 + round;
        long tid = raw_clone(flags, stack + sizeof stack, &s.parent_tid, &s.child_tid, tls_block, body, &s);
        CHECK(tid > 0);
        CHECK_EQ(s.parent_tid, tid);
        wait_cleared(&s.child_tid);
        CHECK_EQ(s.order, 1);
        CHECK_EQ(s.seen_tid, tid);
        CHECK_EQ(s.fs_first, 0x1234 + round);
    }
    CHECK_EQ(raw_clone(CLONE_THREAD, stack + sizeof stack, 0, 0, 0, body, &s), -EINVAL);
    CHECK_EQ(raw_clone(CLONE_SIGHAND, stack + sizeof stack, 0, 0, 0, body, &s), -EINVAL);
    return finish();
}
