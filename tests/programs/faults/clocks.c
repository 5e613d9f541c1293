/* What fault rules do to clocks. */
#include "../check.h"

#include <pthread.h>
#include <sys/timerfd.h>

static int about(double value, double wanted) { return value > wanted - 0.001 && value < wanted + 0.01; }

static struct timespec in(clockid_t clock, long s)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += s;
    return t;
}

/* At 1 s the wall clock jumps by an hour. */
static void forward(void)
{
    struct stat st;
    double wall = now_s(CLOCK_REALTIME), start = now_s(CLOCK_MONOTONIC);
    struct timespec at = in(CLOCK_REALTIME, 600);
    CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, 0), 0);
    CHECK(about(now_s(CLOCK_MONOTONIC) - start, 1));
    CHECK(about(now_s(CLOCK_REALTIME) - wall, 3601));
    CHECK(about((double)time(0) - wall, 3601) || time(0) - (long)wall >= 3600);
    int fd = open("file", O_CREAT | O_TRUNC | O_RDWR, 0644);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(st.st_mtim.tv_sec - (long)wall >= 3600);
}

/* At 1 s it goes back: absolute waits take longer, relative ones do not. */
static void backward(void)
{
    double start = now_s(CLOCK_MONOTONIC);
    struct timespec at = in(CLOCK_REALTIME, 2), two = {2, 0};
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t c = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&m);
    CHECK_EQ(pthread_cond_timedwait(&c, &m, &at), ETIMEDOUT);
    CHECK(about(now_s(CLOCK_MONOTONIC) - start, 62));
    start = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, 0, &two, 0), 0);
    CHECK(about(now_s(CLOCK_MONOTONIC) - start, 2));
}

static void cancel(void)
{
    unsigned long n;
    int told = timerfd_create(CLOCK_REALTIME, 0), other = timerfd_create(CLOCK_REALTIME, 0);
    struct itimerspec v = {.it_value = in(CLOCK_REALTIME, 5000)};
    double start = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(timerfd_settime(told, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &v, 0), 0);
    CHECK_EQ(timerfd_settime(other, TFD_TIMER_ABSTIME, &v, 0), 0);
    CHECK_ERRNO(read(told, &n, 8), ECANCELED);
    CHECK(about(now_s(CLOCK_MONOTONIC) - start, 1));
    CHECK_EQ(read(other, &n, 8), 8);
    CHECK(about(now_s(CLOCK_MONOTONIC) - start, 1400));
}

/* From 1 s on the monotonic clock runs twice as fast; it is the one that sleeps go by. */
static void fast(void)
{
    double start = now_s(CLOCK_MONOTONIC), wall = now_s(CLOCK_REALTIME);
    for (int i = 0; i < 4; i++)
        sleep_ms(1000);
    CHECK(about(now_s(CLOCK_MONOTONIC) - start, 4));
    CHECK(about(now_s(CLOCK_REALTIME) - wall, 2.5));
}

/* Of the child alone, from its getuid on. */
static void frozen(void)
{
    int status;
    double start = now_s(CLOCK_REALTIME);
    IN_CHILD(status, {
        getuid();
        double before = now_s(CLOCK_REALTIME);
        sleep_ms(5000);
        CHECK(now_s(CLOCK_REALTIME) == before);
        sleep_ms(6000);
        CHECK(about(now_s(CLOCK_REALTIME) - before, 1));
    });
    CHECK_EQ(status, 0);
    CHECK(about(now_s(CLOCK_REALTIME) - start, 11));
}

/* The third read of the clock gives what the rule says. */
static void reads(void)
{
    struct timespec t = {7, 7};
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &t), 0);
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &t), 0);
    CHECK_ERRNO(clock_gettime(CLOCK_REALTIME, &t), EINVAL);
    CHECK_EQ(clock_gettime(CLOCK_REALTIME, &t), 0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } cases[] = {{"forward", forward}, {"backward", backward}, {"cancel", cancel},
                 {"fast", fast}, {"frozen", frozen}, {"reads", reads}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc > 1 && !strcmp(argv[1], cases[i].name))
            cases[i].run();
    return finish();
}
