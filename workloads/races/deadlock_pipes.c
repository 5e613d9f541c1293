/* deadlock: both ends look for a message, find none and send a long one; neither reads any more. */
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define BYTES (128 * 1024)

static int there[2], back[2];

static void transfer(int fd, ssize_t (*move)(int, void *, size_t))
{
    char part[4096];
    for (long left = BYTES; left > 0;) {
        ssize_t n = move(fd, part, sizeof part);
        if (n <= 0)
            _exit(2);
        left -= n;
    }
}

static ssize_t send_part(int fd, void *part, size_t bytes) { return write(fd, part, bytes); }

static void talk(int in, int out)
{
    struct pollfd news = {in, POLLIN, 0};
    int listens = poll(&news, 1, 0) == 1;
    if (listens)
        transfer(in, read);
    transfer(out, send_part);
    if (!listens)
        transfer(in, read);
}

static void *other(void *unused)
{
    talk(there[0], back[1]);
    return unused;
}

int main(void)
{
    pthread_t thread;
    if (pipe(there) || pipe(back))
        return 2;
    pthread_create(&thread, 0, other, 0);
    talk(back[0], there[1]);
    pthread_join(thread, 0);
    return 0;
}
