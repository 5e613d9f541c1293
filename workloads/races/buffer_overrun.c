/* bounded buffer: two producers both see the last free place. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define PLACES 5

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int used;
static int out;

static void *produce(void *unused)
{
    while (used < PLACES) {
        assert(write(out, "a place is free\n", 16) == 16);
        pthread_mutex_lock(&lock);
        used++;
        assert(used <= PLACES);
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    out = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, produce, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    return 0;
}
