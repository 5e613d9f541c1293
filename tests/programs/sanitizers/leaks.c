/* LSan: one block is lost; what is known only to another thread's stack, to its registers, or to memory
 * of its own is not. The others sleep in calls of several kinds, and one computes. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_barrier_t all;
static __thread char *own;

static void *on_its_stack(void *arg)
{
    char *volatile kept[2] = {malloc(111), malloc(112)};
    (void)arg;
    kept[0][0] = kept[1][0] = 1;
    pthread_barrier_wait(&all);
    poll(0, 0, -1);
    return kept[0];
}

static void *in_its_register(void *arg)
{
    char *block = malloc(113);
    register char *only __asm__("r12") = block;
    block = 0;
    (void)arg;
    pthread_barrier_wait(&all);
    long nr = SYS_pause;
    __asm__ volatile("syscall" : "+a"(nr), "+r"(only) : : "rcx", "r11", "memory");
    return only;
}

static void *in_memory_of_its_own(void *arg)
{
    struct timespec hour = {3600, 0};
    own = malloc(114);
    (void)arg;
    pthread_barrier_wait(&all);
    nanosleep(&hour, 0);
    return own;
}

__attribute__((noinline)) static void lose(void)
{
    char *volatile lost = malloc(33);
    lost[0] = 1;
    lost = 0;
}

int main(void)
{
    static void *(*const all_kinds[])(void *) = {on_its_stack, in_its_register, in_memory_of_its_own};
    pthread_t threads[6];
    pthread_barrier_init(&all, 0, 7);
    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], 0, all_kinds[i % 3], 0);
    pthread_barrier_wait(&all);
    lose();
    memset(threads, 0, sizeof threads);
    puts("lost one");
    fflush(stdout);
    return 0;
}
