/* What the self-checking programs share. A failed CHECK says where and why; `finish` says "ok" when
 * there was none. The programs must pass natively and under dstrun alike. */
#ifndef CHECK_H
#define CHECK_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

static atomic_int check_failures; /* threads check, too */

UNUSED static void check_failed(const char *file, int line, const char *what, long value)
{
    check_failures++;
    printf("%s:%d: %s (%ld, errno %d %s)\n", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line, what,
           value, errno, strerror(errno));
    fflush(stdout);
}

#define CHECK(cond)                                           \
    do {                                                      \
        if (!(cond))                                          \
            check_failed(__FILE__, __LINE__, #cond, 0);       \
    } while (0)
#define CHECK_EQ(value, wanted)                                               \
    do {                                                                      \
        long got_ = (long)(value);                                            \
        if (got_ != (long)(wanted))                                           \
            check_failed(__FILE__, __LINE__, #value " == " #wanted, got_);    \
    } while (0)
#define CHECK_ERRNO(call, wanted)                                               \
    do {                                                                        \
        errno = 0;                                                              \
        long got_ = (long)(call);                                               \
        if (got_ != -1 || errno != (wanted))                                    \
            check_failed(__FILE__, __LINE__, #call " fails with " #wanted, got_); \
    } while (0)

UNUSED static int finish(void)
{
    if (!check_failures)
        puts("ok");
    fflush(stdout);
    return check_failures != 0;
}

/* The wait status of a child that runs `body` and exits with its value. */
#define IN_CHILD(status, ...)                     \
    do {                                          \
        fflush(stdout);                           \
        pid_t child_ = fork();                    \
        if (child_ == 0) {                        \
            check_failures = 0;                   \
            __VA_ARGS__;                          \
            fflush(stdout);                       \
            _exit(check_failures ? 99 : 0);       \
        }                                         \
        CHECK(child_ > 0);                        \
        CHECK_EQ(waitpid(child_, &(status), 0), child_); \
    } while (0)

UNUSED static void sleep_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) && errno == EINTR)
        ;
}

__attribute__((unused)) static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}
#endif
