/* message.c: what a call sends or receives, whatever the call: read, readv, recv, recvmsg and theirs. */
#include "sockets.h"

static i64 take_iovecs(struct message *m)
{
    struct iovec_k v;
    if (m->iov_count > IOVECS_MAX)
        return -EMSGSIZE;
    for (u64 i = 0; i < m->iov_count; i++) {
        if (copy_in(&v, m->iov + i * sizeof v, sizeof v))
            return -EFAULT;
        if ((i64)v.len < 0)
            return -EINVAL;
        m->total += v.len;
    }
    return (i64)m->total < 0 ? -EINVAL : 0;
}

i64 message_of_header(u64 header, u32 flags, struct message *m)
{
    struct msghdr_k h;
    if (copy_in(&h, header, sizeof h))
        return -EFAULT;
    if ((i32)h.name_bytes < 0)
        return -EINVAL;
    *m = (struct message){.iov = h.iov, .iov_count = h.iov_count, .name = h.name, .flags = flags,
                          .name_bytes = h.name ? h.name_bytes : 0, .control = h.control,
                          .control_bytes = h.control ? h.control_bytes : 0, .header = header};
    return take_iovecs(m);
}

i64 message_of_call(struct trap *c, struct message *m)
{
    *m = (struct message){.base = c->a[1], .bytes = c->a[2], .total = c->a[2]};
    switch (c->nr) {
    case __NR_readv:
    case __NR_writev:
    case __NR_preadv2:
    case __NR_pwritev2:
        *m = (struct message){.iov = c->a[1], .iov_count = c->a[2]};
        return c->a[2] > IOVECS_MAX ? -EINVAL : take_iovecs(m);
    case __NR_recvmsg:
    case __NR_sendmsg:
        return message_of_header(c->a[1], (u32)c->a[2], m);
    case __NR_sendto:
        m->flags = (u32)c->a[3];
        m->name = c->a[4];
        m->name_bytes = c->a[4] ? (u32)c->a[5] : 0;
        return 0;
    case __NR_recvfrom:
        m->flags = (u32)c->a[3];
        m->name = c->a[4];
        m->name_length_at = c->a[4] ? c->a[5] : 0;
        return m->name_length_at ? copy_in(&m->name_bytes, c->a[5], 4) : 0;
    default:
        return 0;
    }
}

i64 message_span(struct message *m, u64 *address, u64 *bytes)
{
    struct iovec_k v;
    while (!m->bytes && m->next < m->iov_count) {
        if (copy_in(&v, m->iov + m->next++ * sizeof v, sizeof v))
            return -EFAULT;
        m->base = v.base;
        m->bytes = v.len;
    }
    *address = m->base;
    *bytes = min_u64(*bytes, m->bytes);
    return 0;
}

void message_advance(struct message *m, u64 bytes)
{
    m->base += bytes;
    m->bytes -= bytes;
    m->total -= bytes;
}

i64 message_skip(struct message *m, u64 bytes)
{
    while (bytes) {
        u64 address, n = bytes;
        if (message_span(m, &address, &n))
            return -EFAULT;
        if (!n)
            break;
        message_advance(m, n);
        bytes -= n;
    }
    return 0;
}

i64 message_rest(const struct message *m, struct iovec_k *to, u64 most)
{
    u64 n = 0, left = min_u64(m->iov_count - m->next, most - 1);
    if (m->bytes)
        to[n++] = (struct iovec_k){m->base, m->bytes};
    if (left && copy_in(to + n, m->iov + m->next * sizeof *to, left * sizeof *to))
        return -EFAULT;
    return (i64)(n + left);
}

i64 sockaddr_out(u64 user, u64 length_at, const void *name, u32 bytes)
{
    i32 room;
    if (!user)
        return 0;
    if (copy_in(&room, length_at, 4))
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    if (copy_out(user, name, min_u64((u32)room, bytes)))
        return -EFAULT;
    return copy_out(length_at, &bytes, 4);
}

i64 message_answer(struct message *m, const void *name, u32 name_bytes)
{
    if (m->name_length_at)
        return sockaddr_out(m->name, m->name_length_at, name, name_bytes);
    if (!m->header)
        return 0;
    if (m->name && name_bytes && copy_out(m->name, name, min_u64(m->name_bytes, name_bytes)))
        return -EFAULT;
    struct msghdr_k h;
    if (copy_in(&h, m->header, sizeof h))
        return -EFAULT;
    h.name_bytes = m->name ? name_bytes : h.name_bytes;
    h.control_bytes = m->control_used;
    h.flags = m->flags;
    return copy_out(m->header, &h, sizeof h);
}
