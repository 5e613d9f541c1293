/* atomicity: the next free id is read and raised in two steps; of six, two are the same. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

static volatile int next_id;
static int used[6], out;

static void *take(void *unused)
{
    for (int i = 0; i < 2; i++) {
        int id = next_id;
        dprintf(out, "took %d\n", id);
        next_id = id + 1;
        assert(__atomic_fetch_add(&used[id], 1, __ATOMIC_SEQ_CST) == 0);
        dprintf(out, "uses %d\n", id);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    out = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], 0, take, 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], 0);
    return 0;
}
