/* Processes that wait for locks, semaphores and messages, or hold them, are killed at any moment: what
 * they held is free again, who waited behind them goes on, nothing is left over. */
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include "ipc.h"

enum { CHILDREN = 5, KILLS = 40 };

static const char *path = "kills.file";
static int sem, msg;
static mqd_t queue;

static unsigned draw(unsigned *state, unsigned below)
{
    *state = *state * 1103515245 + 12345;
    return (*state >> 16) % below;
}

static void step(int fd, unsigned *state)
{
    struct flock range = {.l_type = F_WRLCK, .l_start = draw(state, 3), .l_len = 2};
    struct sembuf down = {0, -1, SEM_UNDO}, up = {0, 1, SEM_UNDO};
    struct {
        long type;
        char text[8];
    } m = {1 + draw(state, 2), "x"};
    char text[8];
    switch (draw(state, 6)) {
    case 0:
        CHECK_EQ(flock(fd, draw(state, 2) ? LOCK_EX : LOCK_SH), 0);
        usleep(draw(state, 300));
        CHECK_EQ(flock(fd, LOCK_UN), 0);
        break;
    case 1:
        CHECK_EQ(fcntl(fd, F_SETLKW, &range), 0);
        usleep(draw(state, 300));
        range.l_type = F_UNLCK;
        CHECK_EQ(fcntl(fd, F_SETLKW, &range), 0);
        break;
    case 2:
        CHECK_EQ(semop(sem, &down, 1), 0);
        usleep(draw(state, 300));
        CHECK_EQ(semop(sem, &up, 1), 0);
        break;
    case 3:
        CHECK_EQ(msgsnd(msg, &m, 8, 0), 0);
        break;
    case 4:
        CHECK_EQ(msgrcv(msg, &m, 8, draw(state, 3), 0), 8);
        break;
    case 5:
        if (draw(state, 2))
            CHECK_EQ(mq_send(queue, text, 8, draw(state, 3)), 0);
        else
            CHECK_EQ(mq_receive(queue, text, 8, 0), 8);
        break;
    }
}

static pid_t child(unsigned seed)
{
    return SPAWN(int fd = open(path, O_RDWR); for (unsigned state = seed;;) step(fd, &state));
}

int main(void)
{
    struct mq_attr attr = {.mq_maxmsg = 3, .mq_msgsize = 8};
    unsigned state = 5;
    pid_t pids[CHILDREN];
    int status;
    mq_unlink("/kills");
    close(open(path, O_RDWR | O_CREAT, 0600));
    sem = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    msg = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    queue = mq_open("/kills", O_RDWR | O_CREAT, 0600, &attr);
    CHECK_EQ(semctl(sem, 0, SETVAL, 1), 0);
    for (int i = 0; i < CHILDREN; i++)
        pids[i] = child(draw(&state, 10000));
    for (int i = 0; i < KILLS; i++) {
        int victim = (int)draw(&state, CHILDREN);
        usleep(draw(&state, 1500));
        kill(pids[victim], SIGKILL);
        CHECK_EQ(waitpid(pids[victim], &status, 0), pids[victim]);
        CHECK_EQ(status, SIGKILL);
        pids[victim] = child(draw(&state, 10000));
    }
    for (int i = 0; i < CHILDREN; i++) {
        kill(pids[i], SIGKILL);
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, SIGKILL);
    }
    int fd = open(path, O_RDWR);
    struct flock all = {.l_type = F_WRLCK};
    CHECK_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(fcntl(fd, F_SETLK, &all), 0);
    CHECK_EQ(semctl(sem, 0, GETVAL), 1);
    CHECK_EQ(semctl(sem, 0, GETNCNT), 0);
    CHECK_EQ(semctl(sem, 0, IPC_RMID), 0);
    CHECK_EQ(msgctl(msg, IPC_RMID, 0), 0);
    CHECK_EQ(mq_unlink("/kills"), 0);
    unlink(path);
    return finish();
}
