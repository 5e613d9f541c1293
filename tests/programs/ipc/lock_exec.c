/* Locks across fork and exec: POSIX ones stay with the process, flock's with the description, and
 * close-on-exec lets go of both. */
#include <sys/file.h>

#include "ipc.h"

static const char *path = "lock_exec.file";

static int set(int fd, int cmd, int type, long start)
{
    struct flock f = {.l_type = (short)type, .l_start = start, .l_len = 1};
    return fcntl(fd, cmd, &f);
}

/* In the new program: descriptor 10 is still open, 11 was closed by the exec; 12 says when to end.
 */
static int after_exec(void)
{
    char byte;
    CHECK_EQ(fcntl(10, F_GETFD), 0);
    CHECK_ERRNO(fcntl(11, F_GETFD), EBADF);
    CHECK_EQ(read(12, &byte, 1), 1);
    return check_failures != 0;
}

static int end[2];
static void let_end(void)
{
    CHECK_EQ(write(end[1], "x", 1), 1);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return after_exec();
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct board *b = board_new();
    CHECK_EQ(pipe2(end, O_CLOEXEC), 0);
    CHECK_EQ(dup2(end[0], 12), 12);
    /* the lock on byte 0 is kept by descriptor 10, no other one being closed by the exec */
    pid_t keeps = SPAWN(int mine = open(path, O_RDWR); CHECK_EQ(dup2(mine, 10), 10); close(mine);
                        close(fd); CHECK_EQ(set(10, F_SETLK, F_WRLCK, 0), 0); b->words[0] = 1;
                        execl(argv[0], argv[0], "again", (char *)0));
    UNTIL(b->words[0]);
    sleep_ms(20);
    CHECK_ERRNO(set(fd, F_SETLK, F_WRLCK, 0), EAGAIN);
    let_end();
    CHECK_EQ(set(fd, F_SETLKW, F_WRLCK, 0), 0);
    reap(keeps);
    CHECK_EQ(set(fd, F_SETLK, F_UNLCK, 0), 0);
    /* closing descriptor 11 at the exec lets go of the lock that was set by 10 */
    pid_t loses = SPAWN(CHECK_EQ(dup2(fd, 10), 10); int other = open(path, O_RDWR | O_CLOEXEC);
                        CHECK_EQ(dup3(other, 11, O_CLOEXEC), 11); close(other); close(fd);
                        CHECK_EQ(set(10, F_SETLK, F_WRLCK, 1), 0); b->words[1] = 1; sleep_ms(20);
                        execl(argv[0], argv[0], "again", (char *)0));
    UNTIL(b->words[1]);
    CHECK_EQ(set(fd, F_SETLKW, F_WRLCK, 1), 0);
    CHECK_EQ(waitpid(loses, 0, WNOHANG), 0);
    let_end();
    reap(loses);
    /* flock: the description outlives its maker in a child */
    char byte;
    pid_t maker = SPAWN(int mine = open(path, O_RDWR); CHECK_EQ(flock(mine, LOCK_EX), 0);
                        SPAWN(CHECK_EQ(read(end[0], &byte, 1), 1)));
    reap(maker);
    CHECK_ERRNO(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    let_end();
    CHECK_EQ(flock(fd, LOCK_EX), 0);
    close(fd);
    unlink(path);
    return finish();
}
