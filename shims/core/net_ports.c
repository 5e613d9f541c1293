#include "net_ports.h"

#include "hash.h"
#include "net_time_wait.h"
#include "rng.h"

#define EPHEMERAL_FIRST 32768u
#define EPHEMERAL_COUNT 28232u
#define DGRAM 2

/* ---- addresses ---- */
static const u8 v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int same_bytes(const u8 *a, const u8 *b, int n)
{
    for (int i = 0; i < n; i++)
        if (a[i] != b[i])
            return 0;
    return 1;
}

static int all_zero(const u8 *a, int n)
{
    for (int i = 0; i < n; i++)
        if (a[i])
            return 0;
    return 1;
}

int address_is_v4(const struct net_address *a) { return same_bytes(a->ip, v4_prefix, 12); }
int address_is_any(const struct net_address *a)
{
    return address_is_v4(a) ? all_zero(a->ip + 12, 4) : all_zero(a->ip, 16);
}
int address_same_ip(const struct net_address *a, const struct net_address *b)
{
    return same_bytes(a->ip, b->ip, 16);
}
int address_is_local(const struct net_address *a)
{
    return address_is_v4(a) ? a->ip[12] == 127 : all_zero(a->ip, 15) && a->ip[15] == 1;
}
int address_is_multicast(const struct net_address *a)
{
    return address_is_v4(a) ? a->ip[12] >> 4 == 14 : a->ip[0] == 0xff;
}
int address_is_broadcast(const struct net_address *a)
{
    if (!address_is_v4(a))
        return 0;
    u32 ip = (u32)a->ip[12] << 24 | (u32)a->ip[13] << 16 | (u32)a->ip[14] << 8 | a->ip[15];
    return ip == 0xffffffff || ip == 0x7fffffff || ip == 0x7f000000; /* everybody; of 127.0.0.0/8 */
}

void address_any(struct net_address *a, int v4)
{
    for (int i = 0; i < 16; i++)
        a->ip[i] = v4 && i < 12 ? v4_prefix[i] : 0;
}

void address_loopback(struct net_address *a, int v4)
{
    address_any(a, v4);
    if (v4)
        a->ip[12] = 127;
    a->ip[15] = 1;
}

/* ---- uses of a port by connections that do not own it, counted by address ---- */
u32 port_class(const struct sock *s)
{
    return (s->flags & SOCK_REUSE_ADDR ? 1u : 0) | (s->flags & SOCK_REUSE_PORT ? 2u : 0);
}

u32 port_uses_add(struct world *w, const struct net_address *a, u32 class)
{
    u32 *head = &w->host.tcp_uses[a->port], slot = *head;
    while (slot && !same_bytes(w->port_uses[slot].ip, a->ip, 16))
        slot = w->port_uses[slot].next;
    if (!slot) {
        slot = w->free_port_use;
        if (slot)
            w->free_port_use = w->port_uses[slot].next;
        else if (w->used_port_uses + 1 < PORT_USES_MAX)
            slot = ++w->used_port_uses;
        else
            return 0; /* more than all sockets that there can be: not counted */
        struct port_uses *u = &w->port_uses[slot];
        *u = (struct port_uses){.next = *head};
        for (int i = 0; i < 16; i++)
            u->ip[i] = a->ip[i];
        *head = slot;
    }
    w->port_uses[slot].count[class]++;
    return slot;
}

void port_uses_drop(struct world *w, u16 port, u32 slot, u32 class)
{
    struct port_uses *u = &w->port_uses[slot];
    u32 *link = &w->host.tcp_uses[port];
    if (!slot || --u->count[class] || u->count[0] | u->count[1] | u->count[2] | u->count[3])
        return;
    while (*link != slot)
        link = &w->port_uses[*link].next;
    *link = u->next;
    u->next = w->free_port_use;
    w->free_port_use = slot;
}

/* ---- the table ---- */
static u32 *port_head(struct world *w, const struct sock *s, u16 port)
{
    return s->type == DGRAM ? &w->host.udp_ports[port] : &w->host.tcp_ports[port];
}

static u32 index_of(const struct world *w, const struct sock *s) { return (u32)(s - w->socks); }

void port_add(struct world *w, struct sock *s)
{
    u32 *link = port_head(w, s, s->local.port), last = 0;
    while (*link) {
        last = *link;
        link = &w->socks[*link].next_of_port;
    }
    *link = index_of(w, s);
    s->prev_of_port = last;
    s->next_of_port = 0;
    s->port_use = PORT_OWNED;
}

void port_add_accepted(struct world *w, struct sock *s)
{
    s->uses_class = port_class(s);
    s->uses = port_uses_add(w, &s->local, s->uses_class);
    s->port_use = PORT_ACCEPTED;
}

void port_remove(struct world *w, struct sock *s)
{
    u32 use = s->port_use;
    s->port_use = PORT_NONE;
    if (use == PORT_ACCEPTED)
        port_uses_drop(w, s->local.port, s->uses, s->uses_class);
    if (use != PORT_OWNED)
        return;
    if (s->prev_of_port)
        w->socks[s->prev_of_port].next_of_port = s->next_of_port;
    else
        *port_head(w, s, s->local.port) = s->next_of_port;
    if (s->next_of_port)
        w->socks[s->next_of_port].prev_of_port = s->prev_of_port;
}

/* ---- who is in whose way ---- */
/* An unspecified IPv6 address without IPV6_V6ONLY takes all of IPv4 as well. */
static int takes_all(const struct sock *s)
{
    return !address_is_v4(&s->local) && address_is_any(&s->local) && !(s->flags & SOCK_V6_ONLY);
}

static int overlap(const struct sock *a, const struct net_address *b, int b_takes_all)
{
    if (takes_all(a) || b_takes_all)
        return 1;
    if (address_is_v4(&a->local) != address_is_v4(b))
        return 0;
    return address_is_any(&a->local) || address_is_any(b) || address_same_ip(&a->local, b);
}

static int tolerate(const struct sock *a, const struct sock *b, int listening)
{
    u32 both = a->flags & b->flags;
    if (both & SOCK_REUSE_PORT)
        return 1;
    if (!(both & SOCK_REUSE_ADDR))
        return 0;
    return a->type == DGRAM || (b->state != SOCK_LISTENING && !(listening && b->state == SOCK_LISTENING));
}

static int conflicts_with_uses(const struct world *w, const struct sock *s, u16 port)
{
    struct net_address a;
    for (u32 i = w->host.tcp_uses[port]; i; i = w->port_uses[i].next) {
        const struct port_uses *u = &w->port_uses[i];
        for (int n = 0; n < 16; n++)
            a.ip[n] = u->ip[n];
        for (u32 class = 0; class < 4; class++)
            if (u->count[class] && !(class & port_class(s)) && overlap(s, &a, 0))
                return 1;
    }
    return 0;
}

int port_conflicts(struct world *w, const struct sock *s, u16 port, int listening)
{
    for (u32 i = *port_head(w, s, port); i; i = w->socks[i].next_of_port) {
        const struct sock *other = &w->socks[i];
        if (other == s || (listening && other->state != SOCK_LISTENING))
            continue;
        if (overlap(s, &other->local, takes_all(other)) && !tolerate(s, other, listening))
            return 1;
    }
    if (s->type == DGRAM || listening)
        return 0;
    time_waits_expire(w);
    return conflicts_with_uses(w, s, port);
}

/* Ports that connects chose can serve several connections, if these lead to different places. */
static int can_share(struct world *w, const struct sock *s, u16 port)
{
    for (u32 i = *port_head(w, s, port); i; i = w->socks[i].next_of_port) {
        const struct sock *other = &w->socks[i];
        int elsewhere = other->peer_address.port != s->peer_address.port ||
                        !address_same_ip(&other->peer_address, &s->peer_address);
        if (other->flags & SOCK_BOUND || other->state != SOCK_CONNECTED || !elsewhere)
            return 0;
    }
    return 1;
}

u16 port_ephemeral(struct world *w, const struct sock *s)
{
    u64 start = rng_below(w->config.entropy_seed, RNG_PORTS, 0, w->host.ports_drawn++, EPHEMERAL_COUNT);
    time_waits_expire(w);
    for (u32 i = 0; i < EPHEMERAL_COUNT; i++) {
        u16 port = (u16)(EPHEMERAL_FIRST + (start + i) % EPHEMERAL_COUNT);
        if (!*port_head(w, s, port) && (s->type == DGRAM || !w->host.tcp_uses[port]))
            return port;
    }
    for (u32 i = 0; i < EPHEMERAL_COUNT && s->type != DGRAM && s->peer_address.port; i++) {
        u16 port = (u16)(EPHEMERAL_FIRST + (start + i) % EPHEMERAL_COUNT);
        if (can_share(w, s, port))
            return port;
    }
    return 0;
}

/* ---- who is meant ---- */
/* How well a socket fits the address; 0: not at all. The more it says, the better. */
static int fit(const struct sock *s, const struct net_address *to)
{
    if (address_same_ip(&s->local, to))
        return 4;
    if (!address_is_any(&s->local))
        return 0;
    if (address_is_v4(&s->local))
        return address_is_v4(to) ? 3 : 0;
    return !address_is_v4(to) ? 3 : s->flags & SOCK_V6_ONLY ? 0 : 2;
}

typedef int fits_fn(const struct sock *, const struct net_address *, const struct net_address *);

/* Those of its group (SO_REUSEPORT) fit as well: the sender's address decides between them. */
static u32 pick_of_group(struct world *w, u32 first, u32 newest, const struct net_address *from,
                         const struct net_address *to, int best, fits_fn *fits)
{
    const struct sock *one = &w->socks[newest];
    u64 wanted = 0;
    for (int picking = 0; picking < 2; picking++) {
        u64 n = 0;
        for (u32 i = first; i; i = w->socks[i].next_of_port) {
            const struct sock *s = &w->socks[i];
            if (!(s->flags & SOCK_REUSE_PORT) || fits(s, from, to) != best ||
                !address_same_ip(&s->local, &one->local))
                continue;
            if (picking && n == wanted)
                return i;
            n++;
        }
        wanted = hash_mix(hash_bytes(from->ip, 16, from->port), to->port) % n;
    }
    return newest;
}

/* The one that fits best, of several the newest. */
static struct sock *best_of(struct world *w, u32 first, const struct net_address *from,
                            const struct net_address *to, fits_fn *fits)
{
    int best = 0;
    u32 newest = 0;
    for (u32 i = first; i; i = w->socks[i].next_of_port) {
        int f = fits(&w->socks[i], from, to);
        newest = f && f >= best ? i : newest;
        best = f > best ? f : best;
    }
    if (newest && w->socks[newest].flags & SOCK_REUSE_PORT)
        newest = pick_of_group(w, first, newest, from, to, best, fits);
    return newest ? &w->socks[newest] : 0;
}

static int listener_fits(const struct sock *s, const struct net_address *from, const struct net_address *to)
{
    (void)from;
    return s->state == SOCK_LISTENING ? fit(s, to) : 0;
}

/* A connected socket takes its peer's datagrams only, and before any other. */
static int receiver_fits(const struct sock *s, const struct net_address *from, const struct net_address *to)
{
    if (s->state != SOCK_CONNECTED)
        return fit(s, to);
    int from_peer = s->peer_address.port == from->port && address_same_ip(&s->peer_address, from);
    return from_peer && fit(s, to) ? 8 + fit(s, to) : 0;
}

struct sock *port_listener(struct world *w, const struct net_address *from, const struct net_address *to)
{
    return best_of(w, w->host.tcp_ports[to->port], from, to, listener_fits);
}

struct sock *port_receiver(struct world *w, const struct net_address *from, const struct net_address *to)
{
    return best_of(w, w->host.udp_ports[to->port], from, to, receiver_fits);
}

int port_receives(const struct sock *s, const struct net_address *from,
                  const struct net_address *to)
{
    return receiver_fits(s, from, to) != 0;
}

/* ---- multicast groups ---- */
int group_join(struct world *w, const struct sock *s, const u8 group[4])
{
    u32 slot = w->free_membership;
    if (slot)
        w->free_membership = w->memberships[slot].next;
    else if (w->used_memberships + 1 < MEMBERSHIPS_MAX)
        slot = ++w->used_memberships;
    else
        return 0;
    struct membership *m = &w->memberships[slot];
    for (int i = 0; i < 4; i++)
        m->group[i] = group[i];
    m->sock = index_of(w, s);
    m->next = w->host.first_membership;
    w->host.first_membership = slot;
    return 1;
}

/* `group` 0: all. */
static void leave(struct world *w, const struct sock *s, const u8 *group)
{
    u32 *link = &w->host.first_membership;
    while (*link) {
        struct membership *m = &w->memberships[*link];
        if (m->sock != index_of(w, s) || (group && !same_bytes(m->group, group, 4))) {
            link = &m->next;
            continue;
        }
        u32 slot = *link;
        *link = m->next;
        m->next = w->free_membership;
        w->free_membership = slot;
    }
}

void group_leave(struct world *w, const struct sock *s, const u8 group[4]) { leave(w, s, group); }
void groups_leave(struct world *w, const struct sock *s) { leave(w, s, 0); }

int group_has_members(const struct world *w, const struct net_address *group)
{
    for (u32 i = w->host.first_membership; i; i = w->memberships[i].next)
        if (same_bytes(w->memberships[i].group, group->ip + 12, 4))
            return 1;
    return 0;
}

int is_member(const struct world *w, const struct sock *s, const struct net_address *group)
{
    for (u32 i = w->host.first_membership; i; i = w->memberships[i].next) {
        const struct membership *m = &w->memberships[i];
        if (m->sock == index_of(w, s) && same_bytes(m->group, group->ip + 12, 4))
            return 1;
    }
    return 0;
}
