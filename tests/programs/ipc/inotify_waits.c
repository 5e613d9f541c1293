/* inotify: who reads, polls or selects is woken by the change, whoever makes it. */
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/select.h>

#include "ipc.h"

static char buffer[sizeof(struct inotify_event) + 16] __attribute__((aligned(8)));

/* The mask and name of the next event; waits for it. One with a short name fits, two do not. */
static uint32_t next(int fd, const char *name)
{
    long n = read(fd, buffer, name && !*name ? sizeof(struct inotify_event) : sizeof buffer);
    struct inotify_event *e = (void *)buffer;
    CHECK(n >= (long)sizeof *e);
    if (name)
        CHECK_EQ(strcmp(e->len ? e->name : "", name), 0);
    return e->mask;
}

static void touch(const char *name)
{
    int fd = open(name, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    close(fd);
}

static void between_processes(void)
{
    int fd = inotify_init1(0);
    CHECK(inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE | IN_CLOSE_WRITE) > 0);
    pid_t child = SPAWN(sleep_ms(20); touch("a"); sleep_ms(20); unlink("a"));
    CHECK_EQ(next(fd, "a") & IN_CREATE, IN_CREATE);
    CHECK_EQ(next(fd, "a"), IN_CLOSE_WRITE);
    CHECK_EQ(next(fd, "a"), IN_DELETE);
    reap(child);
    /* a writer that just ends, one that is killed, one that execs */
    for (int how = 0; how < 3; how++) {
        int f = open("b", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (!how)
            CHECK_EQ(next(fd, "b"), IN_CREATE);
        child = SPAWN(sleep_ms(30); if (how == 1) raise(SIGKILL);
                      if (how == 2) execl("/bin/true", "true", (char *)0));
        close(f);
        CHECK_EQ(next(fd, "b"), IN_CLOSE_WRITE);
        waitpid(child, 0, 0);
    }
    close(fd);
    unlink("b");
}

static atomic_int modified;

/* One after the other: two alike would be merged. */
static void *writes(void *fd)
{
    for (int i = 0; i < 3; i++) {
        UNTIL(modified == i);
        sleep_ms(20);
        CHECK_EQ(write((int)(long)fd, "x", 1), 1);
    }
    return 0;
}

static void between_threads(void)
{
    int fd = inotify_init1(0), f = open("m", O_CREAT | O_RDWR, 0600);
    struct timeval limit = {10, 0};
    fd_set set;
    CHECK(inotify_add_watch(fd, "m", IN_MODIFY) > 0);
    pthread_t t = start(writes, (void *)(long)f);
    struct pollfd p = {fd, POLLIN};
    CHECK_EQ(poll(&p, 1, 10000), 1);
    CHECK_EQ(next(fd, ""), IN_MODIFY);
    modified++;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    CHECK_EQ(select(fd + 1, &set, 0, 0, &limit), 1);
    CHECK_EQ(next(fd, ""), IN_MODIFY);
    modified++;
    int ep = epoll_create1(0);
    struct epoll_event e = {EPOLLIN};
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
    CHECK_EQ(epoll_wait(ep, &e, 1, 10000), 1);
    CHECK_EQ(next(fd, ""), IN_MODIFY);
    modified++;
    join(t);
    close(ep);
    close(fd);
    close(f);
    unlink("m");
}

static void *removes(void *fd)
{
    sleep_ms(20);
    CHECK_EQ(inotify_rm_watch((int)(long)fd, 1), 0);
    return 0;
}

static void other_wakes(void)
{
    int fd = inotify_init1(0);
    CHECK_EQ(inotify_add_watch(fd, ".", IN_CREATE), 1);
    pthread_t t = start(removes, (void *)(long)fd);
    CHECK_EQ(next(fd, ""), IN_IGNORED);
    join(t);
    install(SIGALRM, count_signal, 0);
    alarm_ms(20);
    CHECK_ERRNO(read(fd, buffer, sizeof buffer), EINTR);
    /* two that watch the same: both see the same pair of a rename */
    int other = inotify_init1(0);
    uint32_t cookies[2];
    CHECK(inotify_add_watch(fd, ".", IN_MOVED_FROM) > 0);
    CHECK(inotify_add_watch(other, ".", IN_MOVED_TO) > 0);
    pid_t child = SPAWN(sleep_ms(20); touch("x"); CHECK_EQ(rename("x", "y"), 0));
    CHECK_EQ(next(fd, "x"), IN_MOVED_FROM);
    cookies[0] = ((struct inotify_event *)buffer)->cookie;
    CHECK_EQ(next(other, "y"), IN_MOVED_TO);
    cookies[1] = ((struct inotify_event *)buffer)->cookie;
    CHECK(cookies[0] && cookies[0] == cookies[1]);
    reap(child);
    unlink("y");
    close(fd);
    close(other);
}

int main(void)
{
    mkdir("inotify_waits.dir", 0700);
    CHECK_EQ(chdir("inotify_waits.dir"), 0);
    between_processes();
    between_threads();
    other_wakes();
    chdir("..");
    rmdir("inotify_waits.dir");
    return finish();
}
