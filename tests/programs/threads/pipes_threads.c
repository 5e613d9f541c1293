/* Threads that talk through pipes and socket pairs; a close wakes the reader at the other end. */
#include <sys/socket.h>
#include "threads.h"

static int fds[2], pair[2];
static void *writes(void *arg)
{
    for (long i = 0; i < 200; i++)
        CHECK_EQ(write(fds[1], &i, sizeof i), sizeof i);
    close(fds[1]);
    return arg;
}
static void *reads(void *arg)
{
    long value, sum = 0;
    while (read(fds[0], &value, sizeof value) == sizeof value)
        sum += value;
    (void)arg;
    return (void *)sum;
}
static void *echoes(void *arg)
{
    char block[512];
    ssize_t n;
    while ((n = read(pair[1], block, sizeof block)) > 0)
        CHECK_EQ(write(pair[1], block, (size_t)n), n);
    return arg;
}

int main(void)
{
    char block[512];
    CHECK_EQ(pipe(fds), 0);
    pthread_t r = start(reads, 0), w = start(writes, 0);
    join(w);
    CHECK_EQ(join(r), 199 * 100);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pthread_t e = start(echoes, 0);
    for (int i = 0; i < 20; i++) {
        memset(block, i, sizeof block);
        CHECK_EQ(write(pair[0], block, sizeof block), sizeof block);
        CHECK_EQ(recv(pair[0], block, sizeof block, MSG_WAITALL), sizeof block);
        CHECK_EQ(block[511], i);
    }
    shutdown(pair[0], SHUT_WR);
    join(e);
    return finish();
}
