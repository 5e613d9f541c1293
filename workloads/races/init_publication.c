/* publication: the pointer is out before what it points to is filled in from its file. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

struct settings {
    volatile int loaded;
    char text[32];
};

static struct settings only;
static struct settings *volatile settings;

static void *load(void *unused)
{
    settings = &only;
    int file = open("/proc/sys/kernel/ostype", O_RDONLY);
    assert(read(file, only.text, sizeof only.text) > 0);
    only.loaded = 1;
    return unused;
}

static void *serve(void *unused)
{
    for (int request = 0; request < 10; request++) {
        if (settings)
            assert(settings->loaded);
        assert(access("/dev/null", R_OK) == 0);
    }
    return unused;
}

int main(void)
{
    pthread_t loader, server;
    pthread_create(&loader, 0, load, 0);
    pthread_create(&server, 0, serve, 0);
    pthread_join(loader, 0);
    pthread_join(server, 0);
    return 0;
}
