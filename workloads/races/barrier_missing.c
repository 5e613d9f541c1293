/* barrier: between the phases there is none; a cell is read before its owner has written it. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define CELLS 3

static volatile int cells[CELLS];
static int out;

static void *compute(void *number)
{
    long mine = (long)number;
    for (int i = 0; i < 2; i++)
        assert(write(out, "phase 1\n", 8) == 8);
    cells[mine] = 1;
    for (int i = 0; i < 8; i++)
        assert(write(out, "phase 2\n", 8) == 8);
    assert(cells[(mine + 1) % CELLS] == 1);
    return 0;
}

int main(void)
{
    pthread_t threads[CELLS];
    out = open("/dev/null", O_WRONLY);
    for (long i = 0; i < CELLS; i++)
        pthread_create(&threads[i], 0, compute, (void *)i);
    for (long i = 0; i < CELLS; i++)
        pthread_join(threads[i], 0);
    return 0;
}
