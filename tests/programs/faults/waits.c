/* What fault rules do to waits, threads and processes. */
#include "../check.h"

#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>

static double elapsed(double since) { return now_s(CLOCK_MONOTONIC) - since; }
static int about(double value, double wanted) { return value > wanted - 0.001 && value < wanted + 0.01; }

/* A read of an empty pipe and a poll end after a second, one that need not wait does not. */
static void eintr(void)
{
    char c;
    int fds[2];
    struct timespec left = {0, 0}, long_time = {100, 0};
    double start = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(pipe(fds), 0);
    struct pollfd p = {fds[0], POLLIN, 0};
    CHECK_ERRNO(read(fds[0], &c, 1), EINTR);
    CHECK(about(elapsed(start), 1));
    CHECK_ERRNO(poll(&p, 1, 5000), EINTR);
    CHECK_EQ(poll(&p, 1, 500), 0);
    CHECK_ERRNO(nanosleep(&long_time, &left), EINTR);
    CHECK_EQ(left.tv_sec, 99);
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK_EQ(read(fds[0], &c, 1), 1);
}

static volatile sig_atomic_t signals;
static void on_signal(int n) { signals += n == SIGUSR1; }

/* Two rules' delays add up, a signal does not end them, and is there when the call returns. */
static void delays(void)
{
    double start = now_s(CLOCK_MONOTONIC);
    signal(SIGUSR1, on_signal);
    CHECK_EQ(getuid(), getuid());
    CHECK_EQ(signals, 1);
    CHECK(about(elapsed(start), 3.5));
}

/* The child stops for a minute at its second write; the other one dies in the middle of it. */
static void stops(void)
{
    int status, fds[2];
    char text[100];
    CHECK_EQ(pipe(fds), 0);
    double start = now_s(CLOCK_MONOTONIC);
    pid_t child = fork();
    if (!child) {
        CHECK_EQ(write(fds[1], "a", 1), 1);
        CHECK_EQ(write(fds[1], "a", 1), 1);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK(about(elapsed(start), 60));
    child = fork();
    if (!child) {
        CHECK_EQ(write(fds[1], "b", 1), 1);
        write(fds[1], "0123456789", 10);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, SIGKILL);
    CHECK_EQ(read(fds[0], text, 100), 8);
    CHECK_EQ(memcmp(text, "aab01234", 8), 0);
}

/* At 5 s the one that sleeps is killed; the other one, of another name, goes on. */
static void timed(void)
{
    int status;
    pid_t named = fork();
    if (!named) {
        sleep_ms(10000);
        _exit(0);
    }
    CHECK_EQ(waitpid(named, &status, 0), named);
    CHECK_EQ(status, SIGTERM);
    CHECK(now_s(CLOCK_MONOTONIC) > 5);
}

static int word;
static long futex(int op, int value)
{
    struct timespec t = {100, 0};
    return syscall(SYS_futex, &word, op, value, op == FUTEX_WAIT ? &t : 0, 0, 0);
}

static int order[3], woken;
static void *waiter(void *arg)
{
    CHECK_EQ(futex(FUTEX_WAIT, 0), 0);
    order[woken++] = (int)(long)arg;
    return 0;
}

/* A wait that nobody ended; a wake that takes the newest. */
static void futexes(void)
{
    pthread_t threads[3];
    double start = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(futex(FUTEX_WAIT, 0), 0);
    CHECK(elapsed(start) < 1);
    CHECK_ERRNO(futex(FUTEX_WAIT, 1), EAGAIN);
    for (long i = 0; i < 3; i++) {
        pthread_create(&threads[i], 0, waiter, (void *)i);
        sleep_ms(1);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(futex(FUTEX_WAKE, 1), 1);
        sleep_ms(1);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(order[i], 2 - i);
        pthread_join(threads[i], 0);
    }
}

static int steps;
static void *other(void *arg)
{
    for (int i = 0; i < 50; i++) {
        getppid();
        steps++;
    }
    return arg;
}

/* Held back at its getuid until the other one has made so many steps. */
static void hold(void)
{
    pthread_t thread;
    pthread_create(&thread, 0, other, 0);
    getuid();
    CHECK(steps >= 10);
    pthread_join(thread, 0);
    CHECK_EQ(steps, 50);
    getuid(); /* nobody else is there */
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {{"eintr", eintr}, {"delays", delays}, {"stops", stops}, {"timed", timed},
                 {"futexes", futexes}, {"hold", hold}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc > 1 && !strcmp(argv[1], cases[i].name))
            cases[i].run();
    return finish();
}
