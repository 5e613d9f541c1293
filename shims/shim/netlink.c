/* netlink.c: NETLINK_ROUTE, by which programs ask for interfaces and addresses. The kernel answers,
 * for the simulation's own namespace; what chance or the machine's uptime has put into it is made the
 * same in every run. */
#include "sockets.h"

#define PORT_TRIES 4096u
#define RTM_NEWLINK_TYPE 16
#define RTM_NEWADDR_TYPE 20
#define IFINFOMSG_BYTES 16u
#define IFADDRMSG_BYTES 8u
#define IFA_CACHEINFO_TYPE 6
#define IFLA_AF_SPEC_TYPE 26
#define IFLA_INET6_CACHEINFO_TYPE 5
#define ATTRIBUTE_TYPE_BITS 0x3fffu
#define REACHABLE_MS 30000u /* what Linux draws its value around */

struct sockaddr_netlink {
    u16 family, pad;
    u32 port, groups;
};

struct netlink_header {
    u32 bytes;
    u16 type, flags;
    u32 sequence, port;
};

struct netlink_attribute {
    u16 bytes, type;
};

/* ---- its name: a second socket of a process would be given a random one ---- */
static i64 bind_free_port(struct trap *c, u32 groups)
{
    struct sockaddr_netlink a = {AF_NETLINK_K, 0, c->p->pid, groups};
    i64 error;
    for (u32 i = 0; i < PORT_TRIES; i++) {
        error = raw(__NR_bind, c->a[0], &a, sizeof a);
        if (error != -EADDRINUSE)
            break;
        a.port = ~PORT_TRIES - i; /* the kernel draws from there downwards */
    }
    return error;
}

i64 netlink_bind(struct trap *c)
{
    struct sockaddr_netlink a;
    if (c->a[2] < sizeof a || copy_in(&a, c->a[1], sizeof a) || a.family != AF_NETLINK_K || a.port)
        return pass(c);
    return bind_free_port(c, a.groups);
}

void netlink_before_use(struct trap *c)
{
    struct sockaddr_netlink a = {0};
    u32 bytes = sizeof a;
    if (!raw(__NR_getsockname, c->a[0], &a, &bytes) && !a.port)
        bind_free_port(c, 0);
}

/* ---- what is received ---- */
static u64 aligned(u64 bytes) { return (bytes + 3) & ~3ul; }

static u64 address_of(const struct message *m, u64 at, u64 bytes)
{
    struct message rest = *m;
    u64 address, n = bytes;
    if (message_skip(&rest, at) || message_span(&rest, &address, &n) || n < bytes)
        return 0; /* EFAULT, for a piece that lies in two buffers */
    return address;
}

static void put(const struct message *m, u64 at, u32 value)
{
    copy_out(address_of(m, at, sizeof value), &value, sizeof value);
}

/* Where the contents of an attribute of this type start; `*end` then: where they end. 0: none. */
static u64 attribute(const struct message *m, u64 at, u64 *end, u32 type)
{
    struct netlink_attribute a;
    while (at && at + sizeof a <= *end && !copy_in(&a, address_of(m, at, sizeof a), sizeof a)) {
        if (a.bytes < sizeof a || at + a.bytes > *end)
            break;
        if ((a.type & ATTRIBUTE_TYPE_BITS) == type) {
            *end = at + a.bytes;
            return at + sizeof a;
        }
        at += aligned(a.bytes);
    }
    return 0;
}

/* struct ifa_cacheinfo: when it was made and changed last, since the machine started */
static void settle_address(const struct message *m, u64 at, u64 end)
{
    at = attribute(m, at + IFADDRMSG_BYTES, &end, IFA_CACHEINFO_TYPE);
    if (at) {
        put(m, at + 8, 0);
        put(m, at + 12, 0);
    }
}

/* struct ifla_cacheinfo: the same, and a time that is drawn by chance */
static void settle_link(const struct message *m, u64 at, u64 end)
{
    at = attribute(m, at + IFINFOMSG_BYTES, &end, IFLA_AF_SPEC_TYPE);
    at = attribute(m, at, &end, AF_INET6_K);
    at = attribute(m, at, &end, IFLA_INET6_CACHEINFO_TYPE);
    if (at) {
        put(m, at + 4, 0);
        put(m, at + 8, REACHABLE_MS);
    }
}

void netlink_received(struct trap *c, i64 result)
{
    struct netlink_header h;
    struct message m;
    if (result <= 0 || message_of_call(c, &m))
        return;
    u64 bytes = min_u64((u64)result, m.total);
    for (u64 at = 0; at + sizeof h <= bytes; at += aligned(h.bytes)) {
        if (copy_in(&h, address_of(&m, at, sizeof h), sizeof h) || h.bytes < sizeof h)
            return;
        u64 end = min_u64(at + h.bytes, bytes);
        if (h.type == RTM_NEWADDR_TYPE)
            settle_address(&m, at + sizeof h, end);
        else if (h.type == RTM_NEWLINK_TYPE)
            settle_link(&m, at + sizeof h, end);
    }
}
