/* faults_data.c: the bytes that a call moves. */
#include "arg_kind.h"
#include "faults.h"
#include "sockets.h"

static u64 bytes_of_iovecs(u64 iov, u64 count)
{
    struct iovec_k v;
    u64 total = 0;
    for (u64 i = 0; i < min_u64(count, IOVECS_MAX); i++) {
        if (copy_in(&v, iov + i * sizeof v, sizeof v))
            break;
        total += v.len;
    }
    return total;
}

static u64 bytes_of_argument(const struct trap *c, int i)
{
    struct msghdr_k h;
    switch (syscall_rows[c->nr].kinds[i]) {
    case ARG_SIZE:
        return c->a[i];
    case ARG_IOVEC_IN:
    case ARG_IOVEC_OUT:
        return bytes_of_iovecs(c->a[i], c->a[i + 1]);
    case ARG_MSGHDR:
        return copy_in(&h, c->a[i], sizeof h) ? SIZE_NONE : bytes_of_iovecs(h.iov, h.iov_count);
    default:
        return SIZE_NONE;
    }
}

u64 faults_size(struct faulting *f)
{
    const struct trap *c = f->c;
    if (f->size != SIZE_UNKNOWN)
        return f->size;
    f->size = SIZE_NONE;
    for (int i = 0; i < syscall_rows[c->nr].args && f->size == SIZE_NONE; i++)
        f->size = bytes_of_argument(c, i);
    return f->size;
}
