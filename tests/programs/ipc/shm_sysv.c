/* System V shared memory: attachments, their counts and times, futexes and locks in it. */
#include <sys/ipc.h>
#include <sys/shm.h>

#include "ipc.h"

struct shared {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int turn, total;
};

static struct shmid_ds state(int id)
{
    struct shmid_ds ds;
    CHECK_EQ(shmctl(id, IPC_STAT, &ds), 0);
    return ds;
}

static void attachments(void)
{
    time_t before = time(0);
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0640);
    CHECK(id >= 0);
    CHECK_ERRNO(shmget(0x5556, 1, 0), ENOENT);
    CHECK_ERRNO(shmget(IPC_PRIVATE, 0, IPC_CREAT), EINVAL);
    CHECK_EQ(state(id).shm_atime, 0);
    CHECK_EQ(state(id).shm_cpid, getpid());
    CHECK_EQ(state(id).shm_segsz, 10000);
    char *a = shmat(id, 0, 0), *b = shmat(id, 0, SHM_RDONLY);
    CHECK(a != (char *)-1 && b != (char *)-1 && a != b);
    CHECK_ERRNO(shmat(id, a + 1, 0), EINVAL);
    CHECK_EQ(state(id).shm_nattch, 2);
    CHECK(state(id).shm_atime >= before && state(id).shm_atime <= time(0));
    strcpy(a, "seen by both");
    CHECK_EQ(strcmp(b, "seen by both"), 0);
    int status;
    IN_CHILD(status, CHECK_EQ(state(id).shm_nattch, 4); CHECK_EQ(strcmp(b, "seen by both"), 0);
             strcpy(a, "child"); CHECK_EQ(shmdt(b), 0); CHECK_EQ(state(id).shm_nattch, 3));
    CHECK_EQ(status, 0);
    CHECK_EQ(strcmp(b, "child"), 0);
    CHECK_EQ(state(id).shm_nattch, 2);
    CHECK(state(id).shm_dtime >= before && state(id).shm_dtime <= time(0));
    CHECK_EQ(shmctl(id, IPC_RMID, 0), 0);
    CHECK_EQ(state(id).shm_perm.mode & SHM_DEST, SHM_DEST);
    CHECK_EQ(shmdt(a), 0);
    CHECK_ERRNO(shmdt(a), EINVAL);
    CHECK_EQ(shmdt(b), 0);
    struct shmid_ds ds;
    CHECK_ERRNO(shmctl(id, IPC_STAT, &ds), EINVAL); /* gone with its last one */
}

static void add(struct shared *s, int who)
{
    for (int i = 0; i < 20; i++) {
        pthread_mutex_lock(&s->lock);
        while (s->turn % 3 != who)
            pthread_cond_wait(&s->changed, &s->lock);
        s->turn++;
        s->total += who;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
}

static void *adds(void *s)
{
    add(s, 0);
    return 0;
}

/* A child that has attached it at another address, one that inherited it, and a thread. */
static void locks_in_it(void)
{
    int id = shmget(0x1001, sizeof(struct shared), IPC_CREAT | IPC_EXCL | 0600);
    struct shared *s = shmat(id, 0, 0);
    pthread_mutexattr_t m;
    pthread_condattr_t c;
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&s->lock, &m);
    pthread_condattr_init(&c);
    pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&s->changed, &c);
    pid_t inherits = SPAWN(add(s, 1));
    pid_t attaches = SPAWN(struct shared *other = shmat(shmget(0x1001, 0, 0), 0, 0);
                           CHECK(other != s); shmdt(s); add(other, 2));
    pthread_t t = start(adds, s);
    join(t);
    reap(inherits);
    reap(attaches);
    CHECK_EQ(s->total, 60);
    CHECK_EQ(shmctl(id, IPC_RMID, 0), 0);
}

static void after_exec(const char *self)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    shmat(id, 0, 0);
    CHECK_EQ(state(id).shm_nattch, 1);
    pid_t child = SPAWN(char arg[16]; sprintf(arg, "%d", id); execl(self, self, arg, (char *)0));
    reap(child);
    CHECK_EQ(shmctl(id, IPC_RMID, 0), 0);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        CHECK_EQ(state(atoi(argv[1])).shm_nattch, 1);
        return check_failures != 0;
    }
    attachments();
    locks_in_it();
    after_exec(argv[0]);
    return finish();
}
