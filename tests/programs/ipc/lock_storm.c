/* Many processes and threads, locks of all kinds on a few ranges: nobody is where another one is,
 * and everybody comes to an end, deadlocks broken by EDEADLK. */
#include <sys/file.h>

#include "ipc.h"

enum { RANGES = 6, OFD = 8, PROCESSES = 6, ROUNDS = 25 };

static const char *path = "lock_storm.file";
static struct board
    *b; /* words[i]: readers of range i, or -1: a writer; who[i]: whole file, likewise */

static int set(int fd, int cmd, int type, long start, long length)
{
    struct flock f = {.l_type = (short)type, .l_start = start, .l_len = length};
    return fcntl(fd, cmd, &f);
}

static void enter(atomic_int *count, int writes)
{
    if (writes)
        CHECK_EQ(atomic_exchange(count, -1), 0);
    else
        CHECK((*count)++ >= 0);
}

static void leave(atomic_int *count, int writes)
{
    if (writes)
        CHECK_EQ(atomic_exchange(count, 0), -1);
    else
        CHECK((*count)-- > 0);
}

static unsigned draw(unsigned *state, unsigned below)
{
    *state = *state * 1103515245 + 12345;
    return (*state >> 16) % below;
}

/* One range, and sometimes another one while it is held for writing: whoever waits then waits for
 * one, which is as far as the kernel looks for a circle. Locks of descriptions are elsewhere:
 * waiting behind one of those it does not look at all. */
static void ranges(int fd, int cmd, int unlock, unsigned *state)
{
    int first = (int)draw(state, RANGES), second = (int)draw(state, RANGES),
        writes = (int)draw(state, 2);
    first += cmd == F_OFD_SETLKW ? OFD : 0;
    int type = writes ? F_WRLCK : F_RDLCK;
    CHECK_EQ(set(fd, cmd, type, first * 10, 10), 0);
    enter(&b->words[first], writes);
    if (cmd == F_SETLKW && writes && second != first) {
        if (!set(fd, cmd, F_WRLCK, second * 10, 10)) {
            enter(&b->words[second], 1);
            sched_yield();
            leave(&b->words[second], 1);
            CHECK_EQ(set(fd, unlock, F_UNLCK, second * 10, 10), 0);
        } else {
            CHECK_EQ(errno, EDEADLK);
        }
    }
    if (draw(state, 2))
        usleep(100);
    leave(&b->words[first], writes);
    CHECK_EQ(set(fd, unlock, F_UNLCK, first * 10, 10), 0);
}

static void *uses_descriptions(void *seed)
{
    unsigned state = (unsigned)(long)seed;
    for (int i = 0; i < ROUNDS; i++) {
        int fd = open(path, O_RDWR), writes = (int)draw(&state, 2);
        CHECK_EQ(flock(fd, writes ? LOCK_EX : LOCK_SH), 0);
        enter(&b->who[0], writes);
        if (draw(&state, 2))
            usleep(200);
        leave(&b->who[0], writes);
        if (draw(&state, 2))
            CHECK_EQ(flock(fd, LOCK_UN), 0);
        close(fd);
    }
    return 0;
}

static void storm(int number)
{
    unsigned state = (unsigned)number;
    int other = open("lock_storm.other", O_RDWR | O_CREAT,
                     0600); /* closing the first file lets go of it */
    pthread_t t = start(uses_descriptions, (void *)(long)(number + 100));
    int own = number % 2 ? F_SETLKW : F_OFD_SETLKW;
    for (int i = 0; i < ROUNDS; i++)
        ranges(other, own, number % 2 ? F_SETLK : F_OFD_SETLK, &state);
    join(t);
}

int main(void)
{
    pid_t pids[PROCESSES];
    b = board_new();
    close(open(path, O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < PROCESSES; i++)
        pids[i] = SPAWN(storm(i + 1));
    for (int i = 0; i < PROCESSES; i++)
        reap(pids[i]);
    for (int i = 0; i < OFD + RANGES; i++)
        CHECK_EQ(b->words[i], 0);
    CHECK_EQ(b->who[0], 0);
    unlink(path);
    unlink("lock_storm.other");
    return finish();
}
