/* What an epoll watches is a file under a number: dup, close, the same number anew, fork, exec. */
#include "epolls.h"

static void closed_number(void)
{
    int ends[2], ep = epoll_create1(0);
    unsigned long data;
    CHECK_EQ(pipe(ends), 0);
    int copy = dup(ends[0]), number = ends[0];
    watch(ep, ends[0], EPOLLIN, 1);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    close(ends[0]); /* the file lives by its copy: it is still watched */
    CHECK_EQ(next_event(ep, &data, 0), EPOLLIN);
    CHECK_EQ(data, 1);
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, number, 0), EBADF); /* and cannot be taken out */
    CHECK_ERRNO(epoll_ctl(ep, EPOLL_CTL_DEL, copy, 0), ENOENT);
    CHECK_EQ(dup2(copy, number), number); /* the same file under the same number: now it can */
    unwatch(ep, number);
    CHECK_EQ(event_now(ep), 0);
    close(number), close(copy), close(ends[1]), close(ep);
}

/* One file under two numbers is two entries. */
static void two_numbers(void)
{
    int ends[2], ep = epoll_create1(0);
    unsigned long data[4];
    CHECK_EQ(pipe(ends), 0);
    int copy = dup(ends[0]);
    watch(ep, ends[0], EPOLLIN, 1);
    watch(ep, copy, EPOLLIN, 2);
    CHECK_ERRNO(ctl(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 3), EEXIST);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(ready_now(ep, data, 4), 2);
    CHECK_EQ(data[0] + data[1], 3);
    close(copy);
    CHECK_EQ(ready_now(ep, data, 4), 2); /* both still: the file lives */
    close(ends[0]);
    CHECK_EQ(ready_now(ep, data, 4), 0);
    close(ends[1]), close(ep);
}

/* The number is used anew for another file: the old entry stays apart from it. */
static void number_anew(void)
{
    int one[2], two[2], ep = epoll_create1(0);
    unsigned long data[4];
    CHECK_EQ(pipe(one), 0);
    CHECK_EQ(pipe(two), 0);
    int copy = dup(one[0]), number = one[0];
    watch(ep, number, EPOLLIN, 1);
    CHECK_EQ(dup2(two[0], number), number);
    watch(ep, number, EPOLLIN, 2); /* no EEXIST: another file */
    CHECK_EQ(write(one[1], "1", 1), 1);
    CHECK_EQ(ready_now(ep, data, 4), 1);
    CHECK_EQ(data[0], 1);
    CHECK_EQ(write(two[1], "2", 1), 1);
    CHECK_EQ(ready_now(ep, data, 4), 2);
    unwatch(ep, number);
    CHECK_EQ(ready_now(ep, data, 4), 1);
    CHECK_EQ(data[0], 1);
    close(copy);
    CHECK_EQ(ready_now(ep, data, 4), 0);
    close(number), close(one[1]), close(two[0]), close(two[1]), close(ep);
}

/* The epoll itself by dup: one set. */
static void epoll_dup(void)
{
    int ends[2], ep = epoll_create1(0), copy = dup(ep);
    CHECK_EQ(pipe(ends), 0);
    watch(ep, ends[0], EPOLLIN, 1);
    CHECK_ERRNO(ctl(copy, EPOLL_CTL_ADD, ends[0], EPOLLIN, 1), EEXIST);
    close(ep);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(event_now(copy), EPOLLIN);
    close(copy), close(ends[0]), close(ends[1]);
}

/* A fork shares the set. The child's close ends nothing; its ADD is seen by the parent. */
static void forked(void)
{
    int ends[2], ep = epoll_create1(0), status;
    unsigned long data;
    CHECK_EQ(pipe(ends), 0);
    watch(ep, ends[0], EPOLLIN, 1);
    IN_CHILD(status, close(ends[0]); CHECK_EQ(write(ends[1], "x", 1), 1);
             CHECK_EQ(event_now(ep), EPOLLIN)); /* its own number is closed: it is told nevertheless */
    CHECK_EQ(status, 0);
    CHECK_EQ(event_now(ep), EPOLLIN);
    char byte;
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    IN_CHILD(status, int own[2]; CHECK_EQ(pipe(own), 0); CHECK_EQ(write(own[1], "y", 1), 1);
             watch(ep, own[0], EPOLLIN, 5); CHECK_EQ(next_event(ep, &data, 0), EPOLLIN);
             CHECK_EQ(data, 5));
    CHECK_EQ(status, 0);
    CHECK_EQ(event_now(ep), 0); /* the child is dead, and with it its pipe */
    close(ends[0]), close(ends[1]), close(ep);
}

/* The parent closes what the child still has: reported to the parent, by a number it has not. */
static void alive_elsewhere(void)
{
    int fds[2], ep = epoll_create1(0), go[2], status;
    char byte;
    tcp_pair(fds);
    CHECK_EQ(pipe(go), 0);
    watch(ep, fds[0], EPOLLIN, 77);
    pid_t child = fork();
    if (!child) {
        close(go[1]);
        _exit(read(go[0], &byte, 1) != 0); /* holds fds[0] until then */
    }
    close(fds[0]);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    unsigned long data;
    CHECK_EQ(next_event(ep, &data, PATIENCE_MS), EPOLLIN);
    CHECK_EQ(data, 77);
    close(go[1]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(event_now(ep), 0); /* now nobody has it */
    close(fds[1]), close(ep), close(go[0]);
}

int main(void)
{
    closed_number();
    two_numbers();
    number_anew();
    epoll_dup();
    forked();
    alive_elsewhere();
    return finish();
}
