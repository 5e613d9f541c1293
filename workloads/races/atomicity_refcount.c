/* atomicity: two owners give up their references by a load and a store: none, or both, free it. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static volatile int references = 2, freed;
static int trace;

static void *release(void *unused)
{
    int left = references - 1;
    assert(write(trace, "release\n", 8) == 8);
    references = left;
    if (left == 0)
        freed++;
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    trace = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, release, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    return freed != 1;
}
