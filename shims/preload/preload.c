/* preload.c: the second layer, for what is no system call and yet varies or decides.
 *
 * The dynamic loader of every program loads this library, of any age and of any libc, and most
 * programs have no use for it. So it needs no library at all, not even libc: calls are raw, nothing
 * is looked up before it is used, and its only act at start-up is one call that announces it. Under
 * a native kernel that call is an EINVAL.
 */
#include <asm/unistd_64.h>

#include "preload.h"

#define NEXT_LIBRARY ((void *)-1) /* RTLD_NEXT, of every libc */

const struct preload_table *preload_table;

/* libc's own, bound at the first call. */
extern void *dlsym(void *handle, const char *name) __attribute__((weak));

long raw3(long nr, word a, word b, word c)
{
    long ret;
    __asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return ret;
}

__attribute__((constructor)) static void announce(void)
{
    long answer;
    __asm__ volatile("lea 1f(%%rip), %%rdx\n\tsyscall\n1:"
                     : "=a"(answer)
                     : "a"(__NR_prctl), "D"(PR_PRELOAD_ANNOUNCE), "S"(PRELOAD_ABI_VERSION)
                     : "rdx", "rcx", "r11", "memory");
    if (answer > 0)
        preload_table = (const struct preload_table *)answer;
    find_memory_functions();
}

/* glibc before 2.34 has dlsym in a library of its own, which may not be there. */
void *next_function(const char *name)
{
    return dlsym ? dlsym(NEXT_LIBRARY, name) : 0;
}
