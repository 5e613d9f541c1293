/* deadlock: who waits for the news holds a lock that its bringer takes first. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER, inner = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static int ready, out;

static void *bring(void *unused)
{
    for (int i = 0; i < 3; i++)
        if (write(out, "getting ready\n", 14) != 14)
            return unused;
    pthread_mutex_lock(&outer);
    pthread_mutex_lock(&inner);
    ready = 1;
    pthread_cond_signal(&news);
    pthread_mutex_unlock(&inner);
    pthread_mutex_unlock(&outer);
    return unused;
}

static void *await(void *unused)
{
    pthread_mutex_lock(&outer);
    pthread_mutex_lock(&inner);
    while (!ready)
        pthread_cond_wait(&news, &inner);
    pthread_mutex_unlock(&inner);
    pthread_mutex_unlock(&outer);
    return unused;
}

int main(void)
{
    pthread_t bringer, waiter;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&bringer, 0, bring, 0);
    pthread_create(&waiter, 0, await, 0);
    pthread_join(bringer, 0);
    pthread_join(waiter, 0);
    return 0;
}
