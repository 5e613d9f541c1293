/* memory.h: what a compiler and we need of string.h. */
#ifndef DST_MEMORY_H
#define DST_MEMORY_H

#include "abi.h"

#define HIDDEN __attribute__((visibility("hidden")))

void *memcpy(void *to, const void *from, u64 n) HIDDEN;
void *memset(void *to, int byte, u64 n) HIDDEN;
int memcmp(const void *a, const void *b, u64 n) HIDDEN;
u64 string_length(const char *s) HIDDEN;
int string_equal(const char *a, const char *b) HIDDEN;
int string_starts(const char *s, const char *prefix) HIDDEN;
char *string_append(char *to, char *end, const char *s) HIDDEN;
char *number_append(char *to, char *end, u64 v) HIDDEN;

#endif
