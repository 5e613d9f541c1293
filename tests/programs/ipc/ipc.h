/* What the programs about locks, System V IPC, message queues, AIO and inotify share. Each program
 * must pass natively and under dstrun alike; it prints "ok" and nothing else. */
#ifndef IPC_H
#define IPC_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#include "../check.h"

/* Who was there in which order, for all processes to see. */
struct board {
    atomic_int count;
    atomic_int who[256];
    atomic_int words[16];
};

UNUSED static struct board *board_new(void)
{
    void *p = mmap(0, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                   0);
    CHECK(p != MAP_FAILED);
    return p;
}

UNUSED static void board_put(struct board *b, int who)
{
    b->who[b->count++ % 256] = who;
}

/* ---- who is about to block says so; others wait until it sleeps in the call ---- */
struct announced {
    atomic_int count, signals;
    atomic_int pid[256], tid[256];
};

static struct announced *announced;
static int awaited;

__attribute__((constructor)) static void announced_new(void)
{
    announced = mmap(0, sizeof *announced, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                     0);
}

UNUSED static void about_to_block(void)
{
    int slot = announced->count++ % 256;
    announced->pid[slot] = getpid();
    announced->tid[slot] = (int)syscall(SYS_gettid);
}

#define BLOCKS(call) ({ about_to_block(); call; })

UNUSED static int is_asleep(int slot)
{
    char path[64], text[256] = "";
    sprintf(path, "/proc/%d/task/%d/stat", announced->pid[slot], announced->tid[slot]);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        read(fd, text, sizeof text - 1);
        close(fd);
    }
    char *state = strrchr(text, ')');
    return state && state[2] == 'S';
}

/* So many more have come to their blocking calls, one after the other. */
UNUSED static void until_blocked(int more)
{
    for (; more; more--, awaited++)
        for (int seen = 0; seen < 2; sleep_ms(1))
            seen = announced->count > awaited && is_asleep(awaited % 256) ? seen + 1 : 0;
}

#define UNTIL(condition) \
    while (!(condition)) \
    sleep_ms(1)

/* A child that runs the statements; its pid. */
#define SPAWN(...)                          \
    ({                                      \
        fflush(stdout);                     \
        pid_t child_ = fork();              \
        if (child_ == 0) {                  \
            check_failures = 0;             \
            __VA_ARGS__;                    \
            fflush(stdout);                 \
            _exit(check_failures ? 99 : 0); \
        }                                   \
        CHECK(child_ > 0);                  \
        child_;                             \
    })

UNUSED static void reap(pid_t pid)
{
    int status = -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

UNUSED static pthread_t start(void *(*body)(void *), void *arg)
{
    pthread_t t;
    CHECK_EQ(pthread_create(&t, 0, body, arg), 0);
    return t;
}

UNUSED static void join(pthread_t t)
{
    CHECK_EQ(pthread_join(t, 0), 0);
}

UNUSED static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

UNUSED static void install(int signo, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
    CHECK_EQ(sigaction(signo, &a, 0), 0);
}

/* A signal in so many ms, once. */
UNUSED static void alarm_ms(long ms)
{
    struct itimerspec when = {{0, 0}, {ms / 1000, ms % 1000 * 1000000}};
    timer_t t;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, 0, &t), 0); /* SIGALRM */
    CHECK_EQ(timer_settime(t, 0, &when, 0), 0);
}

#define signals_seen (announced->signals)
UNUSED static void count_signal(int signo)
{
    (void)signo;
    signals_seen++;
}
#endif
