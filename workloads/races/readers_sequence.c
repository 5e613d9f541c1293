/* readers and writers: of a sequence lock the reader looks at the number before, and not after. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static volatile unsigned sequence;
static volatile int left = 5, right = 5;
static int out;

static void *shift(void *unused)
{
    for (int i = 0; i < 3; i++) {
        sequence++;
        left--;
        assert(write(out, "shifting\n", 9) == 9);
        right++;
        sequence++;
    }
    return unused;
}

static void *sum(void *unused)
{
    for (int i = 0; i < 3; i++) {
        while (sequence % 2)
            assert(write(out, "busy\n", 5) == 5);
        int seen = left;
        assert(write(out, "summing\n", 8) == 8);
        assert(seen + right == 10);
    }
    return unused;
}

int main(void)
{
    pthread_t writer, reader;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&writer, 0, shift, 0);
    pthread_create(&reader, 0, sum, 0);
    pthread_join(writer, 0);
    pthread_join(reader, 0);
    return 0;
}
