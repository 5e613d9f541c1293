/* atomicity: a file that was not there is created as if it still were not. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[] = "race-XXXXXX", path[64];

static void *ensure(void *unused)
{
    if (access(path, F_OK)) {
        int file = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
        if (file < 0)
            abort();
        close(file);
    }
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/lock", directory);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, ensure, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    unlink(path);
    return rmdir(directory) != 0;
}
