/* readers and writers: the count of readers loses one, and a writer comes while somebody reads. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static volatile int readers, inside;
static int out;

static void *read_it(void *unused)
{
    int seen = readers;
    assert(write(out, "reader\n", 7) == 7);
    readers = seen + 1;
    __atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3; i++)
        assert(write(out, "reading\n", 8) == 8);
    __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&readers, 1, __ATOMIC_SEQ_CST);
    return unused;
}

static void *write_it(void *unused)
{
    for (int i = 0; i < 6; i++) {
        if (readers == 0)
            assert(inside == 0);
        assert(write(out, "writer\n", 7) == 7);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    out = open("/dev/null", O_WRONLY);
    pthread_create(&threads[0], 0, read_it, 0);
    pthread_create(&threads[1], 0, read_it, 0);
    pthread_create(&threads[2], 0, write_it, 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], 0);
    return 0;
}
