/* poll: files and devices, numbers that are closed or negative, many, the same twice, errors. */
#include "net.h"
#include <sys/resource.h>

static void always_ready(void)
{
    int file = open("poll.file", O_RDWR | O_CREAT | O_TRUNC, 0600), dir = open(".", O_RDONLY);
    int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY);
    CHECK_EQ(poll_now(file), POLLIN | POLLOUT); /* at its end, too */
    CHECK_EQ(poll_now(dir), POLLIN | POLLOUT);
    CHECK_EQ(poll_now(null), POLLIN | POLLOUT);
    CHECK_EQ(poll_now(zero), POLLIN | POLLOUT);
    CHECK_EQ(poll_ms(file, POLLPRI, 5), 0);
    CHECK_EQ(poll_ms(file, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM, 0),
             POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
    close(file), close(dir), close(null), close(zero), unlink("poll.file");
}

static void numbers(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    struct pollfd p[6] = {{-1, POLLIN, 77}, {99, POLLIN, 77},         {ends[1], POLLOUT, 77},
                          {-99, 0, 77},     {ends[0], POLLIN, 77}, {ends[1], POLLOUT, 77}};
    CHECK_EQ(poll(p, 6, -1), 3);
    CHECK_EQ(p[0].revents, 0); /* negative: passed over */
    CHECK_EQ(p[1].revents, POLLNVAL);
    CHECK_EQ(p[2].revents, POLLOUT);
    CHECK_EQ(p[3].revents, 0);
    CHECK_EQ(p[4].revents, 0);
    CHECK_EQ(p[5].revents, POLLOUT); /* the same one again */
    CHECK_EQ(p[1].events, POLLIN);
    CHECK_EQ(poll_ms(99, 0, -1), POLLNVAL);
    int path = open(".", O_PATH);
    CHECK_EQ(poll_ms(path, POLLIN, 0), POLLNVAL);
    close(path), close(ends[0]), close(ends[1]);
}

static void many(void)
{
    enum { COUNT = 400 };
    static struct pollfd p[COUNT * 2];
    static int pipes[COUNT][2];
    for (int i = 0; i < COUNT; i++) {
        CHECK_EQ(pipe(pipes[i]), 0);
        p[2 * i] = (struct pollfd){pipes[i][0], POLLIN, 0};
        p[2 * i + 1] = (struct pollfd){pipes[i][1], 0, 0};
    }
    CHECK_EQ(poll(p, COUNT * 2, 0), 0);
    CHECK_EQ(write(pipes[COUNT - 1][1], "x", 1), 1);
    CHECK_EQ(write(pipes[7][1], "x", 1), 1);
    CHECK_EQ(poll(p, COUNT * 2, -1), 2);
    CHECK_EQ(p[14].revents, POLLIN);
    CHECK_EQ(p[2 * COUNT - 2].revents, POLLIN);
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(write(pipes[COUNT / 2][1], "x", 1) != 1);
    }
    p[14].fd = p[2 * COUNT - 2].fd = -1;
    CHECK_EQ(poll(p, COUNT * 2, -1), 1); /* asleep on all of them */
    CHECK_EQ(p[COUNT].revents, POLLIN);
    CHECK_EQ(waitpid(child, 0, 0), child);
    for (int i = 0; i < COUNT; i++)
        close(pipes[i][0]), close(pipes[i][1]);
}

static void errors(void)
{
    struct rlimit was, now;
    static struct pollfd p[65];
    CHECK_ERRNO(poll(nowhere, 1, 0), EFAULT);
    CHECK_EQ(poll(nowhere, 0, 0), 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
    now = was;
    now.rlim_cur = 64;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &now), 0);
    CHECK_ERRNO(poll(p, 65, 0), EINVAL); /* more than there can be */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
}

int main(void)
{
    always_ready();
    numbers();
    many();
    errors();
    return finish();
}
