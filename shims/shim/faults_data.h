/* faults_data.h: the bytes that a call moves, and how to move fewer or others. */
#ifndef DST_FAULTS_DATA_H
#define DST_FAULTS_DATA_H
#include "sockets.h"

#define MESSAGES_MAX 128u

enum data_form { DATA_NONE, DATA_COUNT /* from descriptor to descriptor */, DATA_BUFFER, DATA_VECTOR, DATA_MESSAGE,
    DATA_MESSAGES /* counted in messages */
};

struct data {
    u32 form;
    u8 is_write, arg;
    u64 iov, iov_count; /* the program's, or `one` */
    struct iovec_k one;
    u64 total;   /* bytes; DATA_MESSAGES: messages */
    u64 args[6]; /* the call's own */
};

/* A way through the program's buffers. */
struct data_way {
    const struct data *d;
    u64 message, messages; /* of several */
    u64 iov, left;         /* of the message: vectors to come */
    u64 bytes;             /* and of it, or of all: bytes to come */
};

/* What a call is given instead of the program's own, for its time. */
struct data_room {
    struct msghdr_k header;
    struct iovec_k iov[IOVECS_MAX];
    struct mmsghdr_k messages[MESSAGES_MAX];
    u8 bytes[98304];
};

u64 bytes_of_iovecs(u64 iov, u64 count) HIDDEN;
/* The buffers up to what was transferred: as the call's result tells. */
void data_start(struct data_way *w, const struct data *d, u64 result) HIDDEN;
int data_next(struct data_way *w, struct iovec_k *v) HIDDEN; /* 0: no more */
u64 data_bytes(const struct data *d, u64 result) HIDDEN;
void data_tell_sent(const struct data *d, u64 messages) HIDDEN; /* so many whole messages: in their headers */
/* 0: the call moves none that could be fewer. */
int data_of_call(const struct trap *c, struct data *d) HIDDEN;
struct data_room *data_room(struct task *t) HIDDEN;
/* The call is to take the first `count` vectors of the room. */
void data_replace(struct trap *c, const struct data *d, u64 count) HIDDEN;
void data_shorten(struct trap *c, const struct data *d, u64 bytes) HIDDEN;
void data_restore(struct trap *c, const struct data *d) HIDDEN; /* arguments as the program gave them */
#endif
