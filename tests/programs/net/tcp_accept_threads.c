/* Four threads in accept on one listener, many clients: each connection is served once. */
#include "../threads/threads.h"
#include "net.h"

enum { SERVERS = 4, CLIENTS = 5, EACH = 12 };

static int listener;
static atomic_int served, by_thread[SERVERS];

static void *serve(void *arg)
{
    for (;;) {
        char byte = 0;
        int fd = accept(listener, 0, 0);
        if (fd < 0) { /* shut down */
            CHECK_EQ(errno, EINVAL);
            return 0;
        }
        while (read(fd, &byte, 1) == 1)
            CHECK_EQ(write(fd, &byte, 1), 1);
        by_thread[(long)arg]++;
        served++;
        close(fd);
    }
}

static void *call(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        char byte = (char)((long)arg * 16 + i), back = 0;
        int fd = dial(listener);
        for (int k = 0; k < 3; k++) {
            CHECK_EQ(write(fd, &byte, 1), 1);
            CHECK_EQ(read(fd, &back, 1), 1);
            CHECK_EQ(back, byte);
        }
        CHECK_EQ(shutdown(fd, SHUT_WR), 0);
        check_end(fd);
        close(fd);
    }
    return 0;
}

int main(void)
{
    pthread_t servers[SERVERS], clients[CLIENTS];
    listener = make_listener();
    for (long i = 0; i < SERVERS; i++)
        servers[i] = start(serve, (void *)i);
    for (long i = 0; i < CLIENTS; i++)
        clients[i] = start(call, (void *)i);
    for (int i = 0; i < CLIENTS; i++)
        join(clients[i]);
    CHECK_EQ(served, CLIENTS * EACH);
    int sum = 0;
    for (int i = 0; i < SERVERS; i++)
        sum += by_thread[i];
    CHECK_EQ(sum, CLIENTS * EACH);
    CHECK_EQ(shutdown(listener, SHUT_RDWR), 0); /* all four come out */
    for (int i = 0; i < SERVERS; i++)
        join(servers[i]);
    return finish();
}
