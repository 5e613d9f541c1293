/* tty.c: the two ends of a pty: opened, closed, read, written, ready. */
#include "tty.h"

#include "sockets.h"

#define TTY_MAJOR 5
#define TTY_MINOR_OWN 0
#define TTY_MINOR_MASTER 2
#define TIOCGPTN_CMD 0x80045430u
#define TIOCGPTPEER_CMD 0x5441u
#define TCGETS2_CMD 0x802c542au
#define TENTH_NS 100000000ul /* the unit of VTIME */
#define HUNG_UP_EVENTS \
    (POLLIN_BIT | POLLOUT_BIT | POLLERR_BIT | POLLHUP_BIT | POLLRDNORM_BIT | POLLWRNORM_BIT)

/* ---- who is told ---- */
struct tty_seen tty_look(const struct tty *t)
{
    return (struct tty_seen){t->head, t->line_head, t->out_head, t->packet_status};
}

void tty_tell(struct tty *t, struct tty_seen before)
{
    int line = t->line_head != before.line_head;
    if (tty_has_input(t, 1) && (tty_is_canonical(t) ? line : t->head != before.head))
        channel_wake(t->slave_channel, SIDE_READ);
    if (t->out_head != before.out_head || (t->packet_status & ~before.packet_status))
        channel_wake(t->master_channel, SIDE_READ);
    if (tty_print_room(t))
        channel_has_room(t->slave_channel);
    if (tty_type_room(t))
        channel_has_room(t->master_channel);
}

static int signal_of(const struct tty *t, u32 key)
{
    if (key == t->settings.cc[TTY_INTR])
        return SIG_INT;
    return key == t->settings.cc[TTY_QUIT] ? SIG_QUIT : SIG_TSTP;
}

void tty_work_off(struct tty *t)
{
    u32 key;
    tty_work_begin(t);
    while ((key = tty_work(t)))
        if (t->group)
            signal_group(t->group, signal_of(t, key));
}

/* ---- opened ---- */
static u32 tty_alloc(u32 number)
{
    struct tty_world *w = &WORLD->tty;
    u32 i = 1;
    while (i <= w->used && tty_at(i)->number)
        i++;
    if (i == TTYS_MAX)
        fatal("too many terminals at once; the limit is", TTYS_MAX - 1);
    if (i > w->used)
        w->used = i;
    struct tty *t = tty_at(i);
    memset(t, 0, __builtin_offsetof(struct tty, input));
    t->number = number + 1;
    t->master_channel = channel_alloc();
    t->slave_channel = channel_alloc();
    return i;
}

static u32 tty_find(u32 number)
{
    for (u32 i = 1; i <= WORLD->tty.used; i++)
        if (tty_at(i)->number == number + 1)
            return i;
    return 0;
}

static u32 tty_object(u32 tty, u64 end)
{
    u32 object = object_alloc(OBJECT_TTY);
    struct object *o = &WORLD->objects[object];
    o->part = tty;
    o->value = end;
    o->kept_nonblock = 1;
    o->channel = end == TTY_MASTER_END ? tty_at(tty)->master_channel : tty_at(tty)->slave_channel;
    WORLD->channels[o->channel].refs++;
    return object;
}

static u32 master_opened(i64 fd)
{
    u32 number;
    if (raw(__NR_ioctl, fd, TIOCGPTN_CMD, &number))
        return 0;
    if (!(WORLD->config.flags & CONFIG_PID_NS)) /* the machine's own: its number is the machine's */
        count_hole(HOLE_DEVICE);
    u32 tty = tty_alloc(number);
    raw(__NR_ioctl, fd, TCGETS2_CMD, &tty_at(tty)->settings);
    tty_at(tty)->masters = 1;
    return tty_object(tty, TTY_MASTER_END);
}

static u32 slave_opened(struct proc *p, u32 number, u64 flags)
{
    u32 tty = tty_find(number);
    if (!tty)
        return 0; /* a terminal of the machine */
    struct tty *t = tty_at(tty);
    t->slaves++;
    t->flags &= ~(u32)TTY_SLAVE_GONE;
    int may_take = !(flags & O_NOCTTY_FLAG) && (flags & O_ACCMODE_BITS) != O_WRONLY_FLAG;
    if (may_take && p->pid == p->sid && !p->tty && !t->session)
        tty_take_as_controlling(p, t);
    return tty_object(tty, TTY_SLAVE_END);
}

u32 tty_opened(struct proc *p, i64 fd, const struct statx_k *st, u64 flags)
{
    if (!statx_is(st, S_IFCHR_BITS))
        return 0;
    if (st->rdev_major == TTY_MAJOR && st->rdev_minor == TTY_MINOR_MASTER)
        return master_opened(fd);
    return st->rdev_major == PTS_MAJOR ? slave_opened(p, st->rdev_minor, flags) : 0;
}

i64 tty_open_controlling(struct proc *p, i64 dirfd, const char *path, u64 flags)
{
    struct statx_k st;
    char slave[32], *end = slave + sizeof slave;
    if (!p->tty || statx_of_path(dirfd, path, 0, &st) || !statx_is(&st, S_IFCHR_BITS) ||
        st.rdev_major != TTY_MAJOR || st.rdev_minor != TTY_MINOR_OWN)
        return -ENXIO;
    number_append(string_append(slave, end, "/dev/pts/"), end, tty_at(p->tty)->number - 1);
    i64 fd = raw(__NR_openat, AT_FDCWD_VALUE, slave, flags | O_NOCTTY_FLAG | O_NONBLOCK_FLAG, 0);
    return fd == -ENOENT ? -ENXIO : fd;
}

i64 tty_peer(struct trap *c, struct object *o, u64 flags)
{
    i64 fd = raw(__NR_ioctl, c->a[0], TIOCGPTPEER_CMD, flags | O_NOCTTY_FLAG);
    if (fd < 0)
        return fd;
    u32 object = slave_opened(c->p, tty_of(o)->number - 1, flags);
    WORLD->objects[object].nonblock = (flags & O_NONBLOCK_FLAG) != 0;
    fd_install(c->p, fd, object, (flags & O_CLOEXEC_FLAG) != 0);
    return fd;
}

/* ---- closed ---- */
static void tty_free(struct tty *t)
{
    tty_forget_session(t);
    channel_unref(t->master_channel);
    channel_unref(t->slave_channel);
    t->number = 0;
}

void tty_close(struct object *o)
{
    struct tty *t = tty_of(o);
    if (is_master(o)) {
        t->masters = 0;
        tty_hung_up(t);
        channel_wake_all(t->slave_channel);
    } else if (!--t->slaves) {
        t->flags |= TTY_SLAVE_GONE;
        channel_wake_all(t->master_channel);
    }
    if (!t->masters && !t->slaves)
        tty_free(t);
}

/* ---- ready ---- */
static u32 master_ready(const struct tty *t)
{
    u32 ready = tty_out_readable(t) ? POLLIN_BIT | POLLRDNORM_BIT : 0;
    if ((t->flags & TTY_PACKET) && t->packet_status)
        ready |= POLLPRI_BIT | POLLIN_BIT | POLLRDNORM_BIT;
    if (t->flags & TTY_SLAVE_GONE)
        ready |= POLLHUP_BIT;
    return ready | (tty_type_room(t) ? POLLOUT_BIT | POLLWRNORM_BIT : 0);
}

static u32 slave_ready(const struct tty *t)
{
    u32 at_least = t->settings.cc[TTY_TIME] ? 1 : t->settings.cc[TTY_MIN];
    u32 ready = tty_has_input(t, at_least) ? POLLIN_BIT | POLLRDNORM_BIT : 0;
    if (t->flags & TTY_MASTER_GONE)
        return HUNG_UP_EVENTS;
    return ready | (tty_print_room(t) ? POLLOUT_BIT | POLLWRNORM_BIT : 0);
}

u32 tty_ready(struct object *o)
{
    u32 ready = is_master(o) ? master_ready(tty_of(o)) : slave_ready(tty_of(o));
    if (!(ready & POLL_WRITE_EVENTS))
        WORLD->channels[o->channel].full = 1;
    return ready;
}

/* ---- read ---- */
static i64 give(struct message *m, const u8 *from, u64 n)
{
    while (n) {
        u64 address, bytes = n;
        if (message_span(m, &address, &bytes) || copy_out(address, from, bytes))
            return -EFAULT;
        message_advance(m, bytes);
        from += bytes;
        n -= bytes;
    }
    return 0;
}

/* What is there, of packet mode its first byte as well. 0: nothing. */
static u64 take_master(struct tty *t, u8 *to, u64 n)
{
    u64 packet = (t->flags & TTY_PACKET) != 0;
    if (packet && t->packet_status) {
        to[0] = (u8)t->packet_status;
        t->packet_status = 0;
        return 1;
    }
    if (!tty_out_readable(t))
        return 0;
    if (packet)
        to[0] = TIOCPKT_DATA_K;
    return packet + tty_read_out(t, to + packet, n - packet);
}

static i64 master_read(struct trap *c, struct object *o, struct message *m)
{
    struct tty *t = tty_of(o);
    u8 *buffer = c->t->scratch;
    for (;;) {
        struct tty_seen before = tty_look(t);
        u64 n = take_master(t, buffer, min_u64(m->total, TTY_INPUT_BYTES));
        if (n) {
            tty_tell(t, before);
            return give(m, buffer, n) ? -EFAULT : (i64)n;
        }
        if (t->flags & TTY_SLAVE_GONE)
            return -EIO;
        i64 error = o->nonblock ? -EAGAIN : park_on_fd(c, 0, o, SIDE_READ, ~0ul);
        if (error)
            return error;
    }
}

/* How much a read of characters waits for, and for how long: VMIN and VTIME. */
struct patience {
    u64 at_least;
    u64 between_ns; /* after each character, 0: for ever */
    u64 deadline_ns;
};

static struct patience patience_of(const struct tty *t)
{
    u64 time_ns = t->settings.cc[TTY_TIME] * TENTH_NS;
    if (tty_is_canonical(t))
        return (struct patience){0, 0, ~0ul};
    if (t->settings.cc[TTY_MIN])
        return (struct patience){t->settings.cc[TTY_MIN], time_ns, ~0ul};
    return (struct patience){1, 0, deadline_after(1, time_ns)};
}

/* Nothing to read: an end of the read (1), with its result, or 0 after a wait. */
static int slave_waited(struct trap *c, struct object *o, u64 deadline_ns, i64 *result)
{
    u32 stops = c->p->stops;
    *result = 0;
    if (is_over(c->t, deadline_ns))
        return 1;
    *result = o->nonblock ? -EAGAIN : park_on_fd(c, 0, o, SIDE_READ, deadline_ns);
    if (stops != c->p->stops)
        *result = -ERESTARTSYS; /* it may be in the background now */
    if (tty_of(o)->flags & TTY_MASTER_GONE)
        *result = -EIO; /* who begins to read now finds an end of file */
    if (*result == -ETIMEDOUT)
        *result = 0;
    return *result != 0;
}

static i64 slave_read(struct trap *c, struct object *o, struct message *m)
{
    struct tty *t = tty_of(o);
    u64 most = min_u64(m->total, TTY_INPUT_BYTES), done = 0;
    i64 result = t->flags & TTY_MASTER_GONE ? 0 : tty_check_background(c->t, t, SIG_TTIN);
    if (result || (t->flags & TTY_MASTER_GONE))
        return result;
    struct patience wait = patience_of(t);
    while (done < most) {
        if (!tty_has_input(t, 1)) {
            if (slave_waited(c, o, wait.deadline_ns, &result))
                break;
            continue;
        }
        struct tty_seen before = tty_look(t);
        u64 n = tty_read_input(t, c->t->scratch, most - done);
        tty_work_off(t); /* more of what was typed has room */
        tty_tell(t, before);
        if (give(m, c->t->scratch, n))
            return -EFAULT;
        done += n;
        if (done >= wait.at_least)
            break;
        if (wait.between_ns)
            wait.deadline_ns = deadline_after(1, wait.between_ns);
    }
    return done ? (i64)done : result;
}

i64 tty_read(struct trap *c, struct object *o)
{
    struct message m;
    i64 error = message_of_call(c, &m);
    if (error || !m.total)
        return error;
    return is_master(o) ? master_read(c, o, &m) : slave_read(c, o, &m);
}

/* ---- write ---- */
static u64 put(struct object *o, const u8 *from, u64 n)
{
    struct tty *t = tty_of(o);
    if (!is_master(o))
        return tty_print(t, from, n);
    u64 done = 0, taken;
    do { /* what is worked off makes room */
        taken = tty_type(t, from + done, n - done);
        tty_work_off(t);
        done += taken;
    } while (taken && done < n);
    return done;
}

static i64 write_error(const struct object *o)
{
    return !is_master(o) && (tty_of(o)->flags & TTY_MASTER_GONE) ? -EIO : 0;
}

/* One piece of the program's memory. How much was written; `*error` ends the call. */
static u64 write_piece(struct trap *c, struct object *o, u64 address, u64 bytes, i64 *error)
{
    struct tty *t = tty_of(o);
    u64 done = 0;
    if (copy_in(c->t->scratch, address, bytes)) {
        *error = -EFAULT;
        return 0;
    }
    while (!(*error = write_error(o))) {
        struct tty_seen before = tty_look(t);
        done += put(o, c->t->scratch + done, bytes - done);
        tty_tell(t, before);
        if (done == bytes)
            break;
        WORLD->channels[o->channel].full = 1;
        *error = o->nonblock ? -EAGAIN : park_on_fd(c, 0, o, SIDE_WRITE, ~0ul);
        if (*error)
            break;
    }
    return done;
}

i64 tty_write(struct trap *c, struct object *o)
{
    struct tty *t = tty_of(o);
    struct message m;
    u64 done = 0, address;
    i64 error = message_of_call(c, &m);
    if (!error)
        error = write_error(o);
    if (!error && !is_master(o) && (t->settings.lflag & TTY_STOP_WRITERS))
        error = tty_check_background(c->t, t, SIG_TTOU);
    while (!error) {
        u64 bytes = sizeof c->t->scratch;
        error = message_span(&m, &address, &bytes);
        if (error || !bytes)
            break;
        u64 n = write_piece(c, o, address, bytes, &error);
        message_advance(&m, n);
        done += n;
    }
    return done ? (i64)done : error;
}
