/* deadlock: two readers of a home-made lock both want to write, and wait for each other to go. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int readers, out;

static void add_readers(int change)
{
    pthread_mutex_lock(&lock);
    readers += change;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void upgrade(void)
{
    pthread_mutex_lock(&lock);
    while (readers > 1)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void *update(void *unused)
{
    add_readers(1);
    if (write(out, "looking\n", 8) == 8)
        upgrade();
    add_readers(-1);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    out = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, update, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    return 0;
}
