/* double-checked init: that it is done is told before it is done. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int initialised, limit;
static int out;

static void initialise(void)
{
    if (initialised)
        return;
    pthread_mutex_lock(&lock);
    if (!initialised) {
        initialised = 1;
        assert(write(out, "initialising\n", 13) == 13);
        limit = 10;
    }
    pthread_mutex_unlock(&lock);
}

static void *use(void *unused)
{
    for (int i = 0; i < 2; i++) {
        initialise();
        assert(limit == 10);
        assert(write(out, "using\n", 6) == 6);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    out = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, use, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    return 0;
}
