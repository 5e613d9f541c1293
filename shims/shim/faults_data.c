/* faults_data.c: the bytes that a call moves, and how to move fewer or others. */
#include "faults_data.h"

#include "arg_kind.h"
#include "faults.h"

struct data_row {
    u16 nr;
    u8 form;     /* enum data_form */
    u8 is_write;
    u8 arg;      /* of the data; DATA_COUNT: of the number */
};

static const struct data_row rows[] = {
    {__NR_read, DATA_BUFFER, 0, 1}, {__NR_pread64, DATA_BUFFER, 0, 1},
    {__NR_recvfrom, DATA_BUFFER, 0, 1}, {__NR_write, DATA_BUFFER, 1, 1},
    {__NR_pwrite64, DATA_BUFFER, 1, 1}, {__NR_sendto, DATA_BUFFER, 1, 1},
    {__NR_readv, DATA_VECTOR, 0, 1}, {__NR_preadv, DATA_VECTOR, 0, 1},
    {__NR_preadv2, DATA_VECTOR, 0, 1}, {__NR_writev, DATA_VECTOR, 1, 1},
    {__NR_pwritev, DATA_VECTOR, 1, 1}, {__NR_pwritev2, DATA_VECTOR, 1, 1},
    {__NR_vmsplice, DATA_VECTOR, 1, 1}, {__NR_recvmsg, DATA_MESSAGE, 0, 1},
    {__NR_sendmsg, DATA_MESSAGE, 1, 1}, {__NR_sendfile, DATA_COUNT, 1, 3},
    {__NR_splice, DATA_COUNT, 1, 4}, {__NR_copy_file_range, DATA_COUNT, 1, 4},
    {__NR_tee, DATA_COUNT, 1, 2}, {__NR_getrandom, DATA_BUFFER, 0, 0},
};

/* ---- sizes ---- */
u64 bytes_of_iovecs(u64 iov, u64 count)
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

int data_of_call(const struct trap *c, struct data *d)
{
    struct msghdr_k h;
    const struct data_row *row = rows, *end = rows + sizeof rows / sizeof *rows;
    while (row < end && row->nr != c->nr)
        row++;
    if (row == end)
        return 0;
    *d = (struct data){.form = row->form, .is_write = row->is_write, .arg = row->arg};
    switch (row->form) {
    case DATA_COUNT:
        d->total = c->a[row->arg];
        return 1;
    case DATA_BUFFER:
        d->one = (struct iovec_k){c->a[row->arg], c->a[row->arg + 1]};
        d->iov = (u64)&d->one;
        d->iov_count = 1;
        break;
    case DATA_VECTOR:
        d->iov = c->a[row->arg];
        d->iov_count = c->a[row->arg + 1];
        break;
    default:
        if (copy_in(&h, c->a[row->arg], sizeof h))
            return 0;
        d->iov = h.iov;
        d->iov_count = h.iov_count;
    }
    if (d->iov_count > IOVECS_MAX)
        return 0;
    d->total = bytes_of_iovecs(d->iov, d->iov_count);
    return 1;
}

/* ---- other data ---- */
struct data_room *data_room(struct task *t) { return (struct data_room *)t->polls; }
_Static_assert(sizeof(struct data_room) <= sizeof(((struct task *)0)->polls), "other data has room");

void data_replace(struct trap *c, const struct data *d, u64 count)
{
    struct data_room *room = data_room(c->t);
    if (d->form == DATA_VECTOR) {
        c->a[d->arg] = (u64)room->iov;
        c->a[d->arg + 1] = count;
    } else if (d->form == DATA_BUFFER) {
        c->a[d->arg] = room->iov[0].base;
        c->a[d->arg + 1] = room->iov[0].len;
    } else if (!copy_in(&room->header, c->a[d->arg], sizeof room->header)) {
        room->header.iov = (u64)room->iov;
        room->header.iov_count = count;
        c->a[d->arg] = (u64)&room->header;
    }
}

/* The program's buffers, up to so many bytes. */
static u64 cut(const struct data *d, struct iovec_k *to, u64 bytes)
{
    u64 n = 0;
    for (u64 i = 0; i < d->iov_count && bytes; i++) {
        struct iovec_k v;
        if (copy_in(&v, d->iov + i * sizeof v, sizeof v))
            break;
        v.len = min_u64(v.len, bytes);
        bytes -= v.len;
        to[n++] = v;
    }
    return n;
}

void data_shorten(struct trap *c, const struct data *d, u64 bytes)
{
    if (d->form == DATA_COUNT)
        c->a[d->arg] = bytes;
    else if (d->form == DATA_BUFFER)
        c->a[d->arg + 1] = bytes;
    else
        data_replace(c, d, cut(d, data_room(c->t)->iov, bytes));
}

void data_restore(struct trap *c, const struct data *d)
{
    const struct data_room *room = data_room(c->t);
    u64 replaced = c->a[d->arg];
    struct msghdr_k h;
    for (int i = 0; i < 6; i++)
        c->a[i] = c->t->trap_args[i];
    if (d->form != DATA_MESSAGE || replaced != (u64)&room->header || copy_in(&h, c->a[d->arg], sizeof h))
        return;
    h.name_bytes = room->header.name_bytes; /* what the call has filled in */
    h.control_bytes = room->header.control_bytes;
    h.flags = room->header.flags;
    if (!d->is_write)
        copy_out(c->a[d->arg], &h, sizeof h);
}
