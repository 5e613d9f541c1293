/* barrier: it is used again before all have left it; a late one finds the next round's count. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define THREADS 3

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static int arrived, out;

static void wait_for_all(void)
{
    pthread_mutex_lock(&lock);
    if (++arrived == THREADS) {
        arrived = 0;
        pthread_cond_broadcast(&all_here);
    } else {
        while (arrived)
            pthread_cond_wait(&all_here, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void *work(void *unused)
{
    for (int phase = 0; phase < 2; phase++) {
        if (write(out, "phase\n", 6) != 6)
            _exit(2);
        wait_for_all();
    }
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    out = open("/dev/null", O_WRONLY);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], 0, work, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], 0);
    return 0;
}
