/* order: main ends when it is ready itself, and takes it that the writer has long been. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static volatile int flushed;
static int out;

static void *flush(void *unused)
{
    for (int i = 0; i < 5; i++)
        assert(write(out, "record\n", 7) == 7);
    flushed = 1;
    return unused;
}

int main(void)
{
    pthread_t writer;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&writer, 0, flush, 0);
    pthread_detach(writer);
    for (int i = 0; i < 30; i++)
        assert(write(out, "other work\n", 11) == 11);
    _exit(!flushed);
}
