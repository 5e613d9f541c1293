/* uaccess.c: the only code that touches the program's memory.
 *
 * A fault in here comes to on_fault (fault.c), which returns to the armed guard.
 */
#include "shim.h"

i64 guarded(struct guard *g) __attribute__((returns_twice));

#define BEGIN_USER_ACCESS(guard) \
    if (guarded(guard))          \
    return -EFAULT
#define END_USER_ACCESS(guard) (*(volatile u32 *)&(guard)->armed = 0)

i64 copy_in(void *to, u64 user, u64 n)
{
    struct guard *g = &current_task()->guard;
    BEGIN_USER_ACCESS(g);
    memcpy(to, (const void *)user, n);
    END_USER_ACCESS(g);
    return 0;
}

i64 copy_out(u64 user, const void *from, u64 n)
{
    struct guard *g = &current_task()->guard;
    BEGIN_USER_ACCESS(g);
    memcpy((void *)user, from, n);
    END_USER_ACCESS(g);
    return 0;
}

i64 clear_user(u64 user, u64 n)
{
    struct guard *g = &current_task()->guard;
    BEGIN_USER_ACCESS(g);
    memset((void *)user, 0, n);
    END_USER_ACCESS(g);
    return 0;
}

i64 copy_string(char *to, u64 user, u64 n)
{
    struct guard *g = &current_task()->guard;
    BEGIN_USER_ACCESS(g);
    const volatile char *from = (const volatile char *)user;
    i64 result = -ENAMETOOLONG;
    for (u64 i = 0; i < n; i++) {
        if (!(to[i] = from[i])) {
            result = (i64)i;
            break;
        }
    }
    END_USER_ACCESS(g);
    return result;
}

i64 hash_user(struct hash_state *h, u64 user, u64 n)
{
    struct guard *g = &current_task()->guard;
    BEGIN_USER_ACCESS(g);
    hash_add(h, (const void *)user, n);
    END_USER_ACCESS(g);
    return 0;
}
