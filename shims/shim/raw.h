/* raw.h: calls to the kernel, without a libc. */
#ifndef DST_RAW_H
#define DST_RAW_H

#include <asm/errno.h>
#include <asm/unistd_64.h>

#include "abi.h"

static inline i64 raw6(i64 nr, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
    i64 ret;
    register u64 r10 __asm__("r10") = d;
    register u64 r8 __asm__("r8") = e;
    register u64 r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
#define RAW_PICK(nr, a, b, c, d, e, f, ...) \
    raw6(nr, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f))
#define raw(nr, ...) RAW_PICK(nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)

#endif
