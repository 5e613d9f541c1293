/* ppoll and pselect: the mask is exchanged for the wait, atomically. */
#include "net.h"
#include <sys/select.h>

static volatile int signals;

static void on_signal(int signo)
{
    (void)signo;
    signals++;
}

static long wait_with(int how, int fd, long ms, const sigset_t *mask)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    struct pollfd p = {fd, POLLIN, 0};
    fd_set in;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    return how ? ppoll(&p, 1, &t, mask) : pselect(fd + 1, &in, 0, 0, &t, mask);
}

static void mask(int how)
{
    sigset_t usr, none, was, now;
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    sigemptyset(&none);
    sigemptyset(&usr);
    sigaddset(&usr, SIGUSR1);
    signals = 0;
    CHECK_EQ(sigprocmask(SIG_BLOCK, &usr, &was), 0);
    CHECK_EQ(raise(SIGUSR1), 0);
    CHECK_EQ(wait_with(how, ends[0], 10, 0), 0); /* no mask: it stays blocked */
    CHECK_EQ(signals, 0);
    CHECK_ERRNO(wait_with(how, ends[0], PATIENCE_MS, &none), EINTR);
    CHECK_EQ(signals, 1);
    CHECK_EQ(sigprocmask(SIG_BLOCK, 0, &now), 0);
    CHECK(sigismember(&now, SIGUSR1));
    pid_t me = getpid(), child = fork();
    if (!child) {
        sleep_ms(20);
        _exit(kill(me, SIGUSR1));
    }
    CHECK_ERRNO(wait_with(how, ends[0], PATIENCE_MS, &none), EINTR);
    CHECK_EQ(signals, 2);
    CHECK_EQ(waitpid(child, 0, 0), child);
    CHECK_EQ(raise(SIGUSR1), 0); /* with an event there: that is told, and the signal stays pending */
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(wait_with(how, ends[0], PATIENCE_MS, &none), 1);
    CHECK_EQ(signals, 2);
    CHECK_EQ(sigprocmask(SIG_SETMASK, &was, 0), 0);
    CHECK_EQ(signals, 3);
    close(ends[0]), close(ends[1]);
}

static void errors(void)
{
    struct pollfd p = {0, 0, 0};
    struct timespec t = {0, 0};
    sigset_t none;
    sigemptyset(&none);
    CHECK_ERRNO(syscall(SYS_ppoll, &p, 1, &t, &none, 4), EINVAL); /* the mask's size */
    CHECK_ERRNO(syscall(SYS_ppoll, &p, 1, &t, nowhere, 8), EFAULT);
    CHECK_EQ(syscall(SYS_ppoll, &p, 1, &t, 0, 77), 0);
    CHECK_ERRNO(syscall(SYS_ppoll, &p, 1, nowhere, 0, 0), EFAULT);
    t = (struct timespec){0, 5000000}; /* the call itself writes the time left */
    CHECK_EQ(syscall(SYS_ppoll, 0, 0, &t, 0, 0), 0);
    CHECK(t.tv_sec == 0 && t.tv_nsec == 0);
    struct {
        const void *mask;
        unsigned long size;
    } pack = {&none, 4};
    CHECK_ERRNO(syscall(SYS_pselect6, 0, 0, 0, 0, &t, &pack), EINVAL);
}

int main(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &a, 0);
    mask(1);
    mask(0);
    errors();
    return finish();
}
