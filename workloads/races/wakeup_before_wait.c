/* lost wake-up: the condition may be signalled before anybody waits; nothing else tells of it. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static int out;

static void *work(void *unused)
{
    for (int i = 0; i < 15; i++)
        if (write(out, "working\n", 8) != 8)
            _exit(2);
    pthread_mutex_lock(&lock);
    pthread_cond_signal(&done);
    pthread_mutex_unlock(&lock);
    return unused;
}

int main(void)
{
    pthread_t worker;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&worker, 0, work, 0);
    if (write(out, "waiting\n", 8) != 8)
        return 2;
    pthread_mutex_lock(&lock);
    pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
    pthread_join(worker, 0);
    return 0;
}
