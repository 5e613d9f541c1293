/* memory.c: the functions that allocate are points before their work, where they may be made to fail.
 *
 * A program, or a library that comes before us, that has its own is never seen here.
 */
#include <asm/errno.h>

#include "preload.h"

extern int *errno_place(void) __asm__("__errno_location") __attribute__((weak));

enum { MALLOC, CALLOC, REALLOC, MEMALIGN, POSIX_MEMALIGN, ALIGNED_ALLOC, VALLOC, PVALLOC, FUNCTIONS };

static const char names[FUNCTIONS][16] = {"malloc", "calloc", "realloc", "memalign",
                                          "posix_memalign", "aligned_alloc", "valloc", "pvalloc"};
static void *next[FUNCTIONS];
static int looking;

/* The lookup of one that is not there may itself ask for memory, for a message: it gets none, and
 * the loader bears that. All are looked up before there are threads. */
static void *function(int which)
{
    if (unlikely(!next[which]) && !looking) {
        looking = 1;
        next[which] = next_function(names[which]);
        looking = 0;
    }
    return next[which];
}

void find_memory_functions(void)
{
    for (int i = 0; i < FUNCTIONS; i++)
        function(i);
}

static void *no_memory(void)
{
    if (errno_place)
        *errno_place() = ENOMEM;
    return 0;
}

/* `asked`: bytes, which fault rules can go by. */
#define ALLOCATES(name, which, point, asked, parameters, ...)                    \
    EXPORT void *name parameters;                                                \
    void *name parameters                                                        \
    {                                                                            \
        void *(*real) parameters = (void *(*)parameters)function(which);         \
        int fails = at_point(point, (const void *)(asked)) != 0;                 \
        return unlikely(fails) || !real ? no_memory() : real(__VA_ARGS__);       \
    }

ALLOCATES(malloc, MALLOC, POINT_malloc, bytes, (word bytes), bytes)
ALLOCATES(calloc, CALLOC, POINT_calloc, count * bytes, (word count, word bytes), count, bytes)
ALLOCATES(realloc, REALLOC, POINT_realloc, bytes, (void *old, word bytes), old, bytes)
ALLOCATES(memalign, MEMALIGN, POINT_posix_memalign, bytes, (word alignment, word bytes), alignment, bytes)
ALLOCATES(aligned_alloc, ALIGNED_ALLOC, POINT_posix_memalign, bytes, (word alignment, word bytes), alignment, bytes)
ALLOCATES(valloc, VALLOC, POINT_posix_memalign, bytes, (word bytes), bytes)
ALLOCATES(pvalloc, PVALLOC, POINT_posix_memalign, bytes, (word bytes), bytes)

EXPORT int posix_memalign(void **place, word alignment, word bytes);
int posix_memalign(void **place, word alignment, word bytes)
{
    int (*real)(void **, word, word) = (int (*)(void **, word, word))function(POSIX_MEMALIGN);
    return unlikely(at_point(POINT_posix_memalign, (const void *)bytes)) || !real ? ENOMEM : real(place, alignment, bytes);
}
