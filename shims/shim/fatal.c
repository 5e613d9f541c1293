/* fatal.c: how a run ends early. The supervisor reads the reason, kills what is left and reports. */
#include "shim.h"

void ring_bell(void)
{
    struct world *w = WORLD;
    __atomic_fetch_add(&w->bell, 1, __ATOMIC_SEQ_CST);
    raw(__NR_futex, &w->bell, 1 /* FUTEX_WAKE */, 1);
}

void end_run(u32 reason, const char *message)
{
    struct world *w = WORLD;
    if (!w->end_reason) {
        string_append(w->end_message, w->end_message + sizeof w->end_message, message);
        __atomic_store_n(&w->end_reason, reason, __ATOMIC_SEQ_CST);
    }
    ring_bell();
    for (;;)
        raw(__NR_pause);
}

void fatal(const char *what, i64 number)
{
    char message[256], *end = message + sizeof message;
    char *p = string_append(message, end, what);
    p = string_append(p, end, number < 0 ? " -" : " ");
    number_append(p, end, (u64)(number < 0 ? -number : number));
    end_run(END_FATAL, message);
}

static const char *const hole_texts[HOLES_MAX] = {
    [HOLE_UNKNOWN_SYSCALL] = "a system call that dstrun does not know",
    [HOLE_THREAD] = "a thread",
    [HOLE_IOCTL] = "an ioctl that is not under control",
    [HOLE_OUTSIDE_INPUT] = "input from outside the simulation",
    [HOLE_OUTSIDE_DEATH] = "a process killed from outside the simulation",
    [HOLE_DIRECTORY_TOO_LARGE] = "a directory too large to be sorted",
    [HOLE_PROC_FILE] = "a file of /proc or /sys that is not under control",
    [HOLE_EXEC_REFUSED] = "an exec of a program that cannot be taken under control",
    [HOLE_NET] = "the network outside the simulation",
    [HOLE_DEVICE] = "a device that is not under control",
    [HOLE_SHARED_FILE] = "a file that others change",
    [HOLE_FORCED] = "a task that spins without a system call was interrupted",
    [HOLE_ADDRESSES] = "a program with random addresses",
    [HOLE_EPOLL_FOREIGN] = "an epoll that watches a descriptor of another process",
};

void count_hole(u32 hole)
{
    WORLD->holes[hole]++;
    if (WORLD->config.flags & CONFIG_STRICT)
        end_run(END_STRICT, hole_texts[hole] ? hole_texts[hole] : "something uncontrolled");
}
