/* inet_control.c: control messages of UDP: where a datagram came to, from where it is to go. */
#include "inet.h"

#define LOOPBACK_INDEX 1u
#define SOL_IP_K 0u
#define SOL_UDP_K 17u
#define SOL_IPV6_K 41u

#define SO_MARK_K 36u
#define SO_TIMESTAMPING_K 37u
#define SO_TXTIME_K 61u
#define SO_PRIORITY_K 12u
#define SCM_RIGHTS_K 1u
#define SCM_CREDENTIALS_K 2u
#define IP_TOS_K 1u
#define IP_TTL_K 2u
#define IP_PKTINFO_K 8u
#define UDP_SEGMENT_K 103u
#define IPV6_PKTINFO_K 50u
#define IPV6_HOPLIMIT_K 52u
#define IPV6_TCLASS_K 67u
#define IPV6_DONTFRAG_K 62u

struct cmsghdr_k {
    u64 bytes; /* with this header */
    u32 level, type;
};

static u64 aligned(u64 bytes) { return (bytes + 7) & ~7ul; }

/* ---- which come with a datagram ---- */
/* The option that asks for each, and what it is itself; in the order of enum sock_ask. */
static const struct {
    u32 level, option, type;
} asks[] = {
    {SOL_SOCKET_K, 29 /* SO_TIMESTAMP */, 29},
    {SOL_SOCKET_K, 35 /* SO_TIMESTAMPNS */, 35},
    {SOL_SOCKET_K, 40 /* SO_RXQ_OVFL */, 40},
    {SOL_IP_K, IP_PKTINFO_K, IP_PKTINFO_K},
    {SOL_IP_K, 12 /* IP_RECVTTL */, IP_TTL_K},
    {SOL_IP_K, 13 /* IP_RECVTOS */, IP_TOS_K},
    {SOL_IP_K, 20 /* IP_RECVORIGDSTADDR */, 20},
    {SOL_IPV6_K, 49 /* IPV6_RECVPKTINFO */, IPV6_PKTINFO_K},
    {SOL_IPV6_K, 51 /* IPV6_RECVHOPLIMIT */, IPV6_HOPLIMIT_K},
    {SOL_IPV6_K, 66 /* IPV6_RECVTCLASS */, IPV6_TCLASS_K},
    {SOL_IPV6_K, 74 /* IPV6_RECVORIGDSTADDR */, 74},
};
#define ASKS (sizeof asks / sizeof *asks)

u32 control_asked(u32 level, u32 name)
{
    for (u32 i = 0; i < ASKS; i++)
        if (asks[i].level == level && asks[i].option == name)
            return 1u << i;
    return 0;
}

/* The data of one; its length. 0: it does not come with this datagram. */
static u32 value_of(const struct sock *s, u32 ask, const struct net_block *b, u8 out[28])
{
    struct net_address to = {.port = s->local.port};
    memcpy(to.ip, b->to, sizeof to.ip);
    int v4 = address_is_v4(&to), multicast = address_is_multicast(&to);
    u32 number = ask == ASK_DROPS                       ? s->drops
                 : ask == ASK_TTL || ask == ASK_HOPS6 ? b->hops
                                                      : b->traffic_class;
    i64 time[2] = {(i64)(b->sent_ns / NS_PER_SECOND), (i64)(b->sent_ns % NS_PER_SECOND)};
    u32 index = LOOPBACK_INDEX;
    switch (ask) {
    case ASK_TIMESTAMP:
        time[1] /= 1000;
        memcpy(out, time, sizeof time);
        return sizeof time;
    case ASK_TIMESTAMPNS:
        memcpy(out, time, sizeof time);
        return sizeof time;
    case ASK_PKTINFO: /* struct in_pktinfo */
        memcpy(out, &index, 4);
        memcpy(out + 4, multicast ? b->from.ip + 12 : to.ip + 12, 4);
        memcpy(out + 8, to.ip + 12, 4);
        return v4 ? 12 : 0;
    case ASK_PKTINFO6: /* struct in6_pktinfo; of IPv4, too */
        memcpy(out, to.ip, 16);
        memcpy(out + 16, &index, 4);
        return 20;
    case ASK_ORIGINAL:
    case ASK_ORIGINAL6:
        if (v4 != (ask == ASK_ORIGINAL))
            return 0;
        return sockaddr_make_as(v4 ? AF_INET_K : AF_INET6_K, &to, out);
    case ASK_TOS:
        out[0] = (u8)number;
        return v4 ? 1 : 0;
    case ASK_TTL:
    case ASK_HOPS6:
    case ASK_CLASS6:
        memcpy(out, &number, 4);
        return v4 == (ask == ASK_TTL) ? 4 : 0;
    default:
        memcpy(out, &number, 4);
        return number ? 4 : 0;
    }
}

/* One more, or as much of it as there is room for. */
static i64 put(struct message *m, u32 level, u32 type, const u8 *value, u64 bytes)
{
    u64 room = m->control_bytes - m->control_used, at = m->control + m->control_used;
    struct cmsghdr_k h = {sizeof h + bytes, level, type};
    if (room < h.bytes)
        m->flags |= MSG_CTRUNC_FLAG;
    if (room < sizeof h)
        return 0;
    u64 space = min_u64(aligned(h.bytes), room);
    h.bytes = min_u64(h.bytes, room);
    m->control_used += space;
    i64 error = copy_out(at, &h, sizeof h);
    return error ? error : copy_out(at + sizeof h, value, h.bytes - sizeof h);
}

i64 control_out(const struct sock *s, struct message *m, u32 datagram)
{
    const struct net_block *b = &WORLD->net_blocks[datagram];
    u8 value[28];
    i64 error = 0;
    for (u32 i = 0; s->asks >> i && m->header && !error; i++) {
        u32 bytes = s->asks >> i & 1 ? value_of(s, 1u << i, b, value) : 0;
        if (bytes)
            error = put(m, asks[i].level, asks[i].type, value, bytes);
    }
    return error;
}

/* ---- which go with a send ---- */
static i64 source_is(struct sending *q, const struct net_address *a)
{
    if (address_is_any(a))
        return 0;
    q->source = *a;
    q->has_source = 1;
    return address_is_local(a) ? 0 : address_is_v4(a) ? -ENETUNREACH : -EINVAL;
}

static i64 ip_control(u32 type, const u8 *data, u64 bytes, struct sending *q)
{
    struct net_address a;
    i32 number;
    memcpy(&number, data, 4);
    address_any(&a, 1);
    switch (type) {
    case IP_PKTINFO_K: /* the second field: the address to send from */
        memcpy(a.ip + 12, data + 4, 4);
        return bytes == 12 ? source_is(q, &a) : -EINVAL;
    case IP_TTL_K:
        q->hops = number;
        return bytes == 4 && number >= 1 && number <= 255 ? 0 : -EINVAL;
    case IP_TOS_K:
        q->traffic_class = number = bytes == 1 ? data[0] : number;
        return (bytes == 1 || bytes == 4) && number >= 0 && number <= 255 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

static i64 ipv6_control(u32 type, const u8 *data, u64 bytes, struct sending *q)
{
    struct net_address a = {.port = 0};
    i32 number;
    memcpy(&number, data, 4);
    switch (type) {
    case IPV6_PKTINFO_K:
        memcpy(a.ip, data, 16);
        return bytes >= 20 ? source_is(q, &a) : -EINVAL;
    case IPV6_HOPLIMIT_K:
        q->hops = number < 0 ? 0 : number;
        return bytes == 4 && number >= -1 && number <= 255 ? 0 : -EINVAL;
    case IPV6_TCLASS_K:
        q->traffic_class = number;
        return bytes == 4 && number >= -1 && number <= 255 ? 0 : -EINVAL;
    case IPV6_DONTFRAG_K:
        return bytes == 4 && (number == 0 || number == 1) ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

static i64 socket_control(u32 type, u64 bytes)
{
    switch (type) {
    case SCM_RIGHTS_K: /* means something to AF_UNIX only */
    case SCM_CREDENTIALS_K:
        return 0;
    case SO_MARK_K:
    case SO_TIMESTAMPING_K:
    case SO_PRIORITY_K:
        return bytes == 4 ? 0 : -EINVAL;
    case SO_TXTIME_K:
        return bytes == 8 ? 0 : -EINVAL;
    default:
        return -EINVAL;
    }
}

static i64 take(const struct sock *s, const struct cmsghdr_k *h, const u8 *data, struct sending *q)
{
    u64 bytes = h->bytes - sizeof *h;
    int v4 = address_is_v4(&q->to);
    u16 segment;
    if (h->level == SOL_SOCKET_K)
        return socket_control(h->type, bytes);
    if (is_stream(s))
        return 0;
    if (h->level == SOL_UDP_K && h->type == UDP_SEGMENT_K) {
        memcpy(&segment, data, sizeof segment);
        q->segment = segment;
        return bytes == sizeof segment ? 0 : -EINVAL;
    }
    if (h->level == SOL_IP_K && v4)
        return ip_control(h->type, data, bytes, q);
    if (h->level == SOL_IPV6_K && (!v4 || (s->family == AF_INET6_K && h->type == IPV6_PKTINFO_K)))
        return ipv6_control(h->type, data, bytes, q);
    return 0; /* of no level that is asked here */
}

i64 control_in(const struct sock *s, const struct message *m, struct sending *q)
{
    struct cmsghdr_k h;
    u8 data[24] = {0};
    u64 at = 0;
    i64 error = 0;
    while (m->header && !error && m->control_bytes >= at + sizeof h) {
        if (copy_in(&h, m->control + at, sizeof h))
            return -EFAULT;
        if (h.bytes < sizeof h || h.bytes > m->control_bytes - at)
            return -EINVAL;
        if (copy_in(data, m->control + at + sizeof h, min_u64(h.bytes - sizeof h, sizeof data)))
            return -EFAULT;
        error = take(s, &h, data, q);
        at += aligned(h.bytes);
    }
    return error;
}
