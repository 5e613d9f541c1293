/* order: the handler is registered after the source was started, which is slow to start; mostly. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static void (*volatile handler)(void);
static volatile int handled;

static void handle(void) { handled++; }

static void *emit(void *unused)
{
    char line[64];
    int settings = open("/proc/self/status", O_RDONLY);
    for (int i = 0; i < 12; i++)
        if (read(settings, line, 32) < 0)
            return unused;
    close(settings);
    if (handler)
        handler();
    return unused;
}

int main(void)
{
    pthread_t source;
    pthread_create(&source, 0, emit, 0);
    if (access("/etc/passwd", R_OK))
        return 2;
    handler = handle;
    pthread_join(source, 0);
    return handled != 1;
}
