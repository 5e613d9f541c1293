/* faults_peers.c: network addresses as fault rules see them: those in the call, and the socket's own.
 *
 * Of a socket of the simulated network the world knows them; of one that came from outside, or is the
 * machine's (--net host), the kernel is asked.
 */
#include "faults.h"
#include "inet.h"

static int has_prefix(const u8 ip[16], const struct fault_peer *p)
{
    u32 bytes = p->prefix_bits / 8, bits = p->prefix_bits % 8;
    if (memcmp(ip, p->ip, bytes))
        return 0;
    return !bits || !((ip[bytes] ^ p->ip[bytes]) >> (8 - bits));
}

static int is_among(const struct net_address *a, u32 first, u32 count)
{
    for (const struct fault_peer *p = &FAULTS->peers[first]; count; p++, count--)
        if (a->port >= p->port_from && a->port <= p->port_to && has_prefix(a->ip, p))
            return 1;
    return 0;
}

/* ---- what is known of a socket ---- */
/* A sockaddr of either family; port 0: it is none. */
static void take_name(const u8 *name, struct net_address *a)
{
    u32 family = name[0] | (u32)name[1] << 8;
    memset(a, 0, sizeof *a);
    if (family != AF_INET_K && family != AF_INET6_K)
        return;
    a->port = (u16)(name[2] << 8 | name[3]);
    if (family == AF_INET6_K) {
        memcpy(a->ip, name + 8, 16);
        return;
    }
    a->ip[10] = a->ip[11] = 0xff;
    memcpy(a->ip + 12, name + 4, 4);
}

static int is_kernels(const struct object *o)
{
    return o->kind == OBJECT_SOCKET || o->kind == OBJECT_OUTSIDE;
}

static void ask_kernel(i64 nr, const struct object *o, i64 fd, struct net_address *a)
{
    struct task *t = current_task();
    u8 name[SOCKADDR_BYTES_MAX] = {0};
    u32 bytes = sizeof name;
    u64 half[2];
    if (raw(nr, fd, name, &bytes))
        name[0] = name[1] = 0;
    take_name(name, a);
    if (!is_outside(o))
        return;
    memcpy(half, a->ip, sizeof half);
    half[0] = outside_word(t, half[0]);
    half[1] = outside_word(t, half[1]);
    memcpy(a->ip, half, sizeof half);
    a->port = (u16)outside_word(t, a->port);
}

/* Port 0: not known. 0: it has no such addresses. */
static int own_addresses(const struct object *o, i64 fd, struct net_address *peer, struct net_address *local)
{
    if (o->kind == OBJECT_INET) {
        *peer = sock_of(o)->peer_address;
        *local = sock_of(o)->local;
        return 1;
    }
    if (!is_kernels(o))
        return 0;
    ask_kernel(__NR_getpeername, o, fd, peer);
    ask_kernel(__NR_getsockname, o, fd, local);
    return 1;
}

/* What is not known yet lets the rule pass, and so does that which a call may give another one of. */
int faults_addresses_may_match(const struct fault_rule *r, const struct object *o, i64 fd)
{
    struct net_address peer, local;
    if (!r->peers && !r->locals)
        return 1;
    if (!own_addresses(o, fd, &peer, &local))
        return 0;
    int is_settled = o->kind == OBJECT_INET && is_stream(sock_of(o));
    if (r->peers && is_settled && peer.port && !is_among(&peer, r->first_peer, r->peers))
        return 0;
    return !r->locals || !local.port || is_among(&local, r->first_local, r->locals);
}

/* ---- the call ---- */
/* Where the address that the call itself gives is; 0: there is none. */
static u64 name_of_call(const struct trap *c, u32 *bytes)
{
    struct message m;
    *bytes = 0;
    switch (c->nr) {
    case __NR_connect:
    case __NR_bind:
        *bytes = (u32)c->a[2];
        return c->a[1];
    case __NR_sendto:
        *bytes = (u32)c->a[5];
        return c->a[4];
    case __NR_sendmsg:
        if (message_of_header(c->a[1], 0, &m))
            return 0;
        *bytes = m.name_bytes;
        return m.name;
    default:
        return 0;
    }
}

static int address_of_call(const struct trap *c, const struct object *o, struct net_address *a)
{
    u8 name[SOCKADDR_BYTES_MAX] = {0};
    u32 bytes;
    u64 user = name_of_call(c, &bytes);
    if (!user)
        return 0;
    if (o->kind == OBJECT_INET)
        return sockaddr_in(sock_of(o), user, bytes, a, 1) == 0;
    if (copy_in(name, user, min_u64(bytes, sizeof name)))
        return 0;
    take_name(name, a);
    return a->port != 0;
}

static int addresses(const struct trap *c, const struct target *t, struct net_address *peer,
                     struct net_address *local)
{
    const struct object *o = &WORLD->objects[t->object];
    if (!own_addresses(o, t->fd, peer, local))
        return 0;
    address_of_call(c, o, c->nr == __NR_bind ? local : peer);
    return 1;
}

int faults_peer(const struct trap *c, const struct target *t, struct net_address *peer, struct net_address *local)
{
    memset(peer, 0, sizeof *peer);
    memset(local, 0, sizeof *local);
    return addresses(c, t, peer, local) && peer->port != 0;
}

int faults_addresses_match(const struct trap *c, const struct fault_rule *r, const struct target *t)
{
    struct net_address peer, local;
    if (!r->peers && !r->locals)
        return 1;
    if (!addresses(c, t, &peer, &local))
        return 0;
    return (!r->peers || (peer.port && is_among(&peer, r->first_peer, r->peers))) &&
           (!r->locals || (local.port && is_among(&local, r->first_local, r->locals)));
}
