/* order: the worker is started before what it works with is there. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static const char *volatile host;
static char name[64];

static void *serve(void *unused)
{
    int out = open("/dev/null", O_WRONLY);
    assert(write(out, "serving\n", 8) == 8);
    assert(host);
    return unused;
}

int main(void)
{
    pthread_t server;
    pthread_create(&server, 0, serve, 0);
    int file = open("/proc/sys/kernel/hostname", O_RDONLY);
    if (read(file, name, sizeof name - 1) > 0)
        host = name;
    close(file);
    pthread_join(server, 0);
    return 0;
}
