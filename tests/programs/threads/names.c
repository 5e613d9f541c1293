/* A thread's name is its own, also as /proc shows it; ids are per thread. */
#include "threads.h"

static sem_t named, read_it;
static pid_t tid;

static void comm_of(pid_t id, char *to, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", id);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, to, size - 1);
    to[n > 0 ? n : 0] = 0;
    to[strcspn(to, "\n")] = 0;
    close(fd);
}

static void *body(void *arg)
{
    char name[16];
    (void)arg;
    CHECK_EQ(pthread_setname_np(pthread_self(), "worker-7"), 0);
    CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    CHECK_EQ(strcmp(name, "worker-7"), 0);
    tid = my_tid();
    CHECK(tid != getpid());
    sem_post(&named);
    sem_wait(&read_it);
    CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof name), 0);
    CHECK_EQ(strcmp(name, "from-main"), 0);
    return 0;
}

int main(void)
{
    char name[64];
    sem_init(&named, 0, 0);
    sem_init(&read_it, 0, 0);
    CHECK_EQ(my_tid(), getpid());
    pthread_t t = start(body, 0);
    sem_wait(&named);
    comm_of(tid, name, sizeof name);
    CHECK_EQ(strcmp(name, "worker-7"), 0);
    CHECK_EQ(pthread_setname_np(t, "from-main"), 0);
    CHECK_EQ(pthread_getname_np(t, name, 16), 0);
    CHECK_EQ(strcmp(name, "from-main"), 0);
    CHECK_EQ(pthread_setname_np(t, "a name that is too long"), ERANGE);
    comm_of(getpid(), name, sizeof name);
    CHECK(strcmp(name, "from-main") != 0);
    sem_post(&read_it);
    join(t);
    return finish();
}
