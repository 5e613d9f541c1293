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
    {__NR_sendmmsg, DATA_MESSAGES, 1, 1}, {__NR_recvmmsg, DATA_MESSAGES, 0, 1},
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

static u64 bytes_of_messages(u64 headers, u64 count)
{
    struct mmsghdr_k h;
    u64 total = 0;
    for (u64 i = 0; i < min_u64(count, IOVECS_MAX) && !copy_in(&h, headers + i * sizeof h, sizeof h); i++)
        total += bytes_of_iovecs(h.header.iov, h.header.iov_count);
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
    case ARG_MMSGHDRS:
        return bytes_of_messages(c->a[i], (u32)c->a[i + 1]);
    default:
        return SIZE_NONE;
    }
}

u64 faults_size(struct faulting *f)
{
    const struct trap *c = f->c;
    if (f->size != SIZE_UNKNOWN)
        return f->size;
    f->size = c->nr == __NR_mremap ? c->a[2] : SIZE_NONE; /* the new one */
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
    memcpy(d->args, c->a, sizeof d->args);
    switch (row->form) {
    case DATA_COUNT:
        d->total = c->a[row->arg];
        return 1;
    case DATA_MESSAGES:
        d->total = min_u64((u32)c->a[row->arg + 1], IOVECS_MAX);
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

/* ---- the buffers ---- */
void data_start(struct data_way *w, const struct data *d, u64 result)
{
    *w = (struct data_way){.d = d, .iov = d->iov, .left = d->iov_count, .bytes = result};
    if (d->form == DATA_MESSAGES)
        *w = (struct data_way){.d = d, .messages = result};
}

/* What was read of a message is in its header; a write takes all that it has. */
static int next_message(struct data_way *w)
{
    struct mmsghdr_k h;
    u64 at = w->d->args[w->d->arg] + w->message * sizeof h;
    if (w->message == w->messages || copy_in(&h, at, sizeof h))
        return 0;
    w->message++;
    w->iov = h.header.iov;
    w->left = min_u64(h.header.iov_count, IOVECS_MAX);
    w->bytes = w->d->is_write ? ~0ul : h.bytes;
    return 1;
}

int data_next(struct data_way *w, struct iovec_k *v)
{
    while (!w->left || !w->bytes)
        if (!next_message(w))
            return 0;
    if (copy_in(v, w->iov, sizeof *v))
        return 0;
    w->iov += sizeof *v;
    w->left--;
    v->len = min_u64(v->len, w->bytes);
    w->bytes -= v->len;
    return 1;
}

u64 data_bytes(const struct data *d, u64 result)
{
    struct data_way w;
    struct iovec_k v;
    u64 bytes = 0;
    if (d->form != DATA_MESSAGES)
        return result;
    for (data_start(&w, d, result); data_next(&w, &v); bytes += v.len)
        ;
    return bytes;
}

void data_tell_sent(const struct data *d, u64 messages)
{
    for (u64 i = 0; i < messages; i++) {
        u64 at = d->args[d->arg] + i * sizeof(struct mmsghdr_k);
        struct msghdr_k h;
        u32 bytes = copy_in(&h, at, sizeof h) ? 0 : (u32)bytes_of_iovecs(h.iov, h.iov_count);
        copy_out(at + __builtin_offsetof(struct mmsghdr_k, bytes), &bytes, sizeof bytes);
    }
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
    else if (d->form == DATA_BUFFER || d->form == DATA_MESSAGES)
        c->a[d->arg + 1] = bytes;
    else
        data_replace(c, d, cut(d, data_room(c->t)->iov, bytes));
}

void data_restore(struct trap *c, const struct data *d)
{
    const struct data_room *room = data_room(c->t);
    u64 replaced = c->a[d->arg];
    struct msghdr_k h;
    memcpy(c->a, d->args, sizeof d->args);
    if (d->form != DATA_MESSAGE || replaced != (u64)&room->header || copy_in(&h, c->a[d->arg], sizeof h))
        return;
    h.name_bytes = room->header.name_bytes; /* what the call has filled in */
    h.control_bytes = room->header.control_bytes;
    h.flags = room->header.flags;
    if (!d->is_write)
        copy_out(c->a[d->arg], &h, sizeof h);
}
