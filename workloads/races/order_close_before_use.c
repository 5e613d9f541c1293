/* order: main closes the connection when it has nothing more to say; the writer may have. */
#include <assert.h>
#include <pthread.h>
#include <unistd.h>

static int ends[2];

static void *talk(void *unused)
{
    for (int i = 0; i < 10; i++)
        assert(write(ends[1], "x", 1) == 1);
    return unused;
}

int main(void)
{
    pthread_t talker;
    char seen[64];
    int got = 0;
    assert(pipe(ends) == 0);
    pthread_create(&talker, 0, talk, 0);
    for (int i = 0; i < 20; i++)
        assert(write(ends[1], "y", 1) == 1);
    close(ends[1]);
    pthread_join(talker, 0);
    while (got < 30) {
        ssize_t n = read(ends[0], seen, sizeof seen);
        assert(n > 0);
        got += (int)n;
    }
    return 0;
}
