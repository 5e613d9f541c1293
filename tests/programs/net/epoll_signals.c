/* signalfd in epoll and poll: level, read, changed sets; it shows the signals of who asks. */
#include "epolls.h"
#include <sys/signalfd.h>

static sigset_t set_of(int a, int b)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, a);
    if (b)
        sigaddset(&set, b);
    return set;
}

static int take(int fd)
{
    struct signalfd_siginfo info = {0};
    CHECK_EQ(read(fd, &info, sizeof info), sizeof info);
    return (int)info.ssi_signo;
}

int main(void)
{
    sigset_t both = set_of(SIGUSR1, SIGUSR2), one = set_of(SIGUSR1, 0);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &both, 0), 0);
    int fd = signalfd(-1, &both, SFD_NONBLOCK | SFD_CLOEXEC), ep = epoll_create1(0), status;
    struct signalfd_siginfo info[4];
    watch(ep, fd, EPOLLIN, 1);
    CHECK_EQ(event_now(ep), 0);
    CHECK_ERRNO(read(fd, info, sizeof info), EAGAIN);
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(event_now(ep), EPOLLIN);
    CHECK_EQ(poll_now(fd), POLLIN);
    CHECK_EQ(take(fd), SIGUSR1);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(kill(getpid(), SIGUSR2), 0); /* several in one read, the lowest number first */
    CHECK_EQ(kill(getpid(), SIGUSR1), 0);
    CHECK_EQ(read(fd, info, sizeof info), 2 * sizeof info[0]);
    CHECK_EQ(info[0].ssi_signo, SIGUSR1);
    CHECK_EQ(info[1].ssi_signo, SIGUSR2);
    CHECK_EQ(info[0].ssi_pid, getpid());
    CHECK_EQ(info[0].ssi_uid, getuid());
    CHECK_EQ(info[0].ssi_code, SI_USER);
    pid_t me = getpid(), child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(kill(me, SIGUSR2));
    }
    CHECK_EQ(wait_event(ep), EPOLLIN); /* asleep in it */
    CHECK_EQ(read(fd, info, sizeof info), sizeof info[0]);
    CHECK_EQ(info[0].ssi_pid, child);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(signalfd(fd, &one, 0), fd); /* another set for the same descriptor */
    CHECK_EQ(kill(getpid(), SIGUSR2), 0);
    CHECK_EQ(event_now(ep), 0);
    CHECK_EQ(poll_now(fd), 0);
    CHECK_EQ(signalfd(fd, &both, 0), fd);
    CHECK_EQ(poll_now(fd), POLLIN);
    CHECK_EQ(take(fd), SIGUSR2);
    CHECK_EQ(raise(SIGUSR1), 0);
    IN_CHILD(status, CHECK_EQ(poll_now(fd), 0)); /* the child's signals are others */
    CHECK_EQ(status, 0);
    CHECK_EQ(take(fd), SIGUSR1);
    CHECK_ERRNO(read(fd, info, 4), EINVAL);
    CHECK_ERRNO(signalfd(ep, &one, 0), EINVAL);
    CHECK_ERRNO(signalfd(-1, &one, 0x10), EINVAL);
    sigset_t chld = set_of(SIGCHLD, 0);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &chld, 0), 0);
    int ends = signalfd(-1, &chld, 0);
    watch(ep, ends, EPOLLIN, 2);
    child = fork();
    if (!child)
        _exit(7);
    unsigned long data;
    CHECK_EQ(next_event(ep, &data, PATIENCE_MS), EPOLLIN); /* how event loops learn of children */
    CHECK_EQ(data, 2);
    CHECK_EQ(read(ends, info, sizeof info), sizeof info[0]);
    CHECK_EQ(info[0].ssi_signo, SIGCHLD);
    CHECK_EQ(info[0].ssi_pid, child);
    CHECK_EQ(info[0].ssi_status, 7);
    CHECK_EQ(info[0].ssi_code, CLD_EXITED);
    CHECK_EQ(waitpid(child, &status, WNOHANG), child);
    return finish();
}
