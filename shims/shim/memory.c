/* memory.c: what a compiler and we need of string.h. */
#include "memory.h"

void *memcpy(void *to, const void *from, u64 n)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return start;
}

void *memset(void *to, int byte, u64 n)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
    return start;
}

int memcmp(const void *a, const void *b, u64 n)
{
    const u8 *x = a, *y = b;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x < *y ? -1 : 1;
    return 0;
}

u64 string_length(const char *s)
{
    u64 n = 0;
    while (s[n])
        n++;
    return n;
}

int string_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int string_starts(const char *s, const char *prefix)
{
    while (*prefix)
        if (*s++ != *prefix++)
            return 0;
    return 1;
}

char *string_append(char *to, char *end, const char *s)
{
    while (*s && to + 1 < end)
        *to++ = *s++;
    *to = 0;
    return to;
}

char *number_append(char *to, char *end, u64 v)
{
    char digits[24];
    int i = 23;
    digits[i] = 0;
    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return string_append(to, end, digits + i);
}
