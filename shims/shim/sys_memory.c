/* sys_memory.c: mappings. Our range is not the program's. */
#include "shim.h"

#define MAP_FIXED_FLAG 0x10ul
#define MAP_FIXED_NOREPLACE_FLAG 0x100000ul
#define MREMAP_FIXED_FLAG 2ul
#define PROT_EXEC_BIT 4ul
#define MAP_32BIT_FLAG 0x40ul
#define MAP_ANONYMOUS_FLAG 0x20ul
#define MAP_HUGETLB_FLAG 0x40000ul
#define MAP_RESERVED 0x4022ul /* private, anonymous, not accounted */
#define HUGE_PAGE_BYTES 0x200000ul

static int touches_ours(u64 start, u64 bytes)
{
    return unlikely(start < OURS_END && start + bytes > OURS_START);
}

/* Where a file is mapped must not depend on the file system that it is in: some align what holds a
 * huge page, overlayfs does not. The place is that of anonymous memory of the same size. */
static i64 map(struct trap *c)
{
    u64 flags = c->a[3];
    if ((i32)c->a[4] < 0 || c->a[1] < HUGE_PAGE_BYTES ||
        flags & (MAP_FIXED_FLAG | MAP_FIXED_NOREPLACE_FLAG | MAP_ANONYMOUS_FLAG | MAP_HUGETLB_FLAG))
        return pass(c);
    i64 place = raw(__NR_mmap, c->a[0], c->a[1], 0, MAP_RESERVED | (flags & MAP_32BIT_FLAG), -1, 0);
    if (place < 0)
        return pass(c);
    struct trap at_place = *c;
    at_place.a[0] = (u64)place;
    at_place.a[3] |= MAP_FIXED_FLAG;
    i64 start = pass(&at_place);
    if (start >= 0)
        return start;
    raw(__NR_munmap, place, c->a[1]);
    return pass(c);
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
    i64 start = map(c);
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
