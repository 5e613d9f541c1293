/* fcntl's locks of an open file description: like flock's, but of ranges, and against POSIX ones.
 */
#include "ipc.h"

static const char *path = "ofd_locks.file";

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

struct wish {
    int fd, type;
    long start, length;
    struct board *b;
};

static void *wait_for(void *arg)
{
    struct wish *w = arg;
    CHECK_EQ(BLOCKS(set(w->fd, F_OFD_SETLKW, w->type, w->start, w->length)), 0);
    board_put(w->b, w->fd);
    return 0;
}

static void between_threads(void)
{
    struct board *b = board_new();
    int a = opened();
    struct wish w = {opened(), F_WRLCK, 0, 10, b}, r = {opened(), F_RDLCK, 10, 10, b};
    CHECK_EQ(set(a, F_OFD_SETLK, F_WRLCK, 0, 20), 0);
    CHECK_ERRNO(set(w.fd, F_OFD_SETLK, F_RDLCK, 19, 1), EAGAIN);
    pthread_t tw = start(wait_for, &w), tr = start(wait_for, &r);
    until_blocked(2);
    CHECK_EQ(b->count, 0);
    CHECK_EQ(set(a, F_OFD_SETLK, F_RDLCK, 0, 20), 0);
    join(tr);
    sleep_ms(20);
    CHECK_EQ(b->count, 1);
    int copy = dup(a);
    close(a); /* the copy holds it */
    sleep_ms(20);
    CHECK_EQ(b->count, 1);
    close(copy);
    join(tw);
    CHECK_EQ(b->count, 2);
    close(w.fd);
    close(r.fd);
}

static void between_processes(void)
{
    struct board *b = board_new();
    int a = opened();
    CHECK_EQ(set(a, F_OFD_SETLK, F_WRLCK, 0, 0), 0);
    struct flock f = {.l_type = F_WRLCK};
    CHECK_EQ(fcntl(opened(), F_OFD_GETLK, &f), 0);
    CHECK_EQ(f.l_pid, -1);
    CHECK_EQ(f.l_type, F_WRLCK);
    f = (struct flock){.l_type = F_WRLCK, .l_pid = 1};
    CHECK_ERRNO(fcntl(a, F_OFD_SETLKW, &f), EINVAL);
    pid_t posix = SPAWN(close(a); CHECK_EQ(BLOCKS(set(opened(), F_SETLKW, F_WRLCK, 0, 5)), 0);
                        board_put(b, 1); sleep_ms(30));
    until_blocked(1);
    pid_t ofd = SPAWN(close(a); CHECK_EQ(BLOCKS(set(opened(), F_OFD_SETLKW, F_WRLCK, 0, 9)), 0);
                      board_put(b, 2));
    until_blocked(1);
    CHECK_EQ(b->count, 0);
    close(a);
    reap(posix);
    reap(ofd);
    CHECK_EQ(b->who[0], 1);
    CHECK_EQ(b->who[1], 2);
}

/* No circle is looked for: each waits until the other's signal. */
static void no_deadlock_detection(void)
{
    int a = opened();
    CHECK_EQ(set(a, F_OFD_SETLK, F_WRLCK, 0, 1), 0);
    pid_t child = SPAWN(close(a); int mine = opened();
                        CHECK_EQ(set(mine, F_OFD_SETLK, F_WRLCK, 1, 1), 0);
                        CHECK_EQ(BLOCKS(set(mine, F_OFD_SETLKW, F_WRLCK, 0, 1)), 0));
    until_blocked(1);
    install(SIGALRM, count_signal, 0);
    alarm_ms(20);
    CHECK_ERRNO(set(a, F_OFD_SETLKW, F_WRLCK, 1, 1), EINTR);
    close(a);
    reap(child);
}

int main(void)
{
    between_threads();
    between_processes();
    no_deadlock_detection();
    unlink(path);
    return finish();
}
