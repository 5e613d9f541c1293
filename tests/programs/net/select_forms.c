/* select: the three sets, closed numbers, numbers beyond n, time left, large sets. */
#include "net.h"
#include <sys/resource.h>
#include <sys/select.h>

static const struct timeval at_once = {0, 0};

static int look(int n, fd_set *in, fd_set *out, fd_set *err)
{
    struct timeval t = at_once;
    return select(n, in, out, err, &t);
}

static fd_set set_of(int a, int b)
{
    fd_set s;
    FD_ZERO(&s);
    FD_SET(a, &s);
    if (b >= 0)
        FD_SET(b, &s);
    return s;
}

static void sets(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    fd_set in = set_of(ends[0], ends[1]), out = set_of(ends[0], ends[1]), err = set_of(ends[0], ends[1]);
    int n = (ends[0] > ends[1] ? ends[0] : ends[1]) + 1;
    CHECK_EQ(look(n, &in, &out, &err), 1);
    CHECK(!FD_ISSET(ends[0], &in) && !FD_ISSET(ends[1], &in));
    CHECK(!FD_ISSET(ends[0], &out) && FD_ISSET(ends[1], &out));
    CHECK(!FD_ISSET(ends[0], &err) && !FD_ISSET(ends[1], &err));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    in = set_of(ends[0], -1), out = set_of(ends[1], -1);
    CHECK_EQ(look(n, &in, &out, 0), 2);
    in = set_of(ends[0], -1);
    CHECK_EQ(look(ends[0], &in, 0, 0), 0); /* n is one more than the highest */
    in = set_of(ends[0], 700);
    CHECK_EQ(look(n, &in, 0, 0), 1);
    CHECK(FD_ISSET(700, &in)); /* what lies beyond n's word is not touched */
    CHECK_EQ(look(n, 0, 0, 0), 0);
    close(ends[0]); /* a broken pipe: readable and writable */
    in = set_of(ends[1], -1), out = set_of(ends[1], -1), err = set_of(ends[1], -1);
    CHECK_EQ(look(n, &in, &out, &err), 2);
    CHECK(FD_ISSET(ends[1], &in) && FD_ISSET(ends[1], &out) && !FD_ISSET(ends[1], &err));
    close(ends[1]);
}

static void ends_are_readable(void)
{
    int fds[2], ends[2];
    CHECK_EQ(pipe(ends), 0);
    close(ends[1]);
    fd_set in = set_of(ends[0], -1);
    CHECK_EQ(look(ends[0] + 1, &in, 0, 0), 1); /* the end of a pipe */
    close(ends[0]);
    tcp_pair(fds);
    CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
    wait_for(fds[0], POLLIN);
    in = set_of(fds[0], -1);
    CHECK_EQ(look(fds[0] + 1, &in, 0, 0), 1);
    close(fds[0]), close(fds[1]);
}

static void errors(void)
{
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    fd_set in = set_of(ends[0], 50); /* 50 is closed, but below 64: the least table has room for it */
    CHECK_ERRNO(look(51, &in, 0, 0), EBADF);
    CHECK(FD_ISSET(ends[0], &in) && FD_ISSET(50, &in)); /* untouched by an error */
    CHECK_EQ(look(50, &in, 0, 0), 0); /* not looked at */
    CHECK_ERRNO(look(-1, &in, 0, 0), EINVAL);
    in = set_of(ends[0], -1);
    CHECK_ERRNO(look(ends[0] + 1, nowhere, 0, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_select, 1, 0, 0, 0, nowhere), EFAULT);
    close(ends[0]), close(ends[1]);
}

/* Numbers beyond 1024: the kernel takes sets of any size. */
static void large(void)
{
    struct rlimit r;
    static fd_set sets[2];
    int ends[2];
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &r), 0);
    if (r.rlim_max < 2000)
        return;
    r.rlim_cur = 2000;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &r), 0);
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(dup2(ends[0], 1500), 1500);
    ((char *)sets)[1500 / 8] |= (char)(1 << 1500 % 8);
    struct timeval t = {0, 1000};
    CHECK_EQ(syscall(SYS_select, 1501, sets, 0, 0, &t), 0);
    CHECK_EQ(((char *)sets)[1500 / 8], 0);
    ((char *)sets)[1500 / 8] |= (char)(1 << 1500 % 8);
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(syscall(SYS_select, 1501, sets, 0, 0, 0), 1);
    CHECK_EQ((unsigned char)((char *)sets)[1500 / 8], 1 << 1500 % 8);
    close(1500), close(ends[0]), close(ends[1]);
}

static void sleeps(void)
{
    int ends[2], status;
    CHECK_EQ(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(write(ends[1], "x", 1) != 1);
    }
    fd_set in = set_of(ends[0], -1);
    CHECK_EQ(select(ends[0] + 1, &in, 0, 0, 0), 1);
    CHECK(FD_ISSET(ends[0], &in));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(ends[0]), close(ends[1]);
}

int main(void)
{
    sets();
    ends_are_readable();
    errors();
    large();
    sleeps();
    return finish();
}
