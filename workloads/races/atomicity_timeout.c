/* atomicity: a request is both answered and given up: each side looks first, and marks it later. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static volatile int pending = 1, ends;
static int out;

static void end(const char *how)
{
    if (!pending)
        return;
    assert(write(out, how, 8) == 8);
    pending = 0;
    ends++;
}

static void *answer(void *unused)
{
    for (int i = 0; i < 40; i++) /* a piece of work of about 40 us */
        assert(write(out, "working\n", 8) == 8);
    end("answered");
    return unused;
}

static void *give_up(void *unused)
{
    usleep(40);
    end("given up");
    return unused;
}

int main(void)
{
    pthread_t worker, watchdog;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&watchdog, 0, give_up, 0);
    pthread_create(&worker, 0, answer, 0);
    pthread_join(worker, 0);
    pthread_join(watchdog, 0);
    return ends != 1;
}
