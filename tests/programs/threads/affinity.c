/* Affinity, scheduling policy and priorities of threads: what was set is told. */
#include "threads.h"
#include <sys/resource.h>

static void *body(void *arg)
{
    cpu_set_t set;
    struct sched_param param;
    int policy;
    CHECK_EQ(pthread_getaffinity_np(pthread_self(), sizeof set, &set), 0);
    CHECK(CPU_COUNT(&set) >= 1);
    CHECK(sched_getcpu() >= 0);
    CHECK_EQ(pthread_getschedparam(pthread_self(), &policy, &param), 0);
    CHECK_EQ(policy, SCHED_OTHER);
    CHECK_EQ(param.sched_priority, 0);
    CHECK_EQ(pthread_setschedparam(pthread_self(), SCHED_OTHER, &param), 0);
    pthread_attr_t attr;
    void *low;
    size_t size;
    CHECK_EQ(pthread_getattr_np(pthread_self(), &attr), 0);
    CHECK_EQ(pthread_attr_getstack(&attr, &low, &size), 0);
    CHECK((char *)&attr > (char *)low && (char *)&attr < (char *)low + size);
    pthread_attr_destroy(&attr);
    return arg;
}

int main(void)
{
    join(start(body, 0));
    body(0);
    return finish();
}
