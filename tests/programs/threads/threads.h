/* What the threaded programs share: checks, and short names for what they all do. Each program must
 * pass natively and under dstrun alike; it prints "ok" and nothing else. */
#ifndef THREADS_H
#define THREADS_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "../check.h"

UNUSED static long now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

UNUSED static struct timespec after_ms(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    long ns = t.tv_nsec + ms % 1000 * 1000000;
    return (struct timespec){t.tv_sec + ms / 1000 + ns / 1000000000, ns % 1000000000};
}

UNUSED static pthread_t start(void *(*body)(void *), void *arg)
{
    pthread_t t;
    int error = pthread_create(&t, 0, body, arg);
    if (error) {
        printf("pthread_create: %d\n", error);
        exit(99);
    }
    return t;
}

UNUSED static void *join(pthread_t t)
{
    void *value = 0;
    CHECK_EQ(pthread_join(t, &value), 0);
    return value;
}

UNUSED static pid_t my_tid(void) { return (pid_t)syscall(SYS_gettid); }

/* The kernel's futex, with errno as of syscall(2). */
UNUSED static long futex(void *word, int op, unsigned value, const void *timeout, void *word2, unsigned value3)
{
    return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

UNUSED static void *shared_page(void)
{
    void *p = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        exit(98);
    return p;
}

UNUSED static void install(int signo, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
    CHECK_EQ(sigaction(signo, &a, 0), 0);
}

UNUSED static void install_info(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};
    CHECK_EQ(sigaction(signo, &a, 0), 0);
}

UNUSED static void mask_one(int how, int signo)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signo);
    CHECK_EQ(pthread_sigmask(how, &set, 0), 0);
}

/* Waits until another thread has made the value true; gives it room to run. */
#define WAIT_UNTIL(cond)  \
    do {                  \
        while (!(cond))   \
            sleep_ms(1);  \
    } while (0)

/* The wait status of a child that runs `...`. */
#define IN_CHILD(status, ...)                            \
    do {                                                 \
        fflush(stdout);                                  \
        pid_t child_ = fork();                           \
        if (child_ == 0) {                               \
            check_failures = 0;                          \
            __VA_ARGS__;                                 \
            fflush(stdout);                              \
            _exit(check_failures ? 99 : 0);              \
        }                                                \
        CHECK(child_ > 0);                               \
        CHECK_EQ(waitpid(child_, &(status), 0), child_); \
    } while (0)
#endif
