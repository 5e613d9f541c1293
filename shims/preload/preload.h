/* preload.h: the library's own parts. */
#ifndef DST_PRELOAD_H
#define DST_PRELOAD_H

#include "preload_abi.h"

#define EXPORT __attribute__((visibility("default")))
#define EXPORT_AS(symbol) __asm__(symbol) __attribute__((visibility("default")))
#define unlikely(x) __builtin_expect(!!(x), 0)

typedef unsigned long word;

long raw3(long nr, word a, word b, word c);
/* The function that the program would have called without us; 0: there is none. */
void *next_function(const char *name);

extern const struct preload_table *preload_table; /* 0: no simulation, or not announced yet */

void find_memory_functions(void);

static inline long at_point(word point, const void *object)
{
    return preload_table ? preload_table->point(point, (word)object, POINT_PASSES) : 0;
}

#endif
