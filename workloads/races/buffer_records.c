/* bounded buffer: a record is written to a pipe in two calls, and somebody else's comes between. */
#include <assert.h>
#include <pthread.h>
#include <unistd.h>

static int ends[2];

static void *send_records(void *name)
{
    for (int i = 0; i < 3; i++) {
        assert(write(ends[1], name, 1) == 1);
        assert(write(ends[1], name, 1) == 1);
    }
    return 0;
}

int main(void)
{
    pthread_t threads[2];
    char record[2];
    assert(pipe(ends) == 0);
    pthread_create(&threads[0], 0, send_records, "a");
    pthread_create(&threads[1], 0, send_records, "b");
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    for (int i = 0; i < 6; i++) {
        assert(read(ends[0], record, 2) == 2);
        assert(record[0] == record[1]);
    }
    return 0;
}
