/* atomicity: the queue is seen not to be empty in one hold of the lock, and used in another. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int length = 3, out;

static int is_empty(void)
{
    pthread_mutex_lock(&lock);
    int empty = length == 0;
    pthread_mutex_unlock(&lock);
    return empty;
}

static void *consume(void *unused)
{
    while (!is_empty()) {
        assert(write(out, "taking one\n", 11) == 11);
        pthread_mutex_lock(&lock);
        assert(length > 0);
        length--;
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    out = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, consume, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    return 0;
}
