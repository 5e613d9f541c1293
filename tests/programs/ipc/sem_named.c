/* Named semaphores and shared memory objects: files of /dev/shm, and futexes in them. */
#include <semaphore.h>

#include "ipc.h"

static const char *name = "/sem_named_test", *memory = "/shm_named_test";

struct shared {
    sem_t full, empty;
    int values[4], in, out;
};

static void names(void)
{
    int value;
    CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
    sem_t *s = sem_open(name, O_CREAT | O_EXCL, 0600, 2);
    CHECK(s != SEM_FAILED);
    CHECK(sem_open(name, O_CREAT | O_EXCL, 0600, 2) == SEM_FAILED && errno == EEXIST);
    CHECK(sem_open(name, O_CREAT, 0600, 9) == s);
    CHECK_EQ(sem_wait(s), 0);
    CHECK_EQ(sem_trywait(s), 0);
    CHECK_ERRNO(sem_trywait(s), EAGAIN);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec++;
    long before = now_ms();
    CHECK_ERRNO(sem_timedwait(s, &t), ETIMEDOUT);
    CHECK(now_ms() - before >= 990);
    pid_t child = SPAWN(sem_t *mine = sem_open(name, 0); for (int i = 0; i < 3; i++) {
        sleep_ms(10);
        sem_post(mine);
    });
    for (int i = 0; i < 3; i++)
        CHECK_EQ(sem_wait(s), 0);
    reap(child);
    CHECK_EQ(sem_getvalue(s, &value), 0);
    CHECK_EQ(value, 0);
    CHECK_EQ(sem_close(s), 0);
    CHECK_EQ(sem_close(s), 0);
    CHECK_EQ(sem_unlink(name), 0);
    CHECK_ERRNO(sem_unlink(name), ENOENT);
}

static void produce(struct shared *s)
{
    for (int i = 1; i <= 50; i++) {
        sem_wait(&s->empty);
        s->values[s->in++ % 4] = i;
        sem_post(&s->full);
    }
}

static void *consume(void *arg)
{
    struct shared *s = arg;
    long sum = 0;
    for (int i = 1; i <= 50; i++) {
        sem_wait(&s->full);
        sum += s->values[s->out++ % 4];
        sem_post(&s->empty);
    }
    return (void *)sum;
}

static void in_memory(void)
{
    shm_unlink(memory);
    int fd = shm_open(memory, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0);
    CHECK_ERRNO(shm_open(memory, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
    CHECK_EQ(ftruncate(fd, sizeof(struct shared)), 0);
    struct shared *s = mmap(0, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK_EQ(sem_init(&s->full, 1, 0), 0);
    CHECK_EQ(sem_init(&s->empty, 1, 4), 0);
    pid_t child = SPAWN(int mine = shm_open(memory, O_RDWR, 0);
                        produce(mmap(0, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, mine, 0)));
    void *sum;
    pthread_join(start(consume, s), &sum);
    CHECK_EQ((long)sum, 1275);
    reap(child);
    CHECK_EQ(shm_unlink(memory), 0);
    CHECK_ERRNO(shm_open(memory, O_RDWR, 0), ENOENT);
}

int main(void)
{
    sem_unlink(name);
    names();
    in_memory();
    return finish();
}
