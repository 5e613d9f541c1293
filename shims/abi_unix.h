/* abi_unix.h: a part of abi.h: what the kernel does not tell us of AF_UNIX sockets, its own. */
#ifndef DST_ABI_UNIX_H
#define DST_ABI_UNIX_H

#define UNIX_ENDS_MAX 131072u
#define UNIX_NAMES_MAX 65536u
#define UNIX_NAME_BUCKETS 4096u
#define UNIX_NAME_BYTES 108u
#define FLIGHTS_MAX 65536u

enum unix_flag {
    UNIX_LISTENING = 1,
    UNIX_NAMED = 2,      /* by bind, or as the connection of a listener */
    UNIX_WANTS_NAME = 4, /* SO_PASSCRED or SO_PASSPIDFD: it gets a name when it connects or sends */
    UNIX_GONE = 8,       /* closed */
    UNIX_SHUT_READ = 16, /* by itself: who would wait to accept or read a message gets an end */
    UNIX_SHUT_WRITE = 32, /* by itself, or because the other end reads no more */
    UNIX_CUT = 64,   /* by a fault: nothing comes through to the other end any more, nor from it */
    UNIX_OVER = 128  /* it was, and has given up: as when the other end is gone */
};

struct unix_end {
    u32 refs;    /* its object, ends that are connected to it, a listener's queue */
    u32 channel; /* a reference */
    u32 peer;    /* the end that it is connected to: a reference; 0: none */
    u16 type, flags; /* SOCK_STREAM..., enum unix_flag */
    u32 name;    /* entry of the table of names, 0: none */
    u32 low_water; /* SO_RCVLOWAT */
    u64 sent;    /* to it, so far: bytes of a stream, or messages */
    u64 received; /* messages it has read */
    u32 first_flight, last_flight;
    u32 first_queued, last_queued, next_queued; /* connections not accepted yet, oldest first */
    u32 first_starved; /* senders that found it full (struct flight, `sender` is their end) */
    u32 starved;       /* ends at which it is one of these, */
    u32 starved_on;    /* and the last of them */
    u32 error;         /* UNIX_OVER: not told yet; 0: none */
    u64 lost;          /* UNIX_CUT: bytes that were sent and that nobody will read */
};

/* What a message on its way means to the world: a descriptor in it, or whose buffer it fills. */
struct flight {
    u32 object; /* a reference, or 0 */
    u32 sender; /* a reference to its channel, or 0 */
    u64 position; /* what had been sent to that end before the message */
    u32 next;
    u32 pad;
};

/* The name of a socket: a file, or in the abstract name space. */
struct unix_name {
    u32 end, next; /* of the bucket */
    u64 dev, ino;  /* of a file, the kernel's */
    u16 type;      /* abstract: names of other types are others; 0: a file */
    u16 bytes;
    char text[UNIX_NAME_BYTES];
};

struct unix_world {
    u32 free_end, free_name, free_flight;
    u32 used_ends, used_names, used_flights;
    u32 first_doomed, dooming; /* flights of ends that are closed, to be dropped one by one */
    u32 names_given, pad;      /* of those that the kernel would draw */
    u32 name_buckets[UNIX_NAME_BUCKETS];
    struct unix_name names[UNIX_NAMES_MAX];
    struct unix_end ends[UNIX_ENDS_MAX];
    struct flight flights[FLIGHTS_MAX];
};

#endif
