/* net_ports.h: addresses, and which socket has which port. Pure.
 *
 * The rules are Linux's (net/ipv4/inet_connection_sock.c, inet_hashtables.c, udp.c): who may bind
 * what beside whom, and which of several sockets a connection or a datagram is for.
 */
#ifndef DST_NET_PORTS_H
#define DST_NET_PORTS_H
#include "abi.h"

/* ---- addresses ---- */
int address_is_v4(const struct net_address *a);  /* ::ffff:a.b.c.d */
int address_is_any(const struct net_address *a); /* 0.0.0.0 or :: */
int address_same_ip(const struct net_address *a, const struct net_address *b);
int address_is_local(const struct net_address *a); /* this host's: 127.0.0.0/8, ::1 */
int address_is_multicast(const struct net_address *a);
int address_is_broadcast(const struct net_address *a);
void address_any(struct net_address *a, int v4);
void address_loopback(struct net_address *a, int v4);

/* ---- the table of ports ---- */
void port_add(struct world *w, struct sock *s); /* under s->local.port */
void port_add_accepted(struct world *w, struct sock *s); /* shares its listener's */
void port_remove(struct world *w, struct sock *s);
/* Connections beside the owners of a port, counted by address and class (struct port_uses). */
u32 port_class(const struct sock *s);
u32 port_uses_add(struct world *w, const struct net_address *a, u32 class);
void port_uses_drop(struct world *w, u16 port, u32 slot, u32 class);
/* Whether the socket may not have this port: another one is in the way. `listening`: as a listener.
 * O(sockets with that port). */
int port_conflicts(struct world *w, const struct sock *s, u16 port, int listening);
/* A free port of the ephemeral range, drawn from the seed's stream; 0: there is none. When all are
 * taken, one for a connection to `peer_address` is shared with connections to elsewhere. */
u16 port_ephemeral(struct world *w, const struct sock *s);
/* The listener for a connection from `from` to `to`; 0: none. */
struct sock *port_listener(struct world *w, const struct net_address *from, const struct net_address *to);
/* Whether a multicast or broadcast datagram is for this socket, as far as names go. */
int port_receives(const struct sock *s, const struct net_address *from,
                  const struct net_address *to);
/* The socket that a datagram is for; 0: none. */
struct sock *port_receiver(struct world *w, const struct net_address *from, const struct net_address *to);

/* ---- multicast groups (IPv4), as sockets have joined them ---- */
int group_join(struct world *w, const struct sock *s, const u8 group[4]); /* 0: too many */
void group_leave(struct world *w, const struct sock *s, const u8 group[4]);
void groups_leave(struct world *w, const struct sock *s); /* all of them */
int group_has_members(const struct world *w, const struct net_address *group);
int is_member(const struct world *w, const struct sock *s, const struct net_address *group);
#endif
