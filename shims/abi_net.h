/* abi_net.h: a part of abi.h: TCP and UDP sockets of the simulation's own host. */
#ifndef DST_ABI_NET_H
#define DST_ABI_NET_H

#define SOCKETS_MAX 131072u
#define PORTS_MAX 65536u
#define PORT_USES_MAX 131072u
#define MEMBERSHIPS_MAX 4096u
#define TIME_WAITS_MAX 32768u /* as net.ipv4.tcp_max_tw_buckets: beyond it there is no TIME_WAIT */
#define NET_BLOCKS_MAX 262144u
#define NET_BLOCK_BYTES 8192u

enum sock_state {
    SOCK_CLOSED = 0, /* new, bound, or after the connection's end */
    SOCK_LISTENING = 1,
    SOCK_WAITING = 2, /* connecting: the listener's queue is full */
    SOCK_CONNECTED = 3
};

enum sock_flag {
    SOCK_SHUT_READ = 1, /* the stream's end has come, or shutdown by ourselves */
    SOCK_SHUT_WRITE = 2,
    SOCK_FIN = 4,         /* the stream's end has come */
    SOCK_PEER_GONE = 8,   /* the other end is closed: what is sent now is answered by a reset */
    SOCK_REUSE_ADDR = 16,
    SOCK_REUSE_PORT = 32,
    SOCK_V6_ONLY = 64,
    SOCK_BOUND = 128,     /* to a port by bind */
    SOCK_CONNECTING = 256, /* a connect has begun: how it went has not been told yet */
    SOCK_BROADCAST = 512,
    SOCK_LINGER = 1024,
    SOCK_WANTS_SPACE = 2048, /* a sender saw the other end full: room is news */
    SOCK_SEND_SET = 4096, SOCK_RECEIVE_SET = 8192, /* SO_SNDBUF, SO_RCVBUF were set */
    SOCK_BOUND_ADDRESS = 16384, /* to an address by bind, not to all */
    SOCK_JOINED = 32768,        /* connect or accept has told of a connection, open or not */
    SOCK_END_SENT = 65536,      /* the stream's end was sent */
    SOCK_END_COMING = 131072,   /* that of the other end waits behind data without room */
    SOCK_MULTICAST_IF = 262144, /* IP_MULTICAST_IF was set: multicast has a way out */
    SOCK_OWN_GROUPS = 524288,   /* IP_MULTICAST_ALL is off: none from groups that others joined */
    SOCK_CUT = 1048576,         /* by a fault: nothing comes through to the other end any more */
    SOCK_CORKED = 2097152       /* UDP_CORK: what is sent is one datagram, until it is taken out */
};

enum sock_ask { /* in the order in which they come */
    ASK_TIMESTAMP = 1, ASK_TIMESTAMPNS = 2, ASK_DROPS = 4,
    ASK_PKTINFO = 8, ASK_TTL = 16, ASK_TOS = 32, ASK_ORIGINAL = 64,
    ASK_PKTINFO6 = 128, ASK_HOPS6 = 256, ASK_CLASS6 = 512, ASK_ORIGINAL6 = 1024
};

struct net_address { /* IPv4 as ::ffff:a.b.c.d */
    u8 ip[16];
    u16 port; /* host byte order */
    u16 pad;
    u32 scope;
};

enum port_use { PORT_NONE = 0, PORT_OWNED = 1, PORT_ACCEPTED = 2 /* its listener's */ };

#define SOCK_OPTIONS_MAX 24u

struct sock {
    u32 object; /* 0: in a listener's queue */
    u16 family, type;
    u32 state;
    u32 flags; /* enum sock_flag */
    u32 error; /* SO_ERROR: a positive errno */
    u32 uid;
    struct net_address local, peer_address;
    u32 peer;                       /* the other end of a connection */
    u32 next_of_port, prev_of_port; /* sockets with this port, oldest first */
    u32 port_use; /* enum port_use */
    u32 uses, uses_class; /* of PORT_ACCEPTED */
    u32 time_wait; /* of the other end, which was closed first */
    /* what has arrived: bytes of a stream, or datagrams */
    u32 first_block, last_block;
    u32 first_offset; /* where in the first block unread bytes start */
    u32 datagrams;
    u64 bytes;        /* that wait to be read */
    u64 charge;       /* of datagrams: with their overhead */
    u64 receive_max, send_max; /* buffers, as getsockopt tells them */
    u64 lost;        /* SOCK_CUT: bytes that were sent and that nobody acknowledges */
    u32 receive_low; /* SO_RCVLOWAT; 0: as if 1 */
    u32 asks;        /* enum sock_ask: control messages that come with a datagram */
    u8 hops[2], traffic_class[2]; /* of what is sent, IPv4 and IPv6; hops 0: as by default */
    u8 multicast_hops;
    u8 pad0;
    u16 segment;     /* UDP_SEGMENT */
    u32 drops;       /* datagrams for which there was no room */
    u32 corked;      /* a datagram that is not whole yet (UDP_CORK, MSG_MORE), 0: none; */
    i32 cork_hops, cork_class; /* how it is to go, as its first part said */
    struct net_address cork_to, cork_from;
    /* a listener's queue of connections, oldest first; a queued connection's place in it */
    u32 first_queued, last_queued, next_queued;
    u32 first_waiting; /* the first that is beyond the backlog */
    u32 queued, backlog;
    u32 listener;
    u32 linger_s;
    u32 options; /* how many were set: an accepted socket inherits them */
    u16 option_level[SOCK_OPTIONS_MAX], option_name[SOCK_OPTIONS_MAX];
};

struct net_block {
    u32 next; /* of the same stream or datagram */
    u32 used; /* bytes in it */
    u32 next_datagram;
    u32 datagram_bytes;
    struct net_address from; /* from here on: of a datagram's first block */
    u8 to[16];               /* where it was sent */
    u64 sent_ns;             /* wall clock */
    u8 hops, traffic_class;
    u16 pad0;
    u32 pad1;
    u8 data[NET_BLOCK_BYTES - 72];
};

struct membership { /* of a socket in an IPv4 multicast group */
    u8 group[4];
    u32 sock;
    u32 next; /* of the host; free list */
};

/* Connections that have an address and port without owning it: accepted, or in TIME_WAIT. */
struct port_uses {
    u8 ip[16];
    u32 next;     /* of the port; free list */
    u32 count[4]; /* by class: SO_REUSEADDR 1, SO_REUSEPORT 2 */
    u32 pad;
};

/* What is left of the end of a connection that was closed first. */
struct time_wait {
    struct net_address local, peer;
    u64 until_ns;
    u32 uses, uses_class;
    u32 next, prev; /* in the order of their ends; free list */
    u32 other;      /* FIN_WAIT2: the other end, which is still open */
    u32 family;
};

/* A host of the simulated network. There is one, until there are more. */
struct host {
    u64 ports_drawn; /* counter of the stream of its ephemeral ports */
    u32 tcp_ports[PORTS_MAX], udp_ports[PORTS_MAX]; /* first socket with that port */
    u32 tcp_uses[PORTS_MAX];
    u32 first_time_wait, last_time_wait;
    u32 first_membership;
};

#endif
