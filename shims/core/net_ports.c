#include "net_ports.h"

#include "hash.h"
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
    return address_is_v4(a) && (a->ip[12] & a->ip[13] & a->ip[14] & a->ip[15]) == 0xff;
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
    w->host.accepted[s->local.port]++;
    s->port_use = PORT_ACCEPTED;
}

void port_remove(struct world *w, struct sock *s)
{
    u32 use = s->port_use;
    s->port_use = PORT_NONE;
    if (use == PORT_ACCEPTED)
        w->host.accepted[s->local.port]--;
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

static int overlap(const struct sock *a, const struct sock *b)
{
    if (takes_all(a) || takes_all(b))
        return 1;
    if (address_is_v4(&a->local) != address_is_v4(&b->local))
        return 0;
    return address_is_any(&a->local) || address_is_any(&b->local) || address_same_ip(&a->local, &b->local);
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

int port_conflicts(struct world *w, const struct sock *s, u16 port, int listening)
{
    for (u32 i = *port_head(w, s, port); i; i = w->socks[i].next_of_port) {
        const struct sock *other = &w->socks[i];
        if (other == s || (listening && other->state != SOCK_LISTENING))
            continue;
        if (overlap(s, other) && !tolerate(s, other, listening))
            return 1;
    }
    return s->type != DGRAM && !listening && w->host.accepted[port] && !(s->flags & SOCK_REUSE_ADDR);
}

u16 port_ephemeral(struct world *w, const struct sock *s)
{
    u64 start = rng_below(w->config.entropy_seed, RNG_PORTS, 0, w->host.ports_drawn++, EPHEMERAL_COUNT);
    for (u32 i = 0; i < EPHEMERAL_COUNT; i++) {
        u16 port = (u16)(EPHEMERAL_FIRST + (start + i) % EPHEMERAL_COUNT);
        if (!*port_head(w, s, port) && !w->host.accepted[port])
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

/* Of several with SO_REUSEPORT that fit alike, the sender's address decides. */
static struct sock *pick(struct world *w, u32 first, const struct net_address *from,
                         const struct net_address *to, int best, int (*fits)(const struct sock *,
                         const struct net_address *, const struct net_address *))
{
    u64 n = 0, wanted;
    for (u32 i = first; i; i = w->socks[i].next_of_port)
        n += fits(&w->socks[i], from, to) == best;
    wanted = n > 1 ? hash_mix(hash_bytes(from->ip, 16, from->port), to->port) % n : 0;
    for (u32 i = first; i; i = w->socks[i].next_of_port)
        if (fits(&w->socks[i], from, to) == best && !wanted--)
            return &w->socks[i];
    return 0;
}

static struct sock *best_of(struct world *w, u32 first, const struct net_address *from,
                            const struct net_address *to, int (*fits)(const struct sock *,
                            const struct net_address *, const struct net_address *))
{
    int best = 0;
    for (u32 i = first; i; i = w->socks[i].next_of_port) {
        int f = fits(&w->socks[i], from, to);
        best = f > best ? f : best;
    }
    return best ? pick(w, first, from, to, best, fits) : 0;
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
