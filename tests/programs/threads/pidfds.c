/* Descriptors of processes and threads: made by clone, clone3 and pidfd_open; polled, waited for,
 * sent signals through. */
#include "raw_clone.h"
#include <poll.h>
#include <sys/epoll.h>

#define THREAD_PIDFD O_EXCL /* PIDFD_THREAD */
#define JUST_PIDFD 3        /* P_PIDFD */

static char stack[16384] __attribute__((aligned(4096)));
static atomic_int step, got, got_tid;

static int ready(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n = poll(&p, 1, timeout_ms);
    return n == 1 ? p.revents & POLLIN : n;
}

static long send_to(int fd, int signo, siginfo_t *info, unsigned flags)
{
    return syscall(SYS_pidfd_send_signal, fd, signo, info, flags);
}

static long clone3_fork(unsigned long flags, int *pidfd, int *tid)
{
    struct clone_args a = {.flags = flags, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)pidfd,
                           .parent_tid = (uintptr_t)tid};
    return syscall(SYS_clone3, &a, sizeof a);
}

static void process_is_polled(void)
{
    siginfo_t info = {0};
    int fd = -1, tid = -1;
    long pid = clone3_fork(CLONE_PIDFD | CLONE_PARENT_SETTID, &fd, &tid);
    if (!pid) {
        sleep_ms(20);
        _exit(fd == -1 && tid == -1 ? 7 : 8);
    }
    CHECK(pid > 0);
    CHECK_EQ(tid, pid);
    CHECK(fd > 2);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(ready(fd, 0), 0);
    CHECK_EQ(ready(fd, 1), 0);
    CHECK_EQ(ready(fd, -1), POLLIN);
    CHECK_EQ(send_to(fd, SIGTERM, 0, 0), 0); /* a zombie takes any */
    CHECK_EQ(waitid(JUST_PIDFD, fd, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_status, 7);
    CHECK_ERRNO(waitid(JUST_PIDFD, fd, &info, WEXITED), ECHILD);
    CHECK_ERRNO(send_to(fd, 0, 0, 0), ESRCH);
    close(fd);
}

static void clone_makes_one(void)
{
    int fd = -1, status;
    long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0);
    if (!pid)
        for (;;)
            pause();
    CHECK(fd > 2);
    CHECK_EQ(send_to(fd, 0, 0, 0), 0);
    CHECK_EQ(send_to(fd, SIGTERM, 0, 0), 0);
    CHECK_EQ(ready(fd, -1), POLLIN);
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
    CHECK_EQ(status, SIGTERM);
    close(fd);
}

static void vforked(void *arg)
{
    raw_call(SYS_exit, (long)arg, 0, 0, 0);
}

static void vfork_makes_one(void)
{
    siginfo_t info = {0};
    int fd = -1;
    struct clone_args a = {.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD, .exit_signal = SIGCHLD,
                           .pidfd = (uintptr_t)&fd, .stack = (uintptr_t)stack,
                           .stack_size = sizeof stack};
    long pid = raw_clone3(&a, sizeof a, vforked, (void *)9);
    CHECK_EQ(ready(fd, -1), POLLIN);
    CHECK_EQ(waitid(JUST_PIDFD, fd, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_status, 9);
    close(fd);
}

static void epolled_in_a_thread(void)
{
    struct epoll_event e = {.events = EPOLLIN};
    int fd = -1, status, ep = epoll_create1(0);
    long pid = clone3_fork(CLONE_PIDFD, &fd, 0);
    if (!pid) {
        sleep_ms(5);
        _exit(0);
    }
    CHECK_EQ(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
    CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
    CHECK_EQ(epoll_wait(ep, &e, 1, -1), 1);
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
    close(fd);
    close(ep);
}

static void is_refused(void)
{
    int fd = -1, file = open("/dev/null", O_RDONLY);
    CHECK_ERRNO(clone3_fork(CLONE_PIDFD | CLONE_PARENT_SETTID, &fd, &fd), EINVAL);
    CHECK_ERRNO(clone3_fork(CLONE_PIDFD, (int *)8, 0), EFAULT);
    unsigned long both = CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD;
    CHECK_ERRNO(syscall(SYS_clone, both, 0, &fd, 0, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_pidfd_open, 4000000, 0), ESRCH);
    CHECK_ERRNO(syscall(SYS_pidfd_open, getpid(), 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_pidfd_open, 0, 0), EINVAL);
    CHECK_ERRNO(send_to(file, 0, 0, 0), EBADF);
    CHECK_EQ(fd, -1);
    close(file);
}

/* ---- one's own, and those of threads ---- */
static void on_signal(int signo, siginfo_t *info, void *context)
{
    got = info->si_code == SI_QUEUE ? info->si_value.sival_int : info->si_code;
    got_tid = my_tid();
}

static void with_a_value(void)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = 42;
    CHECK_EQ(send_to(fd, SIGUSR1, &info, 0), 0);
    CHECK_EQ(got, 42);
    CHECK_ERRNO(send_to(fd, SIGUSR2, &info, 0), EINVAL);
    CHECK_ERRNO(send_to(fd, SIGUSR1, 0, 16), EINVAL);
    close(fd);
}

static void *waits(void *arg)
{
    step = my_tid();
    while (step)
        sleep_ms(1);
    return arg;
}

static void thread_is_polled(void)
{
    step = 0;
    pthread_t t = start(waits, 0);
    WAIT_UNTIL(step);
    int tid = step, fd = (int)syscall(SYS_pidfd_open, tid, THREAD_PIDFD);
    CHECK(fd > 2);
    CHECK_EQ(syscall(SYS_pidfd_open, tid, 0), -1); /* EINVAL or ENOENT: no process */
    CHECK_EQ(ready(fd, 2), 0);
    CHECK_EQ(send_to(fd, SIGUSR1, 0, 0), 0);
    WAIT_UNTIL(got_tid == tid);
    CHECK_EQ(got, SI_TKILL);
    step = 0;
    CHECK_EQ(ready(fd, -1), POLLIN);
    CHECK_ERRNO(send_to(fd, 0, 0, 0), ESRCH);
    join(t);
    close(fd);
}

static void thread_body(void *arg)
{
    atomic_int *go = arg;
    struct timespec moment = {0, 1000000};
    while (!*go)
        raw_call(SYS_nanosleep, (long)&moment, 0, 0, 0);
}

static void clone_makes_one_of_a_thread(void)
{
    int fd = -1, child_tid = -1;
    struct clone_args a = {.flags = THREAD_FLAGS | CLONE_PIDFD | CLONE_CHILD_CLEARTID,
                           .pidfd = (uintptr_t)&fd, .child_tid = (uintptr_t)&child_tid,
                           .stack = (uintptr_t)stack, .stack_size = sizeof stack};
    step = 0;
    CHECK(raw_clone3(&a, sizeof a, thread_body, &step) > 0);
    CHECK_EQ(ready(fd, 1), 0);
    step = 1;
    CHECK_EQ(ready(fd, -1), POLLIN);
    wait_cleared(&child_tid);
    close(fd);
}

/* The leader ends first, the process later (only then is the leader gone, since Linux 6.15). */
static void *lasts(void *arg)
{
    sleep_ms(30);
    return arg;
}
static void leader_is_polled(void)
{
    int of_process = -1, status;
    long pid = clone3_fork(CLONE_PIDFD, &of_process, 0);
    if (!pid) {
        start(lasts, 0);
        syscall(SYS_exit, 0);
    }
    int of_leader = (int)syscall(SYS_pidfd_open, pid, THREAD_PIDFD);
    CHECK_EQ(ready(of_process, 10), 0);
    CHECK_EQ(ready(of_process, -1), POLLIN);
    CHECK_EQ(ready(of_leader, -1), POLLIN);
    CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
    close(of_leader);
    close(of_process);
}

static void nothing_to_wait_for_yet(void)
{
    siginfo_t info;
    int fd = -1;
    long pid = clone3_fork(CLONE_PIDFD, &fd, 0);
    if (!pid) {
        sleep_ms(10);
        _exit(0);
    }
    int same = (int)syscall(SYS_pidfd_open, pid, O_NONBLOCK);
    CHECK_ERRNO(waitid(JUST_PIDFD, same, &info, WEXITED), EAGAIN);
    CHECK_EQ(waitid(JUST_PIDFD, fd, &info, WEXITED), 0);
    close(fd);
    close(same);
}

int main(void)
{
    install_info(SIGUSR1, on_signal, 0);
    process_is_polled();
    clone_makes_one();
    vfork_makes_one();
    epolled_in_a_thread();
    is_refused();
    with_a_value();
    nothing_to_wait_for_yet();
    int fd = (int)syscall(SYS_pidfd_open, getpid(), THREAD_PIDFD); /* since Linux 6.9 */
    if (fd >= 0) {
        close(fd);
        thread_is_polled();
        clone_makes_one_of_a_thread();
        leader_is_polled();
    }
    return finish();
}
