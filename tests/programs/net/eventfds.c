/* eventfd: counter and semaphore, its limits, blocking both ways, what poll and epoll say. */
#include "epolls.h"
#include <sys/eventfd.h>

#define MOST 0xfffffffffffffffeul

static uint64_t take(int fd)
{
    uint64_t value = 0;
    CHECK_EQ(read(fd, &value, 8), 8);
    return value;
}

static ssize_t put(int fd, uint64_t value) { return write(fd, &value, 8); }

static void counter(void)
{
    int fd = eventfd(5, EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t value;
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_EQ(take(fd), 5);
    CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
    CHECK_EQ(poll_now(fd), POLLOUT);
    CHECK_EQ(put(fd, 3), 8);
    CHECK_EQ(put(fd, 4), 8);
    CHECK_EQ(poll_now(fd), POLLIN | POLLOUT);
    CHECK_EQ(take(fd), 7);
    CHECK_EQ(put(fd, 0), 8); /* nothing added */
    CHECK_EQ(poll_now(fd), POLLOUT);
    CHECK_ERRNO(put(fd, ~0ul), EINVAL);
    CHECK_EQ(put(fd, MOST), 8);
    CHECK_EQ(poll_now(fd), POLLIN); /* full */
    CHECK_ERRNO(put(fd, 1), EAGAIN);
    CHECK_EQ(put(fd, 0), 8);
    CHECK_EQ(take(fd), MOST);
    char large[16];
    CHECK_ERRNO(read(fd, &value, 4), EINVAL);
    CHECK_ERRNO(write(fd, &value, 4), EINVAL);
    CHECK_EQ(put(fd, 2), 8);
    CHECK_EQ(read(fd, large, sizeof large), 8);
    CHECK_ERRNO(pread(fd, &value, 8, 0), ESPIPE);
    close(fd);
    CHECK_ERRNO(eventfd(0, 0x1000), EINVAL);
}

static void semaphore(void)
{
    int fd = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
    uint64_t value;
    for (int i = 0; i < 3; i++)
        CHECK_EQ(take(fd), 1);
    CHECK_ERRNO(read(fd, &value, 8), EAGAIN);
    CHECK_EQ(put(fd, 2), 8);
    CHECK_EQ(take(fd), 1);
    CHECK_EQ(poll_now(fd), POLLIN | POLLOUT);
    CHECK_EQ(take(fd), 1);
    CHECK_EQ(poll_now(fd), POLLOUT);
    close(fd);
}

/* Readers wait for a value; writers for room. */
static void blocking(void)
{
    int fd = eventfd(0, 0), status;
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        CHECK_EQ(put(fd, 9), 8);
        sleep_ms(20);
        CHECK_EQ(take(fd), MOST); /* makes room for the parent */
        _exit(check_failures != 0);
    }
    CHECK_EQ(take(fd), 9);
    CHECK_EQ(put(fd, MOST), 8);
    CHECK_EQ(put(fd, 5), 8); /* waits for the child */
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(take(fd), 5);
    close(fd);
}

/* Semaphore's readers, several: each unit wakes one. */
static void many_readers(void)
{
    enum { READERS = 4 };
    int fd = eventfd(0, EFD_SEMAPHORE), done[2];
    char byte;
    CHECK_EQ(pipe(done), 0);
    for (int i = 0; i < READERS; i++)
        if (fork() == 0) {
            CHECK_EQ(take(fd), 1);
            _exit(write(done[1], "d", 1) != 1);
        }
    for (int i = 0; i < READERS; i++) {
        CHECK_EQ(put(fd, 1), 8);
        CHECK_EQ(read(done[0], &byte, 1), 1);
    }
    set_nonblocking(done[0], 1);
    CHECK_ERRNO(read(done[0], &byte, 1), EAGAIN);
    for (int i = 0; i < READERS; i++) {
        int status;
        CHECK(waitpid(-1, &status, 0) > 0);
        CHECK_EQ(status, 0);
    }
    close(fd), close(done[0]), close(done[1]);
}

/* In an epoll, edge-triggered: each write is news. */
static void edges(void)
{
    int fd = eventfd(0, EFD_NONBLOCK), ep = epoll_create1(0);
    watch(ep, fd, EPOLLIN | EPOLLET, 0);
    CHECK(nothing_for(ep, 0));
    CHECK_EQ(put(fd, 1), 8);
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(put(fd, 1), 8); /* not read in between */
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(take(fd), 2);
    CHECK_EQ(event_now(ep), 0);
    rewatch(ep, fd, EPOLLOUT | EPOLLET, 0);
    CHECK_EQ(event_now(ep), EPOLLOUT);
    CHECK_EQ(put(fd, MOST), 8);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(take(fd), MOST);
    CHECK_EQ(event_now(ep), EPOLLOUT);
    close(fd), close(ep);
}

int main(void)
{
    counter();
    semaphore();
    blocking();
    many_readers();
    edges();
    return finish();
}
