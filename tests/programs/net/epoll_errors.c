/* What epoll_create, epoll_ctl and epoll_wait refuse. */
#include "epolls.h"
#include <sys/eventfd.h>

int main(void)
{
    struct epoll_event e[4] = {{EPOLLIN, {0}}};
    int ep = epoll_create1(0), ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_ERRNO(epoll_create(0), EINVAL);
    CHECK_ERRNO(epoll_create(-1), EINVAL);
    CHECK_ERRNO(epoll_create1(1), EINVAL);
    int old = epoll_create(1);
    CHECK(old >= 0);
    close(old);
    watch(ep, ends[0], EPOLLIN, 0);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN, 0), EEXIST);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_MOD, ends[1], EPOLLIN, 0), ENOENT);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_DEL, ends[1], EPOLLIN, 0), ENOENT);
    CHECK_ERRNO(ctl(ep, 77, ends[0], EPOLLIN, 0), EINVAL);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, 99, EPOLLIN, 0), EBADF);
    CHECK_ERRNO(ctl(99, EPOLL_CTL_ADD, ends[0], EPOLLIN, 0), EBADF);
    CHECK_ERRNO(ctl(-1, EPOLL_CTL_ADD, ends[0], EPOLLIN, 0), EBADF);
    CHECK_ERRNO(ctl(ends[0], EPOLL_CTL_ADD, ends[1], EPOLLIN, 0), EINVAL); /* no epoll */
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0), EINVAL);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_ADD, ends[1], nowhere), EFAULT);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], nowhere), EFAULT);
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_DEL, ends[0], nowhere), 0); /* not looked at */
    int file = open("plain.file", O_RDWR | O_CREAT, 0600), dir = open(".", O_RDONLY);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, file, EPOLLIN, 0), EPERM);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, dir, EPOLLIN, 0), EPERM);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_MOD, file, EPOLLIN, 0), EPERM);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_DEL, file, EPOLLIN, 0), EPERM);
    unlink("plain.file");
    int null = open("/dev/null", O_RDWR), path = open(".", O_PATH);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, null, EPOLLIN, 0), EPERM);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, path, EPOLLIN, 0), EBADF);
    const volatile int counts[] = {0, -1, 0x10000000};
    for (int i = 0; i < 3; i++)
        CHECK_ERRNO(epoll_wait(ep, e, counts[i], 0), EINVAL);
    CHECK_ERRNO(epoll_wait(99, e, 4, 0), EBADF);
    CHECK_ERRNO(epoll_wait(ends[0], e, 4, 0), EINVAL);
    CHECK_EQ(epoll_wait(ep, nowhere, 4, 0), 0); /* nothing to write there */
    int counter = eventfd(1, 0);
    watch(ep, counter, EPOLLIN, 0);
    CHECK_ERRNO(epoll_wait(ep, nowhere, 4, 0), EFAULT);
    CHECK_EQ(epoll_wait(ep, e, 4, 0), 1); /* it was not lost by that */
    char byte;
    CHECK_ERRNO(read(ep, &byte, 1), EINVAL);
    CHECK_ERRNO(write(ep, &byte, 1), EINVAL);
    CHECK_EQ(fcntl(ep, F_GETFL), O_RDWR);
    return finish();
}
