/* unix_flights.c: what messages on their way mean to the world.
 *
 * A descriptor that is sent (SCM_RIGHTS) keeps its open file alive until somebody reads the
 * message, and the reader's new descriptor is the same object: it is found by its message's position
 * among all that was sent to that end, and within the message by order, as the kernel keeps it. And
 * a datagram fills the buffer of its sender, who may wait for its being read.
 */
#include "process.h"
#include "unix.h"

#define SCM_RIGHTS_K 1u
#define SCM_PIDFD_K 4u
#define CMSG_HEADER_BYTES 16u
#define MSG_CMSG_CLOEXEC_FLAG 0x40000000u
#define FDINFO_BYTES 512

struct cmsg_k {
    u64 bytes; /* header and data */
    i32 level, type;
};

/* ---- control data ---- */
/* The next entry; `at` is how far we are. 0: there is none. */
static int next_cmsg(u64 control, u64 bytes, u64 *at, struct cmsg_k *m, u64 *data)
{
    if (!control || *at + CMSG_HEADER_BYTES > bytes || copy_in(m, control + *at, sizeof *m))
        return 0;
    if (m->bytes < CMSG_HEADER_BYTES || m->bytes > bytes - *at)
        return 0;
    *data = control + *at + CMSG_HEADER_BYTES;
    *at += (m->bytes + 7) & ~7ul;
    return 1;
}

/* All descriptors in it: how many. */
static u32 rights_in(u64 control, u64 bytes, i32 fds[RIGHTS_MAX])
{
    struct cmsg_k m;
    u64 at = 0, data;
    u32 n = 0;
    while (next_cmsg(control, bytes, &at, &m, &data)) {
        u64 count = (m.bytes - CMSG_HEADER_BYTES) / 4;
        if (m.level != SOL_SOCKET_K || m.type != SCM_RIGHTS_K || count > RIGHTS_MAX - n)
            continue;
        if (copy_in(fds + n, data, count * 4))
            break;
        n += (u32)count;
    }
    return n;
}

/* ---- on the way ---- */
static struct flight *flight_at(u32 flight) { return &WORLD->af_unix.flights[flight]; }

static struct flight *flight_append(struct unix_end *to, u64 position)
{
    u32 flight = flight_alloc();
    if (to->last_flight)
        flight_at(to->last_flight)->next = flight;
    else
        to->first_flight = flight;
    to->last_flight = flight;
    flight_at(flight)->position = position;
    return flight_at(flight);
}

void flights_add(struct trap *c, struct unix_end *to, u64 position, u64 control, u64 control_bytes)
{
    i32 fds[RIGHTS_MAX];
    u32 n = rights_in(control, control_bytes, fds);
    for (u32 i = 0; i < n; i++) {
        u32 object = fd_object(c->p, fds[i]);
        WORLD->objects[object].refs += object != 0;
        flight_append(to, position)->object = object;
    }
}

void flight_add_sender(struct unix_end *to, u64 position, u32 channel)
{
    WORLD->channels[channel].refs++;
    flight_append(to, position)->sender = channel;
}

static void flight_free(u32 flight)
{
    flight_at(flight)->next = WORLD->af_unix.free_flight;
    WORLD->af_unix.free_flight = flight;
}

/* ---- dropped ---- */
static void flight_drop(u32 flight)
{
    struct flight f = *flight_at(flight);
    flight_free(flight);
    object_unref(f.object);
    if (f.sender) {
        channel_has_room(f.sender);
        channel_unref(f.sender);
    }
}

/* One after another: what is dropped may be a socket with others on their way to it. */
void flights_drop(struct unix_end *e)
{
    struct unix_world *w = &WORLD->af_unix;
    if (!e->first_flight)
        return;
    flight_at(e->last_flight)->next = w->first_doomed;
    w->first_doomed = e->first_flight;
    e->first_flight = e->last_flight = 0;
    if (w->dooming)
        return;
    w->dooming = 1;
    while (w->first_doomed) {
        u32 flight = w->first_doomed;
        w->first_doomed = flight_at(flight)->next;
        flight_drop(flight);
    }
    w->dooming = 0;
}

/* ---- landed ---- */
static void install(struct trap *c, const i32 fds[], u32 i, u32 given, u32 object, int cloexec)
{
    if (i >= given || !object)
        return;
    WORLD->objects[object].refs++;
    fd_install(c->p, fds[i], object, cloexec);
}

/* Peeked at: copies. The message stays. */
static u32 land_copies(struct trap *c, const struct unix_end *e, const i32 fds[], u32 given,
                       int cloexec)
{
    u32 seen = 0;
    u64 position = ~0ul;
    for (u32 i = e->first_flight; i && seen < given; i = flight_at(i)->next) {
        const struct flight *f = flight_at(i);
        if (!f->object)
            continue;
        if (seen && f->position != position)
            break;
        position = f->position;
        install(c, fds, seen++, given, f->object, cloexec);
    }
    return seen;
}

static u32 land(struct trap *c, struct unix_end *e, u64 upto, const i32 fds[], u32 given,
                int cloexec)
{
    u32 seen = 0;
    while (e->first_flight && flight_at(e->first_flight)->position < upto) {
        u32 flight = e->first_flight;
        e->first_flight = flight_at(flight)->next;
        if (!e->first_flight)
            e->last_flight = 0;
        if (!flight_at(flight)->sender)
            install(c, fds, seen++, given, flight_at(flight)->object, cloexec);
        flight_drop(flight);
    }
    return seen;
}

static void pidfds_in(struct trap *c, u64 control, u64 bytes)
{
    struct cmsg_k m;
    u64 at = 0, data;
    i32 fd;
    while (next_cmsg(control, bytes, &at, &m, &data))
        if (m.level == SOL_SOCKET_K && m.type == SCM_PIDFD_K &&
            !copy_in(&fd, data, sizeof fd) && fd >= 0)
            pidfd_received(c->p, fd);
}

int flights_land(struct trap *c, struct unix_end *e, u64 upto, u64 control, u64 control_bytes,
                 u32 flags)
{
    i32 fds[RIGHTS_MAX];
    int cloexec = (flags & MSG_CMSG_CLOEXEC_FLAG) != 0;
    if (e->flags & UNIX_WANTS_NAME)
        pidfds_in(c, control, control_bytes);
    if (!e->first_flight)
        return 0;
    u32 given = rights_in(control, control_bytes, fds);
    if (flags & MSG_PEEK_FLAG)
        return land_copies(c, e, fds, given, cloexec) != 0;
    return land(c, e, upto, fds, given, cloexec) != 0;
}

/* ---- senders that found an end full ---- */
void starved_add(struct unix_end *to, struct unix_end *sender)
{
    u32 to_index = end_index(to);
    WORLD->channels[sender->channel].full = 1;
    if (sender->starved && sender->starved_on == to_index)
        return;
    if (sender->starved) /* elsewhere: perhaps at this one as well */
        for (u32 i = to->first_starved; i; i = flight_at(i)->next)
            if (flight_at(i)->sender == end_index(sender))
                return;
    u32 flight = flight_alloc();
    *flight_at(flight) = (struct flight){.sender = end_index(sender), .next = to->first_starved};
    to->first_starved = flight;
    sender->refs++;
    sender->starved++;
    sender->starved_on = to_index;
}

void starved_tell(struct unix_end *e)
{
    while (e->first_starved) {
        u32 flight = e->first_starved;
        struct unix_end *sender = end_at(flight_at(flight)->sender);
        e->first_starved = flight_at(flight)->next;
        flight_free(flight);
        sender->starved--;
        if (sender->starved_on == end_index(e))
            sender->starved_on = 0;
        channel_has_room(sender->channel);
        end_unref(sender);
    }
}

/* ---- pidfds that the kernel makes for a reader ---- */
static u32 pid_in(const char *text)
{
    u32 pid = 0;
    while (*text && !string_starts(text, "\nPid:\t"))
        text++;
    for (text += *text ? 6 : 0; *text >= '0' && *text <= '9'; text++)
        pid = pid * 10 + (u32)(*text - '0');
    return pid;
}

void pidfd_received(struct proc *p, i64 fd)
{
    char path[64], text[FDINFO_BYTES];
    char *end = string_append(path, path + sizeof path, "/proc/self/fdinfo/");
    number_append(end, path + sizeof path, (u64)fd);
    i64 info = raw(__NR_openat, AT_FDCWD_VALUE, path, O_CLOEXEC_FLAG, 0);
    i64 n = info < 0 ? 0 : raw(__NR_read, info, text, sizeof text - 1);
    if (info >= 0)
        raw(__NR_close, info);
    text[n > 0 ? n : 0] = 0;
    pidfd_install(p, fd, pid_in(text), 0);
}
