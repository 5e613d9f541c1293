/* System V semaphores: values, atomic lists of operations, who goes first, what ends a wait. */
#include <sys/ipc.h>
#include <sys/sem.h>

#include "ipc.h"

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

static int new_set(int count)
{
    int id = semget(IPC_PRIVATE, count, IPC_CREAT | 0600);
    CHECK(id >= 0);
    return id;
}

static int op(int id, int num, int by, int flags)
{
    struct sembuf b = {(unsigned short)num, (short)by, (short)flags};
    return semop(id, &b, 1);
}

static int value(int id, int num)
{
    return semctl(id, num, GETVAL);
}

static void errors(void)
{
    struct sembuf many[501] = {{0}};
    int id = new_set(2);
    CHECK_ERRNO(semget(0x1234567, 1, 0600), ENOENT);
    int named = semget(0x1234567, 3, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(named >= 0);
    CHECK_ERRNO(semget(0x1234567, 3, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
    CHECK_EQ(semget(0x1234567, 0, 0), named);
    CHECK_ERRNO(semget(0x1234567, 4, 0), EINVAL);
    CHECK_EQ(semctl(named, 0, IPC_RMID), 0);
    CHECK_ERRNO(op(named, 0, 1, 0), EINVAL);
    CHECK_ERRNO(op(id, 2, 1, 0), EFBIG);
    CHECK_ERRNO(semop(id, many, 501), E2BIG);
    CHECK_ERRNO(semop(id, many, 0), EINVAL);
    CHECK_ERRNO(semop(id, (void *)8, 1), EFAULT);
    CHECK_ERRNO(op(id, 0, -1, IPC_NOWAIT), EAGAIN);
    CHECK_EQ(op(id, 0, 1, 0), 0);
    CHECK_ERRNO(op(id, 0, 0, IPC_NOWAIT), EAGAIN);
    CHECK_ERRNO(op(id, 0, 32767, 0), ERANGE);
    CHECK_ERRNO(semctl(id, 0, SETVAL, 32768), ERANGE);
    CHECK_ERRNO(semctl(id, 0, 77), EINVAL);
    CHECK_EQ(semctl(id, 0, GETPID), getpid());
    /* all or nothing; the flag counts of the operation that would wait */
    struct sembuf two[2] = {{0, 1, 0}, {1, -1, IPC_NOWAIT}};
    CHECK_ERRNO(semop(id, two, 2), EAGAIN);
    CHECK_EQ(value(id, 0), 1);
    struct sembuf twice[2] = {{1, 1, 0}, {1, -1, 0}};
    CHECK_EQ(semop(id, twice, 2), 0);
    CHECK_EQ(value(id, 1), 0);
    struct timespec bad = {0, -1}, none = {0, 0};
    CHECK_ERRNO(semtimedop(id, &(struct sembuf){1, -1, 0}, 1, &bad), EINVAL);
    CHECK_ERRNO(semtimedop(id, &(struct sembuf){1, -1, 0}, 1, &none), EAGAIN);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

/* Who comes later does not get in between; one raise lets several go. */
static void order(void)
{
    struct board *b = board_new();
    pid_t pids[4];
    int id = new_set(2);
    for (int i = 0; i < 4; i++) {
        pids[i] = SPAWN(CHECK_EQ(BLOCKS(op(id, 0, i == 0 ? -2 : -1, 0)), 0); board_put(b, i));
        until_blocked(1);
    }
    CHECK_EQ(semctl(id, 0, GETNCNT), 4);
    CHECK_EQ(semctl(id, 1, GETNCNT), 0);
    CHECK_EQ(op(id, 0, 1, 0), 0); /* the first needs two, the second goes */
    CHECK_EQ(value(id, 0), 0);
    CHECK_EQ(semctl(id, 0, GETNCNT), 3);
    CHECK_ERRNO(op(id, 0, -1, IPC_NOWAIT), EAGAIN);
    UNTIL(b->count == 1);
    CHECK_EQ(op(id, 0, 4, 0), 0);
    CHECK_EQ(value(id, 0), 0);
    CHECK_EQ(semctl(id, 0, GETNCNT), 0);
    for (int i = 0; i < 4; i++)
        reap(pids[i]);
    CHECK_EQ(b->who[0], 1);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

/* A list that waits for zero here and raises there; a chain of them. */
static void chains(void)
{
    int id = new_set(4);
    unsigned short start[4] = {1, 1, 1, 0}, end[4];
    union semun all = {.array = start};
    CHECK_EQ(semctl(id, 0, SETALL, all), 0);
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        pids[i] = SPAWN(struct sembuf ops[2] = {{(unsigned short)i, 0, 0},
                                                {(unsigned short)(i + 1), i < 2 ? -1 : 5, 0}};
                        CHECK_EQ(BLOCKS(semop(id, ops, 2)), 0));
    until_blocked(3);
    CHECK_EQ(semctl(id, 0, GETZCNT), 1);
    CHECK_EQ(semctl(id, 2, GETZCNT), 1);
    CHECK_EQ(op(id, 0, -1, 0), 0);
    all.array = end;
    CHECK_EQ(semctl(id, 0, GETALL, all), 0);
    CHECK_EQ(end[0], 0);
    CHECK_EQ(end[1], 0);
    CHECK_EQ(end[2], 0);
    CHECK_EQ(end[3], 5);
    for (int i = 0; i < 3; i++)
        reap(pids[i]);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

static void *down(void *id)
{
    return (void *)(long)(BLOCKS(op((int)(long)id, 0, -1, 0)) ? errno : 0);
}

static void ends_of_a_wait(void)
{
    int id = new_set(1);
    struct timespec soon = {0, 30000000};
    long before = now_ms();
    CHECK_ERRNO(semtimedop(id, &(struct sembuf){0, -1, 0}, 1, &soon), EAGAIN);
    CHECK(now_ms() - before >= 30);
    install(SIGALRM, count_signal, SA_RESTART); /* which does not count for it */
    alarm_ms(20);
    CHECK_ERRNO(op(id, 0, -1, 0), EINTR);
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        t[i] = start(down, (void *)(long)id);
    until_blocked(3);
    CHECK_EQ(semctl(id, 0, SETVAL, 1), 0);
    CHECK_EQ(semctl(id, 0, GETNCNT), 2);
    pid_t child = SPAWN(CHECK_ERRNO(BLOCKS(op(id, 0, -1, 0)), EIDRM));
    until_blocked(1);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
    int removed = 0;
    for (int i = 0; i < 3; i++) {
        void *error;
        CHECK_EQ(pthread_join(t[i], &error), 0);
        removed += error == (void *)EIDRM;
    }
    CHECK_EQ(removed, 2);
    reap(child);
}

/* Who is stopped does not stand in line, and is told that it was. */
static void stopped(void)
{
    int id = new_set(1), status;
    pid_t pid = SPAWN(CHECK_ERRNO(BLOCKS(op(id, 0, -1, 0)), EINTR));
    until_blocked(1);
    kill(pid, SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_EQ(op(id, 0, 1, 0), 0);
    CHECK_EQ(value(id, 0), 1);
    CHECK_EQ(semctl(id, 0, GETNCNT), 0);
    kill(pid, SIGCONT);
    reap(pid);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

/* Two processes take turns; a third keeps a count. */
static void ping_pong(void)
{
    int id = new_set(3);
    CHECK_EQ(op(id, 0, 1, 0), 0);
    pid_t other = SPAWN(for (int i = 0; i < 100; i++) {
        CHECK_EQ(op(id, 1, -1, 0), 0);
        CHECK_EQ(op(id, 0, 1, 0), 0);
    });
    for (int i = 0; i < 100; i++) {
        struct sembuf ops[2] = {{0, -1, 0}, {2, 1, 0}};
        CHECK_EQ(semop(id, ops, 2), 0);
        CHECK_EQ(op(id, 1, 1, 0), 0);
    }
    reap(other);
    CHECK_EQ(value(id, 2), 100);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

static void times(void)
{
    struct semid_ds ds;
    union semun u = {.buf = &ds};
    time_t before = time(0);
    int id = new_set(2);
    CHECK_EQ(semctl(id, 0, IPC_STAT, u), 0);
    CHECK_EQ(ds.sem_otime, 0);
    CHECK(ds.sem_ctime >= before && ds.sem_ctime <= time(0));
    CHECK_EQ(ds.sem_nsems, 2);
    CHECK_EQ(ds.sem_perm.mode, 0600);
    CHECK_EQ(op(id, 0, 1, 0), 0);
    CHECK_EQ(semctl(id, 0, IPC_STAT, u), 0);
    CHECK(ds.sem_otime >= before && ds.sem_otime <= time(0));
    ds.sem_perm.mode = 0640;
    CHECK_EQ(semctl(id, 0, IPC_SET, u), 0);
    CHECK_EQ(semctl(id, 0, IPC_STAT, u), 0);
    CHECK_EQ(ds.sem_perm.mode, 0640);
    CHECK_EQ(semctl(id, 0, IPC_RMID), 0);
}

int main(void)
{
    errors();
    order();
    chains();
    ends_of_a_wait();
    stopped();
    ping_pong();
    times();
    return finish();
}
