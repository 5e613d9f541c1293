/* bounded buffer: one condition for "full" and "empty": a signal may wake one of its own kind. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int filled, out; /* one place */

static void move(int from, int to)
{
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&lock);
        while (filled != from)
            pthread_cond_wait(&changed, &lock);
        filled = to;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&lock);
        if (write(out, "moved\n", 6) != 6)
            _exit(2);
    }
}

static void *produce(void *unused)
{
    move(0, 1);
    return unused;
}

static void *consume(void *unused)
{
    move(1, 0);
    return unused;
}

int main(void)
{
    pthread_t threads[4];
    out = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], 0, i % 2 ? consume : produce, 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], 0);
    return 0;
}
