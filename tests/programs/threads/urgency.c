/* Nice values, policies, priorities, affinities: what was set is read back, belongs to its thread, is
 * inherited as Linux has it, and is refused to those who may not. */
#include "threads.h"
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/prctl.h>

struct attr {
    unsigned size, policy;
    unsigned long flags;
    int nice;
    unsigned priority;
    unsigned long runtime, deadline, period;
};

static int privileged; /* the rest is what anybody may do */

static int nice_of(int which, int who)
{
    errno = 0;
    return getpriority(which, who);
}

static int policy_of(pid_t pid) { return sched_getscheduler(pid); }

static int priority_of(pid_t pid)
{
    struct sched_param p = {-1};
    CHECK_EQ(sched_getparam(pid, &p), 0);
    return p.sched_priority;
}

static int set(pid_t pid, int policy, int priority)
{
    struct sched_param p = {priority};
    return sched_setscheduler(pid, policy, &p);
}

static long setattr(pid_t pid, void *a, unsigned flags) { return syscall(SYS_sched_setattr, pid, a, flags); }
static long getattr(pid_t pid, void *a, unsigned size, unsigned flags)
{
    return syscall(SYS_sched_getattr, pid, a, size, flags);
}

/* ---- nice values ---- */
static void *nice_thread(void *arg)
{
    CHECK_EQ(nice_of(PRIO_PROCESS, 0), 3); /* its maker's */
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 7), 0);
    CHECK_EQ(nice_of(PRIO_PROCESS, my_tid()), 7);
    CHECK_EQ(nice_of(PRIO_PROCESS, getpid()), 3); /* of the thread that leads */
    return arg;
}

static void test_nice(void)
{
    int status;
    CHECK_EQ(nice_of(PRIO_PROCESS, 0), 0);
    CHECK_EQ(nice(3), 3);
    CHECK_EQ(nice_of(PRIO_PROCESS, 0), 3);
    join(start(nice_thread, 0));
    CHECK_EQ(nice_of(PRIO_PROCESS, 0), 3);
    IN_CHILD(status, {
        CHECK_EQ(nice_of(PRIO_PROCESS, 0), 3);
        CHECK_EQ(setpriority(PRIO_PROCESS, 0, 99), 0);
        CHECK_EQ(nice_of(PRIO_PROCESS, 0), 19);
        CHECK_EQ(setpgid(0, 0), 0);
        CHECK_EQ(setpriority(PRIO_PGRP, 0, 19), 0);
        CHECK_EQ(nice_of(PRIO_PGRP, 0), 19);
        CHECK_EQ(nice_of(PRIO_PGRP, getpid()), 19);
        CHECK_EQ(nice_of(PRIO_PROCESS, getppid()), 3);
    });
    CHECK_EQ(status, 0);
    CHECK_ERRNO(getpriority(3, 0), EINVAL);
    CHECK_ERRNO(setpriority(-1, 0, 0), EINVAL);
    CHECK_ERRNO(getpriority(PRIO_PROCESS, 4000000), ESRCH);
    CHECK_ERRNO(setpriority(PRIO_PROCESS, 4000000, 0), ESRCH);
    CHECK_ERRNO(getpriority(PRIO_PGRP, 4000000), ESRCH);
}

/* ---- policies ---- */
static void test_constants(void)
{
    CHECK_EQ(sched_get_priority_min(SCHED_FIFO), 1);
    CHECK_EQ(sched_get_priority_max(SCHED_RR), 99);
    CHECK_EQ(sched_get_priority_max(SCHED_OTHER), 0);
    CHECK_EQ(sched_get_priority_max(SCHED_IDLE), 0);
    CHECK_ERRNO(sched_get_priority_min(77), EINVAL);
}

static void test_policies(void)
{
    struct sched_param p = {0};
    struct timespec t = {-1, -1};
    CHECK_EQ(policy_of(0), SCHED_OTHER);
    CHECK_EQ(priority_of(0), 0);
    CHECK_EQ(set(0, SCHED_BATCH, 0), 0);
    CHECK_EQ(policy_of(getpid()), SCHED_BATCH);
    CHECK_ERRNO(set(0, SCHED_OTHER, 1), EINVAL);
    CHECK_ERRNO(set(0, SCHED_FIFO, 0), EINVAL);
    CHECK_ERRNO(set(0, SCHED_FIFO, 100), EINVAL);
    CHECK_ERRNO(set(0, 77, 0), EINVAL);
    CHECK_ERRNO(set(0, -1, 0), EINVAL);
    CHECK_ERRNO(set(-1, 0, 0), EINVAL);
    CHECK_ERRNO(set(4000000, 0, 0), ESRCH);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, 0, 8), EFAULT);
    CHECK_ERRNO(sched_getscheduler(-1), EINVAL);
    CHECK_ERRNO(sched_getscheduler(4000000), ESRCH);
    CHECK_ERRNO(syscall(SYS_sched_getparam, 0, 0), EINVAL);
    CHECK_EQ(sched_setparam(0, &p), 0);
    CHECK_EQ(sched_rr_get_interval(0, &t), 0);
    CHECK(t.tv_sec == 0 && t.tv_nsec >= 0);
    CHECK_ERRNO(sched_rr_get_interval(-1, &t), EINVAL);
    CHECK_EQ(set(0, SCHED_OTHER, 0), 0);
}

static void test_attributes(void)
{
    struct attr a;
    char large[128] = {0};
    memset(&a, 0xff, sizeof a);
    CHECK_EQ(getattr(0, &a, sizeof a, 0), 0);
    CHECK_EQ(a.size, sizeof a);
    CHECK_EQ(a.policy, SCHED_OTHER);
    CHECK_EQ(a.nice, 3);
    CHECK_EQ(a.priority, 0);
    CHECK_EQ(a.flags, 0);
    CHECK_ERRNO(getattr(0, &a, 40, 0), EINVAL);
    CHECK_ERRNO(getattr(0, &a, sizeof a, 1), EINVAL);
    CHECK_ERRNO(getattr(0, 0, sizeof a, 0), EINVAL);
    a = (struct attr){sizeof a, SCHED_BATCH, 1 /* RESET_ON_FORK */, 5};
    CHECK_EQ(setattr(0, &a, 0), 0);
    CHECK_EQ(policy_of(0), SCHED_BATCH | SCHED_RESET_ON_FORK);
    CHECK_EQ(nice_of(PRIO_PROCESS, 0), 5);
    memset(&a, 0xff, sizeof a);
    CHECK_EQ(getattr(0, &a, sizeof a, 0), 0);
    CHECK_EQ(a.flags, 1);
    CHECK_EQ(a.nice, 5);
    memcpy(large, &a, sizeof a);
    *(unsigned *)large = 40;
    CHECK_ERRNO(setattr(0, large, 0), E2BIG);
    *(unsigned *)large = sizeof large;
    CHECK_EQ(setattr(0, large, 0), 0);
    large[127] = 1;
    CHECK_ERRNO(setattr(0, large, 0), E2BIG);
    a = (struct attr){sizeof a, 77};
    CHECK_ERRNO(setattr(0, &a, 0), EINVAL);
    CHECK_ERRNO(setattr(0, &a, 1), EINVAL);
    a = (struct attr){sizeof a, SCHED_OTHER, 1ul << 40, 5};
    CHECK_ERRNO(setattr(0, &a, 0), EINVAL);
}

static void *child_thread(void *arg)
{
    CHECK_EQ(policy_of(0), (long)arg);
    return 0;
}

static void test_inheritance(void) /* comes with BATCH | RESET_ON_FORK, nice 5 */
{
    int status;
    join(start(child_thread, (void *)SCHED_BATCH)); /* reset is not itself inherited */
    IN_CHILD(status, {
        CHECK_EQ(policy_of(0), SCHED_BATCH);
        CHECK_EQ(nice_of(PRIO_PROCESS, 0), 5);
    });
    CHECK_EQ(status, 0);
}

static void test_privileged(void)
{
    int status;
    struct attr a = {sizeof a, 6 /* DEADLINE */, 0, 0, 0, 2000000, 10000000, 20000000};
    CHECK_EQ(set(0, SCHED_OTHER, 0), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, -5), 0);
    CHECK_EQ(nice_of(PRIO_PROCESS, 0), -5);
    CHECK_EQ(set(0, SCHED_FIFO, 10), 0);
    CHECK_EQ(policy_of(0), SCHED_FIFO);
    CHECK_EQ(priority_of(0), 10);
    struct sched_param p = {20};
    CHECK_EQ(sched_setparam(0, &p), 0);
    CHECK_EQ(priority_of(0), 20);
    struct timespec t = {-1, -1};
    CHECK_EQ(sched_rr_get_interval(0, &t), 0);
    CHECK_EQ(t.tv_nsec, 0);
    CHECK_EQ(nice_of(PRIO_PROCESS, 0), -5);
    IN_CHILD(status, {
        CHECK_EQ(policy_of(0), SCHED_FIFO);
        CHECK_EQ(priority_of(0), 20);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(set(0, SCHED_RR | SCHED_RESET_ON_FORK, 7), 0);
    IN_CHILD(status, {
        CHECK_EQ(policy_of(0), SCHED_OTHER);
        CHECK_EQ(priority_of(0), 0);
        CHECK_EQ(nice_of(PRIO_PROCESS, 0), 0);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(set(0, SCHED_OTHER, 0), 0);
    CHECK_EQ(nice_of(PRIO_PROCESS, 0), -5);
    a.runtime = 0;
    CHECK_ERRNO(setattr(0, &a, 0), EINVAL);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 0), 0);
}

static void test_unprivileged(void)
{
    struct rlimit none = {0, 0};
    CHECK_EQ(set(0, SCHED_OTHER, 0), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    CHECK_EQ(setrlimit(RLIMIT_NICE, &none), 0);
    CHECK_EQ(setrlimit(RLIMIT_RTPRIO, &none), 0);
    if (privileged) { /* other ids are not there in a container of a user's own */
        CHECK_EQ(setresgid(65534, 65534, 65534), 0);
        CHECK_EQ(setresuid(65534, 65534, 65534), 0);
    }
    CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, 4), EACCES);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
    CHECK_ERRNO(set(0, SCHED_FIFO, 1), EPERM);
    CHECK_ERRNO(set(0, SCHED_RR, 1), EPERM);
    CHECK_EQ(set(0, SCHED_IDLE, 0), 0);
    CHECK_ERRNO(set(0, SCHED_OTHER, 0), EPERM);
    CHECK_EQ(set(0, SCHED_IDLE | SCHED_RESET_ON_FORK, 0), 0);
    CHECK_ERRNO(set(0, SCHED_IDLE, 0), EPERM);
    if (privileged) {
        CHECK_ERRNO(setpriority(PRIO_PROCESS, getppid(), 9), EPERM);
        CHECK_ERRNO(set(getppid(), SCHED_BATCH, 0), EPERM);
        CHECK_ERRNO(syscall(SYS_ioprio_set, 1, 0, IOPRIO_PRIO_VALUE(1, 4)), EPERM);
    }
}

static void test_limits(void) /* what they allow needs no privilege */
{
    struct rlimit some = {22, 22}; /* nice values down to -2 */
    struct rlimit rt = {5, 5};
    if (setrlimit(RLIMIT_NICE, &some)) /* not in a container without CAP_SYS_RESOURCE */
        return;
    CHECK_EQ(setrlimit(RLIMIT_RTPRIO, &rt), 0);
    CHECK_EQ(setresgid(65534, 65534, 65534), 0);
    CHECK_EQ(setresuid(65534, 65534, 65534), 0);
    CHECK_EQ(setpriority(PRIO_PROCESS, 0, -2), 0);
    CHECK_ERRNO(setpriority(PRIO_PROCESS, 0, -3), EACCES);
    CHECK_EQ(set(0, SCHED_FIFO, 5), 0);
    CHECK_ERRNO(set(0, SCHED_FIFO, 6), EPERM);
    CHECK_EQ(set(0, SCHED_RR, 3), 0);
    CHECK_EQ(set(0, SCHED_OTHER, 0), 0);
}

/* ---- I/O ---- */
static void test_ioprio(void)
{
    int status, value = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6);
    CHECK_EQ(syscall(SYS_ioprio_set, 1, 0, value), 0);
    CHECK_EQ(syscall(SYS_ioprio_get, 1, 0), value);
    CHECK_EQ(syscall(SYS_ioprio_get, 1, getpid()), value);
    IN_CHILD(status, CHECK_EQ(syscall(SYS_ioprio_get, 1, 0), value));
    CHECK_EQ(status, 0);
    CHECK_ERRNO(syscall(SYS_ioprio_get, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_ioprio_get, 4, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_ioprio_get, 1, 4000000), ESRCH);
    CHECK_ERRNO(syscall(SYS_ioprio_set, 1, 0, 5 << 13), EINVAL);
    CHECK_ERRNO(syscall(SYS_ioprio_set, 1, 0, 1), EINVAL);
    CHECK_EQ(syscall(SYS_ioprio_set, 1, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0)), 0);
}

/* ---- affinity ---- */
static void *affinity_thread(void *arg)
{
    cpu_set_t *wanted = arg, set;
    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    CHECK(CPU_EQUAL(&set, wanted));
    return 0;
}

static void test_affinity(void)
{
    cpu_set_t all, one, got;
    int last = 0, status;
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        last = CPU_ISSET(cpu, &all) ? cpu : last;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    CHECK_EQ(sched_getaffinity(getpid(), sizeof got, &got), 0);
    CHECK(CPU_EQUAL(&one, &got));
    CHECK_EQ(sched_getcpu(), last);
    join(start(affinity_thread, &one));
    IN_CHILD(status, {
        CHECK_EQ(sched_getaffinity(0, sizeof got, &got), 0);
        CHECK(CPU_EQUAL(&one, &got));
        CHECK_EQ(sched_setaffinity(0, sizeof all, &all), 0);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(sched_getaffinity(0, sizeof got, &got), 0);
    CHECK(CPU_EQUAL(&one, &got));
    CPU_ZERO(&got);
    CHECK_ERRNO(sched_setaffinity(0, sizeof got, &got), EINVAL);
    CHECK_ERRNO(sched_setaffinity(4000000, sizeof one, &one), ESRCH);
    CHECK_ERRNO(sched_getaffinity(0, 7, &got), EINVAL);
    CHECK_EQ(sched_setaffinity(0, sizeof all, &all), 0);
}

/* ---- by pthread, of another thread ---- */
static atomic_int go;

static void *waits(void *arg)
{
    WAIT_UNTIL(go);
    return 0;
}

static void test_pthread(void)
{
    struct sched_param p = {0};
    int policy = -1;
    pthread_t t = start(waits, 0);
    CHECK_EQ(pthread_setschedparam(t, SCHED_BATCH, &p), 0);
    CHECK_EQ(pthread_getschedparam(t, &policy, &p), 0);
    CHECK_EQ(policy, SCHED_BATCH);
    CHECK_EQ(pthread_setschedparam(t, 77, &p), EINVAL);
    CHECK_EQ(policy_of(0), SCHED_OTHER);
    go = 1;
    join(t);
}

static void test_stat(void)
{
    char text[1024], *at;
    int status;
    IN_CHILD(status, {
        CHECK_EQ(setpriority(PRIO_PROCESS, 0, 9), 0);
        CHECK_EQ(set(0, SCHED_BATCH, 0), 0);
        int fd = open("/proc/self/stat", O_RDONLY);
        long n = read(fd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        at = strrchr(text, ')') + 2;
        for (int field = 3; field < 18; field++)
            at = strchr(at, ' ') + 1;
        long priority = strtol(at, &at, 10);
        CHECK_EQ(priority, 29);
        CHECK_EQ(strtol(at, &at, 10), 9);
        for (int field = 19; field < 40; field++)
            at = strchr(at + 1, ' ');
        CHECK_EQ(strtol(at, &at, 10), SCHED_BATCH);
    });
    CHECK_EQ(status, 0);
}

int main(int argc, char **argv)
{
    int status;
    if (argc > 1) { /* after an exec */
        CHECK_EQ(nice_of(PRIO_PROCESS, 0), 8);
        CHECK_EQ(policy_of(0), SCHED_BATCH | SCHED_RESET_ON_FORK);
        return check_failures != 0;
    }
    IN_CHILD(status, _exit(set(0, SCHED_FIFO, 1) != 0));
    privileged = !geteuid() && !status;
    IN_CHILD(status, test_nice());
    CHECK_EQ(status, 0);
    test_constants();
    test_policies();
    IN_CHILD(status, {
        CHECK_EQ(nice(3), 3);
        test_attributes();
        test_inheritance();
    });
    CHECK_EQ(status, 0);
    if (privileged) {
        IN_CHILD(status, test_privileged());
        CHECK_EQ(status, 0);
        IN_CHILD(status, test_limits());
        CHECK_EQ(status, 0);
    }
    if (privileged || geteuid()) {
        IN_CHILD(status, test_unprivileged());
        CHECK_EQ(status, 0);
    }
    test_ioprio();
    test_affinity();
    test_pthread();
    test_stat();
    IN_CHILD(status, {
        CHECK_EQ(setpriority(PRIO_PROCESS, 0, 8), 0);
        CHECK_EQ(set(0, SCHED_BATCH | SCHED_RESET_ON_FORK, 0), 0);
        execl("/proc/self/exe", argv[0], "again", (char *)0);
    });
    CHECK_EQ(status, 0);
    return finish();
}
