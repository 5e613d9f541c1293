/* atomicity: a counter in a file is read, raised and written back without a lock. */
#define _GNU_SOURCE
#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static int file;

static void *count(void *unused)
{
    for (int i = 0, value; i < 5; i++) {
        assert(pread(file, &value, sizeof value, 0) == sizeof value);
        value++;
        assert(pwrite(file, &value, sizeof value, 0) == sizeof value);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    int value = 0;
    file = memfd_create("counter", 0);
    assert(pwrite(file, &value, sizeof value, 0) == sizeof value);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, count, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    assert(pread(file, &value, sizeof value, 0) == sizeof value);
    return value != 10;
}
