/* deadlock: the consumer holds the buffer's lock while it waits for what comes into it. */
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

static sem_t lock, items;
static int out;

static void *produce(void *unused)
{
    for (int i = 0; i < 3; i++) {
        if (write(out, "making one\n", 11) != 11)
            return unused;
        sem_wait(&lock);
        sem_post(&items);
        sem_post(&lock);
    }
    return unused;
}

static void *consume(void *unused)
{
    for (int i = 0; i < 3; i++) {
        sem_wait(&lock);
        sem_wait(&items);
        sem_post(&lock);
        if (write(out, "using one\n", 10) != 10)
            return unused;
    }
    return unused;
}

int main(void)
{
    pthread_t producer, consumer;
    out = open("/dev/null", O_WRONLY);
    sem_init(&lock, 0, 1);
    sem_init(&items, 0, 0);
    pthread_create(&producer, 0, produce, 0);
    pthread_create(&consumer, 0, consume, 0);
    pthread_join(producer, 0);
    pthread_join(consumer, 0);
    return 0;
}
