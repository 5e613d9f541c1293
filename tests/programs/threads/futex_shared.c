/* Futexes shared between processes: anonymous memory, one file at two addresses, POSIX shared memory. */
#include "threads.h"

struct area {
    unsigned word;
    atomic_int waiting, woken;
};

static void waiter(struct area *a)
{
    a->waiting++;
    CHECK_EQ(futex(&a->word, FUTEX_WAIT, 0, 0, 0, 0), 0);
    a->woken++;
}

static void between(struct area *here, struct area *there)
{
    pid_t pid[3];
    memset(here, 0, sizeof *here);
    for (int i = 0; i < 3; i++) {
        pid[i] = fork();
        if (!pid[i]) {
            waiter(there);
            _exit(check_failures);
        }
    }
    WAIT_UNTIL(here->waiting == 3);
    sleep_ms(3);
    CHECK_EQ(futex(&here->word, FUTEX_WAKE_PRIVATE, 9, 0, 0, 0), 0);
    CHECK_EQ(futex(&here->word, FUTEX_WAKE, 1, 0, 0, 0), 1);
    WAIT_UNTIL(here->woken == 1);
    CHECK_EQ(futex(&here->word, FUTEX_WAKE, 9, 0, 0, 0), 2);
    for (int i = 0; i < 3; i++) {
        int status;
        CHECK_EQ(waitpid(pid[i], &status, 0), pid[i]);
        CHECK_EQ(status, 0);
    }
}

static struct area *map(int fd, int flags)
{
    struct area *a = mmap(0, 4096, PROT_READ | PROT_WRITE, flags, fd, 0);
    CHECK(a != MAP_FAILED);
    return a;
}

static void private_copy(void)
{
    struct area *a = map(-1, MAP_PRIVATE | MAP_ANONYMOUS), *s = shared_page();
    struct timespec t = {0, 20000000};
    pid_t pid = fork();
    if (!pid) {
        s->waiting = 1;
        CHECK_ERRNO(futex(&a->word, FUTEX_WAIT, 0, &t, 0, 0), ETIMEDOUT);
        _exit(check_failures);
    }
    WAIT_UNTIL(s->waiting);
    sleep_ms(3);
    CHECK_EQ(futex(&a->word, FUTEX_WAKE, 9, 0, 0, 0), 0);
    int status;
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
}

int main(void)
{
    char path[] = "/tmp/futex_sharedXXXXXX", name[64];
    struct area *a = shared_page();
    between(a, a);
    int fd = mkstemp(path);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    between(map(fd, MAP_SHARED), map(fd, MAP_SHARED));
    unlink(path);
    struct area *one = map(fd, MAP_SHARED), *two = map(fd, MAP_SHARED);
    between(one, two);
    snprintf(name, sizeof name, "/futex_shared_%d", getpid());
    fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK_EQ(ftruncate(fd, 4096), 0);
    between(map(fd, MAP_SHARED), map(fd, MAP_SHARED));
    shm_unlink(name);
    private_copy();
    return finish();
}
