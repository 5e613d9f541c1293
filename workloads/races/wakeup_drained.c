/* lost wake-up: the pipe is emptied after the look at the queue, with a wake-up that came since. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

static volatile int queued;
static int bell[2];

static void *produce(void *unused)
{
    for (int i = 0; i < 3; i++) {
        queued++;
        if (write(bell[1], "!", 1) != 1)
            _exit(2);
    }
    return unused;
}

static void *consume(void *unused)
{
    char rings[16];
    int taken = 0;
    struct pollfd news = {bell[0], POLLIN, 0};
    while (taken < 3) {
        while (taken < queued)
            taken++;
        while (read(bell[0], rings, sizeof rings) > 0)
            ;
        if (taken < 3)
            poll(&news, 1, -1);
    }
    return unused;
}

int main(void)
{
    pthread_t producer, consumer;
    if (pipe2(bell, O_NONBLOCK))
        return 2;
    pthread_create(&producer, 0, produce, 0);
    pthread_create(&consumer, 0, consume, 0);
    pthread_join(producer, 0);
    pthread_join(consumer, 0);
    return 0;
}
