/* lost wake-up: who is woken takes it that there is something, and looks no second time. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static int items, out;

static void *consume(void *unused)
{
    assert(write(out, "consumer\n", 9) == 9);
    pthread_mutex_lock(&lock);
    if (items == 0)
        pthread_cond_wait(&not_empty, &lock);
    assert(items > 0);
    items--;
    pthread_mutex_unlock(&lock);
    return unused;
}

static void *produce(void *unused)
{
    for (int i = 0; i < 2; i++) {
        for (int steps = 0; steps < 5; steps++)
            assert(write(out, "producer\n", 9) == 9);
        pthread_mutex_lock(&lock);
        items++;
        pthread_mutex_unlock(&lock);
        pthread_cond_signal(&not_empty);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    out = open("/dev/null", O_WRONLY);
    pthread_create(&threads[0], 0, produce, 0);
    pthread_create(&threads[1], 0, consume, 0);
    pthread_create(&threads[2], 0, consume, 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], 0);
    return 0;
}
