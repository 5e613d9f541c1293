/* lost wake-up: the flag is looked at without the lock; it is set and told just before the wait. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static volatile int ready;
static int out;

static void *prepare(void *unused)
{
    for (int i = 0; i < 5; i++)
        if (write(out, "preparing\n", 10) != 10)
            _exit(2);
    ready = 1;
    pthread_mutex_lock(&lock);
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    return unused;
}

int main(void)
{
    pthread_t other;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&other, 0, prepare, 0);
    if (!ready) {
        if (write(out, "not ready\n", 10) != 10)
            return 2;
        pthread_mutex_lock(&lock);
        pthread_cond_wait(&changed, &lock);
        pthread_mutex_unlock(&lock);
    }
    pthread_join(other, 0);
    return 0;
}
