/* Philosophers: each takes two forks at once, or is killed while it eats and SEM_UNDO lays them
 * down. */
#include <sys/ipc.h>
#include <sys/sem.h>

#include "ipc.h"

enum { SEATS = 5, MEALS = 30, TOTAL = SEATS };

static int id;
static struct board *b;

static void eat(int seat, int times, int dies)
{
    unsigned short left = (unsigned short)seat, right = (unsigned short)((seat + 1) % SEATS);
    for (int i = 0; i < times; i++) {
        struct sembuf take[3] = {{left, -1, SEM_UNDO}, {right, -1, SEM_UNDO}, {TOTAL, 1, 0}};
        struct sembuf give[2] = {{left, 1, SEM_UNDO}, {right, 1, SEM_UNDO}};
        CHECK_EQ(semop(id, take, 3), 0);
        CHECK_EQ(b->words[left]++, 0);
        CHECK_EQ(b->words[right]++, 0);
        if (i % 3)
            usleep(100);
        b->words[left]--;
        b->words[right]--;
        if (dies && i == times - 1)
            raise(SIGKILL);
        CHECK_EQ(semop(id, give, 2), 0);
    }
}

static void *guest(void *seat)
{
    eat((int)(long)seat, MEALS, 0);
    return 0;
}

int main(void)
{
    pid_t pids[SEATS], counter;
    b = board_new();
    id = semget(IPC_PRIVATE, SEATS + 1, IPC_CREAT | 0600);
    for (int i = 0; i < SEATS; i++)
        CHECK_EQ(semctl(id, i, SETVAL, 1), 0);
    counter = SPAWN(struct sembuf all = {TOTAL, -SEATS * MEALS - SEATS * MEALS / 2, 0};
                    CHECK_EQ(semop(id, &all, 1), 0); b->words[10] = 1);
    for (int i = 0; i < SEATS; i++)
        pids[i] = SPAWN(pthread_t t = start(guest, (void *)(long)i); join(t);
                        eat(i, MEALS / 2, i % 2));
    for (int i = 0; i < SEATS; i++)
        waitpid(pids[i], 0, 0);
    reap(counter);
    CHECK_EQ(b->words[10], 1);
    for (int i = 0; i < SEATS; i++)
        CHECK_EQ(semctl(id, i, GETVAL), 1);
    CHECK_EQ(semctl(id, TOTAL, GETVAL), 0);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
    return finish();
}
