/* pidfd_getfd: another process's descriptor, whatever it is, works as its own does. */
#include "unix.h"
#include <sys/eventfd.h>
#include <sys/prctl.h>

static int pidfd_of(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }
static int get(int pidfd, int fd) { return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0); }

int main(void)
{
    int p[2], t[2], ready[2], go[2];
    char text[8];
    pid_t pid;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    CHECK_EQ(pipe(ready), 0);
    CHECK_EQ(pipe(go), 0);
    CHILD(pid, close(ready[0]); prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0); CHECK_EQ(pipe(p), 0); tcp_pair(t);
          int e = eventfd(0, 0); int numbers[4] = {p[0], p[1], t[1], e}; uint64_t v;
          CHECK_EQ(write(ready[1], numbers, sizeof numbers), sizeof numbers);
          CHECK_EQ(read(go[0], text, 1), 1); close(p[1]); close(t[1]); /* only the other process has these ends now */
          CHECK_EQ(read(p[0], text, 8), 5); CHECK_EQ(read(p[0], text, 8), 0);
          CHECK_EQ(read_all(t[0], text, 3), 3); CHECK_EQ(write(t[0], "tcp", 3), 3);
          CHECK_EQ(read(e, &v, 8), 8); CHECK_EQ(v, 9));
    close(ready[1]);
    int n[4], pidfd = pidfd_of(pid);
    CHECK_EQ(read_all(ready[0], n, sizeof n), sizeof n);
    int w = get(pidfd, n[1]), s = get(pidfd, n[2]), e = get(pidfd, n[3]);
    if (w < 0 && errno == EPERM) { /* this machine does not let us */
        kill(pid, SIGKILL);
        puts("ok");
        return 0;
    }
    CHECK(w >= 0 && s >= 0 && e >= 0);
    CHECK_EQ(write(go[1], "g", 1), 1);
    CHECK_EQ(fcntl(w, F_GETFD), FD_CLOEXEC);
    sleep_ms(10);
    CHECK_EQ(write(w, "hello", 5), 5);
    sleep_ms(10);
    close(w);
    CHECK_EQ(write(s, "net", 3), 3);
    CHECK_EQ(read_all(s, text, 3), 3);
    CHECK_ERRNO(get(pidfd, 999), EBADF);
    uint64_t v = 9;
    sleep_ms(10);
    CHECK_ERRNO(syscall(SYS_pidfd_getfd, pidfd, n[0], 1), EINVAL);
    CHECK_ERRNO(get(ready[0], 0), EBADF);
    CHECK_EQ(write(e, &v, 8), 8);
    CHECK_EQ(reap(pid), 0);
    CHECK_ERRNO(get(pidfd, n[0]), ESRCH);
    return finish();
}
