/* The C library's AIO, which are threads: completion by signal, by call, by waiting. */
#include <aio.h>
#include <semaphore.h>

#include "ipc.h"

static atomic_int values;
static sem_t called;

static void on_done(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    (void)context;
    CHECK_EQ(info->si_code, SI_ASYNCIO);
    values += info->si_value.sival_int;
}

static void call(union sigval v)
{
    values += v.sival_int;
    sem_post(&called);
}

static int wait_for(struct aiocb *one)
{
    const struct aiocb *list[1] = {one};
    while (aio_error(one) == EINPROGRESS)
        aio_suspend(list, 1, 0);
    return aio_error(one);
}

int main(void)
{
    char text[4][8] = {"one....", "two....", "three..", "four..."}, in[4][8];
    struct aiocb w[4], r[4], *list[4];
    struct board *shared = board_new();
    int p[2], fd = open("aio_posix.file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (int i = 0; i < 4; i++) {
        w[i] = (struct aiocb){
            .aio_fildes = fd, .aio_buf = text[i], .aio_nbytes = 8, .aio_offset = i * 8};
        w[i].aio_sigevent.sigev_notify = SIGEV_NONE;
        w[i].aio_lio_opcode = LIO_WRITE;
        list[i] = &w[i];
    }
    CHECK_EQ(lio_listio(LIO_WAIT, list, 4, 0), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(aio_return(&w[i]), 8);
    struct sigaction a = {.sa_sigaction = on_done, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &a, 0); /* queues */
    sem_init(&called, 0, 0);
    for (int i = 0; i < 4; i++) {
        r[i] = (struct aiocb){
            .aio_fildes = fd, .aio_buf = in[i], .aio_nbytes = 8, .aio_offset = (3 - i) * 8};
        r[i].aio_sigevent.sigev_notify = i < 2 ? SIGEV_SIGNAL : SIGEV_THREAD;
        r[i].aio_sigevent.sigev_signo = SIGRTMIN;
        r[i].aio_sigevent.sigev_value.sival_int = 1 << i;
        if (i >= 2)
            r[i].aio_sigevent.sigev_notify_function = call;
        CHECK_EQ(aio_read(&r[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(wait_for(&r[i]), 0);
        CHECK_EQ(aio_return(&r[i]), 8);
        CHECK_EQ(strcmp(in[i], text[3 - i]), 0);
    }
    for (int i = 0; i < 2; i++)
        while (sem_wait(&called))
            ;
    while (values != 15)
        sleep_ms(1);
    CHECK_EQ(aio_fsync(O_SYNC, &w[0]), 0);
    CHECK_EQ(wait_for(&w[0]), 0);
    /* one that blocks, across processes */
    CHECK_EQ(pipe(p), 0);
    struct aiocb b = {.aio_fildes = p[0], .aio_buf = in[0], .aio_nbytes = 8};
    b.aio_sigevent.sigev_notify = SIGEV_NONE;
    CHECK_EQ(aio_read(&b), 0);
    pid_t child = SPAWN(UNTIL(shared->words[0]); sleep_ms(20);
                        CHECK_EQ(write(p[1], "child", 6), 6));
    CHECK_EQ(aio_error(&b), EINPROGRESS);
    shared->words[0] = 1;
    CHECK_EQ(wait_for(&b), 0);
    CHECK_EQ(aio_return(&b), 6);
    reap(child);
    struct aiocb bad = {.aio_fildes = 77, .aio_buf = in[0], .aio_nbytes = 1};
    bad.aio_sigevent.sigev_notify = SIGEV_NONE;
    if (!aio_read(&bad)) {
        CHECK_EQ(wait_for(&bad), EBADF);
        CHECK_EQ(aio_return(&bad), -1);
    }
    unlink("aio_posix.file");
    return finish();
}
