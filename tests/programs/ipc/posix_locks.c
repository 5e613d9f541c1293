/* fcntl's locks of a process: ranges, owners, what lets go of them, and deadlocks. */
#include "ipc.h"

static const char *path = "posix_locks.file";

static int opened(void)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    return fd;
}

static int set(int fd, int cmd, int type, long start, long length)
{
    struct flock f = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, cmd, &f);
}

/* What is in the way of a write lock, as another process sees it. */
static int seen(long start, long length, long *from, long *bytes, int *pid)
{
    struct board *b = board_new();
    pid_t child = SPAWN(struct flock f = {.l_type = F_WRLCK, .l_start = start, .l_len = length};
                        CHECK_EQ(fcntl(opened(), F_GETLK, &f), 0); b->words[0] = f.l_type;
                        b->words[1] = (int)f.l_start; b->words[2] = (int)f.l_len;
                        b->words[3] = f.l_pid);
    reap(child);
    *from = b->words[1];
    *bytes = b->words[2];
    *pid = b->words[3];
    return b->words[0];
}

static void ranges(void)
{
    int fd = opened(), pid, status;
    long from, bytes;
    CHECK_EQ(ftruncate(fd, 100), 0);
    CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 30), 0);
    CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 10, 10), 0);
    CHECK_EQ(seen(0, 0, &from, &bytes, &pid), F_WRLCK);
    CHECK_EQ(from, 0);
    CHECK_EQ(bytes, 10);
    CHECK_EQ(pid, getpid());
    CHECK_EQ(seen(10, 10, &from, &bytes, &pid), F_UNLCK);
    CHECK_EQ(seen(15, 0, &from, &bytes, &pid), F_WRLCK);
    CHECK_EQ(from, 20);
    CHECK_EQ(set(fd, F_SETLK, F_RDLCK, 20, 10), 0);
    CHECK_EQ(seen(15, 0, &from, &bytes, &pid), F_RDLCK);
    IN_CHILD(status, int mine = opened(); CHECK_EQ(set(mine, F_SETLK, F_RDLCK, 20, 10), 0);
             CHECK_ERRNO(set(mine, F_SETLK, F_WRLCK, 25, 1), EAGAIN);
             CHECK_ERRNO(set(mine, F_SETLK, F_RDLCK, 9, 1), EAGAIN));
    CHECK_EQ(status, 0);
    struct flock end = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -10, .l_len = 0};
    CHECK_EQ(fcntl(fd, F_SETLK, &end), 0);
    CHECK_EQ(seen(50, 0, &from, &bytes, &pid), F_WRLCK);
    CHECK_EQ(from, 90);
    CHECK_EQ(bytes, 0);
    struct flock back = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = -10};
    CHECK_EQ(fcntl(fd, F_SETLK, &back), 0);
    CHECK_EQ(seen(90, 10, &from, &bytes, &pid), F_UNLCK);
    CHECK_ERRNO(set(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL);
    CHECK_ERRNO(set(fd, F_SETLKW, 7, 0, 1), EINVAL);
    CHECK_ERRNO(fcntl(fd, F_SETLKW, (struct flock *)8), EFAULT);
    int reader = open(path, O_RDONLY);
    CHECK_ERRNO(set(reader, F_SETLK, F_WRLCK, 0, 1), EBADF);
    CHECK_ERRNO(set(reader, F_SETLKW, F_WRLCK, 0, 1), EBADF);
    CHECK_ERRNO(set(-1, F_SETLKW, F_RDLCK, 0, 1), EBADF);
    close(fd);
    close(reader);
}

/* A child waits for a lock of ours: `letting_go` ends the wait, nothing before it does. */
#define LETS_GO(type, start, length, letting_go)                                       \
    do {                                                                               \
        struct board *b_ = board_new();                                                \
        pid_t child_of_ = SPAWN(int mine_ = opened();                                  \
                                CHECK_EQ(BLOCKS(set(mine_, F_SETLKW, type, start, length)), 0); \
                                b_->words[0] = 1);                                     \
        until_blocked(1);                                                              \
        CHECK_EQ(b_->words[0], 0);                                                     \
        letting_go;                                                                    \
        reap(child_of_);                                                               \
    } while (0)

static void letting_go(void)
{
    int fd = opened(), other = opened();
    CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 10), 0);
    LETS_GO(F_WRLCK, 5, 1, CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 5, 1), 0));
    LETS_GO(F_RDLCK, 0, 5, CHECK_EQ(set(fd, F_SETLK, F_RDLCK, 0, 10), 0));
    LETS_GO(F_WRLCK, 0, 10, close(other)); /* any descriptor of the file */
    CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 10), 0);
    LETS_GO(F_WRLCK, 0, 10, other = opened(); CHECK_EQ(dup2(1, other), other));
    close(other);
    struct board *b = board_new();
    pid_t holder = SPAWN(CHECK_EQ(set(opened(), F_SETLK, F_WRLCK, 0, 1), 0); b->words[0] = 1;
                         sleep_ms(40));
    UNTIL(b->words[0]);
    CHECK_EQ(set(fd, F_SETLKW, F_WRLCK, 0, 1), 0); /* by its end */
    reap(holder);
    /* a child has none of its parent's */
    LETS_GO(F_WRLCK, 0, 1, CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 0, 0), 0));
    close(fd);
}

/* Readers go together; the writer behind them goes after. */
static void order(void)
{
    struct board *b = board_new();
    int fd = opened();
    pid_t pids[4];
    CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 0), 0);
    for (int i = 0; i < 4; i++) {
        pids[i] = SPAWN(int mine = opened();
                        CHECK_EQ(BLOCKS(set(mine, F_SETLKW, i == 2 ? F_WRLCK : F_RDLCK, 0, 0)), 0);
                        board_put(b, i); UNTIL(b->count >= 3));
        until_blocked(1);
    }
    CHECK_EQ(set(fd, F_SETLKW, F_UNLCK, 0, 0), 0);
    for (int i = 0; i < 4; i++)
        reap(pids[i]);
    CHECK_EQ(b->count, 4);
    CHECK_EQ(b->who[3], 2);
    close(fd);
}

static void deadlocks(void)
{
    int fd = opened();
    struct board *b = board_new();
    CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    pid_t child = SPAWN(int mine = opened(); CHECK_EQ(set(mine, F_SETLK, F_WRLCK, 1, 1), 0);
                        CHECK_EQ(BLOCKS(set(mine, F_SETLKW, F_WRLCK, 0, 1)), 0));
    until_blocked(1);
    CHECK_ERRNO(set(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    CHECK_ERRNO(set(fd, F_SETLKW, F_RDLCK, 0, 0), EDEADLK);
    CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 0, 1), 0);
    CHECK_EQ(set(fd, F_SETLKW, F_WRLCK, 1, 1), 0); /* no circle any more */
    reap(child);
    CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 0, 0), 0);
    /* three: each waits for the next one's byte */
    CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 0, 1), 0);
    pid_t two = SPAWN(int mine = opened(); CHECK_EQ(set(mine, F_SETLK, F_WRLCK, 1, 1), 0);
                      b->words[1] = 1; UNTIL(b->words[2]);
                      CHECK_EQ(BLOCKS(set(mine, F_SETLKW, F_WRLCK, 2, 1)), 0));
    pid_t three = SPAWN(int mine = opened(); CHECK_EQ(set(mine, F_SETLK, F_WRLCK, 2, 1), 0);
                        b->words[2] = 1; UNTIL(b->words[1]);
                        CHECK_EQ(BLOCKS(set(mine, F_SETLKW, F_WRLCK, 0, 1)), 0));
    until_blocked(2);
    CHECK_ERRNO(set(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
    CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 0, 1), 0);
    reap(three);
    reap(two);
    close(fd);
}

static void *lock_byte_0(void *fd)
{
    CHECK_EQ(BLOCKS(set((int)(long)fd, F_SETLKW, F_WRLCK, 0, 1)), 0);
    return 0;
}

/* Threads share an owner. One that waits for another process makes a circle as well. */
static void threads(void)
{
    int fd = opened();
    struct board *b = board_new();
    CHECK_EQ(set(fd, F_SETLK, F_WRLCK, 1, 1), 0);
    pid_t child = SPAWN(int mine = opened(); CHECK_EQ(set(mine, F_SETLK, F_WRLCK, 0, 1), 0);
                        b->words[0] = 1; UNTIL(b->words[1]);
                        CHECK_ERRNO(set(mine, F_SETLKW, F_WRLCK, 1, 1), EDEADLK));
    UNTIL(b->words[0]);
    pthread_t t = start(lock_byte_0, (void *)(long)fd);
    until_blocked(1);
    CHECK_EQ(set(fd, F_SETLKW, F_WRLCK, 1, 2), 0);
    b->words[1] = 1;
    join(t);
    reap(child);
    close(fd);
}

static void signals(void)
{
    int fd = opened();
    struct board *b = board_new();
    pid_t child = SPAWN(CHECK_EQ(set(opened(), F_SETLK, F_WRLCK, 0, 1), 0); b->words[0] = 1;
                        UNTIL(signals_seen == 2));
    UNTIL(b->words[0]);
    install(SIGALRM, count_signal, 0);
    alarm_ms(20);
    CHECK_ERRNO(set(fd, F_SETLKW, F_WRLCK, 0, 1), EINTR);
    install(SIGALRM, count_signal, SA_RESTART);
    alarm_ms(20);
    CHECK_EQ(set(fd, F_SETLKW, F_WRLCK, 0, 1), 0);
    CHECK_EQ(signals_seen, 2);
    reap(child);
    close(fd);
}

int main(void)
{
    ranges();
    letting_go();
    order();
    deadlocks();
    threads();
    signals();
    unlink(path);
    return finish();
}
