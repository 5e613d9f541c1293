/* What fault rules do to clocks. */
#include "../check.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <x86intrin.h>

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

/* ---- what else tells the time ---- */
struct seen {
    double uptime, sysinfo, times, tsc, booted;
};

static struct seen look(void)
{
    struct seen s = {0};
    struct sysinfo info;
    struct tms t;
    char line[200];
    FILE *f = fopen("/proc/uptime", "r");
    CHECK_EQ(fscanf(f, "%lf", &s.uptime), 1);
    fclose(f);
    f = fopen("/proc/stat", "r");
    while (fgets(line, sizeof line, f))
        sscanf(line, "btime %lf", &s.booted);
    fclose(f);
    CHECK_EQ(sysinfo(&info), 0);
    s.sysinfo = (double)info.uptime;
    s.times = (double)times(&t) / 100;
    s.tsc = (double)__rdtsc() / 1e9;
    return s;
}

/* Of all that is told of the time since boot, how far it moved on; and the time of the boot. */
static void check_moved(const struct seen *from, double passed, double booted)
{
    struct seen now = look();
    CHECK(now.uptime - from->uptime > passed - 0.02 && now.uptime - from->uptime < passed + 0.02);
    CHECK(now.sysinfo - from->sysinfo >= passed - 1 && now.sysinfo - from->sysinfo <= passed + 1);
    CHECK(now.times - from->times > passed - 0.02 && now.times - from->times < passed + 0.02);
    CHECK(now.tsc - from->tsc > passed - 0.02 && now.tsc - from->tsc < passed + 0.02);
    CHECK(now.booted - from->booted >= booted - 1 && now.booted - from->booted <= booted + 1);
}

/* At 1 s the wall clock jumps by an hour, at 3 s the others by 1000 s, at 5 s they stand. */
static void told(void)
{
    struct seen start = look();
    sleep_ms(2000);
    check_moved(&start, 2, 3600);
    sleep_ms(2000);
    check_moved(&start, 1004, 2600);
    struct timespec at = in(CLOCK_REALTIME, 10);
    CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, 0), 0);
    check_moved(&start, 1005, 2609);
}

/* ---- waits of which the clock changes meanwhile ---- */
static double wall;

static void took(double wanted)
{
    double now = now_s(CLOCK_REALTIME);
    CHECK(about(now - wall, wanted));
    wall = now;
}

/* At 1 s the monotonic clock begins to run twice as fast: 4 s of it take 2.5 s. What is left is told by it. */
static void left(void)
{
    struct itimerspec v = {.it_value = {20, 0}};
    struct itimerval i = {.it_value = {20, 0}};
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    timer_t timer;
    wall = now_s(CLOCK_REALTIME);
    CHECK_EQ(timerfd_settime(fd, 0, &v, 0), 0);
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &none, &timer), 0);
    CHECK_EQ(timer_settime(timer, 0, &v, 0), 0);
    CHECK_EQ(setitimer(ITIMER_REAL, &i, 0), 0);
    CHECK_EQ(poll(0, 0, 4000), 0);
    took(2.5);
    CHECK_EQ(timerfd_gettime(fd, &v), 0);
    CHECK(about((double)v.it_value.tv_sec + (double)v.it_value.tv_nsec / 1e9 + 0.009, 16));
    CHECK_EQ(timer_gettime(timer, &v), 0);
    CHECK(about((double)v.it_value.tv_sec + (double)v.it_value.tv_nsec / 1e9 + 0.009, 16));
    CHECK_EQ(getitimer(ITIMER_REAL, &i), 0);
    CHECK(about((double)i.it_value.tv_sec + (double)i.it_value.tv_usec / 1e6 + 0.009, 16));
}

/* The same for other ways to wait: one each. */
static void epolls(void)
{
    struct epoll_event event;
    wall = now_s(CLOCK_REALTIME);
    CHECK_EQ(epoll_wait(epoll_create1(0), &event, 1, 4000), 0);
    took(2.5);
}

static void selects(void)
{
    struct timeval four = {4, 0};
    wall = now_s(CLOCK_REALTIME);
    CHECK_EQ(select(0, 0, 0, 0, &four), 0);
    took(2.5);
    CHECK_EQ(four.tv_sec * 1000000 + four.tv_usec, 0);
}

static void signals(void)
{
    struct timespec four = {4, 0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    wall = now_s(CLOCK_REALTIME);
    CHECK_ERRNO(sigtimedwait(&set, 0, &four), EAGAIN);
    took(2.5);
}

/* From 1 s to 3 s the monotonic clock stands, by two rules. */
static void thawed(void)
{
    wall = now_s(CLOCK_REALTIME);
    sleep_ms(2000);
    took(4);
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
                 {"fast", fast}, {"frozen", frozen}, {"reads", reads}, {"told", told}, {"left", left},
                 {"epolls", epolls}, {"selects", selects}, {"signals", signals}, {"thawed", thawed}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc > 1 && !strcmp(argv[1], cases[i].name))
            cases[i].run();
    return finish();
}
