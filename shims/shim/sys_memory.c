/* sys_memory.c: mappings. Our range is not the program's. */
#include "shim.h"

#define MAP_FIXED_FLAG 0x10ul
#define MAP_FIXED_NOREPLACE_FLAG 0x100000ul
#define MREMAP_FIXED_FLAG 2ul
#define PROT_EXEC_BIT 4ul

static int touches_ours(u64 start, u64 bytes)
{
    return unlikely(start < OURS_END && start + bytes > OURS_START);
}

i64 sys_mmap(struct trap *c)
{
    if (touches_ours(c->a[0], c->a[1])) {
        if (c->a[3] & MAP_FIXED_NOREPLACE_FLAG)
            return -EEXIST;
        if (c->a[3] & MAP_FIXED_FLAG)
            return -ENOMEM;
        c->a[0] = 0; /* only a hint */
    }
    i64 start = pass(c);
    if (unlikely(c->recorded) && start > 0 && !c->p->preload_list)
        c->p->preload_list = (u64)start; /* trap.c: it comes before the library's own mappings */
    if (unlikely(WORLD->points_count && (c->a[2] & PROT_EXEC_BIT) && (i32)c->a[4] >= 0 && start > 0))
        points_patch_mapping((u64)start, c->a[1], (i32)c->a[4], c->a[5]);
    return start;
}

i64 sys_munmap(struct trap *c)
{
    return touches_ours(c->a[0], c->a[1]) ? -EINVAL : pass(c);
}

i64 sys_mremap(struct trap *c)
{
    if (touches_ours(c->a[0], c->a[1]) || ((c->a[3] & MREMAP_FIXED_FLAG) && touches_ours(c->a[4], c->a[2])))
        return -EFAULT;
    return pass(c);
}

i64 sys_mprotect(struct trap *c)
{
    return touches_ours(c->a[0], c->a[1]) ? -ENOMEM : pass(c);
}

i64 sys_madvise(struct trap *c)
{
    return touches_ours(c->a[0], c->a[1]) ? -ENOMEM : pass(c);
}
