/* SEM_UNDO: what a process has taken comes back with its end, whatever that is. */
#include <sys/ipc.h>
#include <sys/sem.h>

#include "ipc.h"

static int id;

static int op(int num, int by, int flags)
{
    struct sembuf b = {(unsigned short)num, (short)by, (short)flags};
    return semop(id, &b, 1);
}

static void *take_and_end(void *arg)
{
    CHECK_EQ(op(0, -1, SEM_UNDO), 0);
    return arg;
}

int main(void)
{
    struct board *b = board_new();
    id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    CHECK_EQ(semctl(id, 0, SETVAL, 1), 0);
    for (int how = 0; how < 3; how++) {
        pid_t holder = SPAWN(CHECK_EQ(op(0, -1, SEM_UNDO), 0); b->words[how] = 1;
                             if (how == 1) pause(); sleep_ms(60); if (how == 0) exit(0);
                             execl("/bin/true", "true", (char *)0));
        UNTIL(b->words[how]);
        pid_t waiter = SPAWN(CHECK_EQ(BLOCKS(op(0, -1, 0)), 0); board_put(b, how);
                             CHECK_EQ(op(0, 1, 0), 0));
        until_blocked(1);
        if (how == 1)
            kill(holder, SIGKILL);
        waitpid(holder, 0, 0);
        reap(waiter);
        CHECK_EQ(b->count, how + 1);
    }
    /* threads of one process share it: the end of one gives nothing back */
    pid_t child = SPAWN(join(start(take_and_end, 0)); CHECK_EQ(semctl(id, 0, GETVAL), 0);
                        b->words[5] = 1; UNTIL(b->words[6]));
    CHECK_EQ(semctl(id, 1, SETVAL, 0), 0);
    UNTIL(b->words[5]);
    CHECK_ERRNO(op(0, -1, IPC_NOWAIT), EAGAIN);
    b->words[6] = 1;
    CHECK_EQ(op(0, -1, 0), 0);
    reap(child);
    CHECK_EQ(op(0, 1, 0), 0);
    /* SETVAL forgets the adjustments */
    child = SPAWN(CHECK_EQ(op(1, 1, SEM_UNDO), 0); CHECK_EQ(semctl(id, 1, SETVAL, 5), 0));
    reap(child);
    CHECK_EQ(semctl(id, 1, GETVAL), 5);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
    return finish();
}
