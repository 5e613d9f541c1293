/* atomicity: two values that belong together are set in two holds of the lock. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int width = 1, height = 1, out;

static void set(int *field, int value)
{
    pthread_mutex_lock(&lock);
    *field = value;
    pthread_mutex_unlock(&lock);
}

static void *resize(void *unused)
{
    for (int size = 2; size < 5; size++) {
        set(&width, size);
        assert(write(out, "resize\n", 7) == 7);
        set(&height, size);
    }
    return unused;
}

static void *draw(void *unused)
{
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&lock);
        assert(width == height);
        pthread_mutex_unlock(&lock);
        assert(write(out, "draw\n", 5) == 5);
    }
    return unused;
}

int main(void)
{
    pthread_t resizer, drawer;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&resizer, 0, resize, 0);
    pthread_create(&drawer, 0, draw, 0);
    pthread_join(resizer, 0);
    pthread_join(drawer, 0);
    return 0;
}
