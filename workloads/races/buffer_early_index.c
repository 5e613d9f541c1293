/* bounded buffer: the index moves on before the place behind it is filled. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static volatile int head, tail, places[8];
static int out;

static void *produce(void *unused)
{
    for (int i = 0; i < 3; i++) {
        int place = tail;
        tail = place + 1;
        assert(write(out, "producing\n", 10) == 10);
        places[place] = i + 1;
    }
    return unused;
}

static void *consume(void *unused)
{
    for (int polls = 0; polls < 6; polls++) {
        if (head < tail) {
            assert(places[head]);
            head++;
        }
        assert(write(out, "consuming\n", 10) == 10);
    }
    return unused;
}

int main(void)
{
    pthread_t producer, consumer;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&producer, 0, produce, 0);
    pthread_create(&consumer, 0, consume, 0);
    pthread_join(producer, 0);
    pthread_join(consumer, 0);
    return 0;
}
