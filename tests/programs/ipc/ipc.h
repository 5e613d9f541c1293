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
    void *p = mmap(0, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

UNUSED static void board_put(struct board *b, int who)
{
    b->who[b->count++ % 256] = who;
}

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

UNUSED static atomic_int signals_seen;
UNUSED static void count_signal(int signo)
{
    (void)signo;
    signals_seen++;
}
#endif
