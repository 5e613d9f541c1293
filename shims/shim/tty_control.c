/* tty_control.c: ioctls of terminals.
 *
 * Settings and the window's size are kept by the kernel's pair, which checks them as Linux does;
 * what they mean is read back from it. What tells of the contents, of sessions or of the foreground
 * is answered from the world.
 */
#include "tty.h"

#define TCSETS_CMD 0x5402u
#define TCSETSF_CMD 0x5404u
#define TCSETA_CMD 0x5406u
#define TCSETAF_CMD 0x5408u
#define TCSETS2_CMD 0x402c542bu
#define TCSETSW2_CMD 0x402c542cu
#define TCSETSF2_CMD 0x402c542du
#define TCGETS2_CMD 0x802c542au
#define TCSBRK_CMD 0x5409u
#define TCXONC_CMD 0x540au
#define TCFLSH_CMD 0x540bu
#define TIOCSCTTY_CMD 0x540eu
#define TIOCGPGRP_CMD 0x540fu
#define TIOCSPGRP_CMD 0x5410u
#define TIOCOUTQ_CMD 0x5411u
#define TIOCSTI_CMD 0x5412u
#define TIOCGWINSZ_CMD 0x5413u
#define TIOCSWINSZ_CMD 0x5414u
#define TIOCINQ_CMD 0x541bu
#define TIOCCONS_CMD 0x541du
#define TIOCPKT_CMD 0x5420u
#define TIOCNOTTY_CMD 0x5422u
#define TIOCSETD_CMD 0x5423u
#define TCSBRKP_CMD 0x5425u
#define TIOCGSID_CMD 0x5429u
#define TIOCSIG_CMD 0x40045436u
#define TIOCVHANGUP_CMD 0x5437u
#define TIOCGPKT_CMD 0x80045438u
#define TIOCGPTPEER_CMD 0x5441u

enum flush_queue { FLUSH_INPUT = 0, FLUSH_OUTPUT = 1, FLUSH_BOTH = 2 };
enum flow_action { FLOW_OFF = 0, FLOW_ON = 1, FLOW_SEND_STOP = 2, FLOW_SEND_START = 3 };

/* ---- settings ---- */
/* Both ends may wait for something else now. */
static void settings_changed(struct trap *c, struct tty *t)
{
    struct tty_settings next;
    struct tty_seen before = tty_look(t);
    if (raw(__NR_ioctl, c->a[0], TCGETS2_CMD, &next))
        return;
    tty_set(t, &next);
    tty_work_off(t);
    channel_wake(t->slave_channel, SIDE_READ);
    tty_tell(t, before);
}

/* The same request without its wait for what was printed: that has gone already, as far as it can. */
static u32 plain_request(u32 request)
{
    if (request >= TCSETS2_CMD && request <= TCSETSF2_CMD)
        return TCSETS2_CMD;
    return request >= TCSETA_CMD ? TCSETA_CMD : TCSETS_CMD;
}

static i64 set_settings(struct trap *c, struct tty *t)
{
    u32 request = (u32)c->a[1];
    i64 error = tty_check_background(c->t, t, SIG_TTOU);
    if (error)
        return error;
    error = raw(__NR_ioctl, c->a[0], plain_request(request), c->a[2]);
    if (error)
        return error;
    if (request == TCSETSF_CMD || request == TCSETAF_CMD || request == TCSETSF2_CMD)
        tty_flush_input(t);
    settings_changed(c, t);
    return 0;
}

static i64 set_size(struct trap *c, struct tty *t)
{
    u16 before[4], after[4];
    i64 error = raw(__NR_ioctl, c->a[0], TIOCGWINSZ_CMD, before);
    if (!error)
        error = pass(c);
    if (error || raw(__NR_ioctl, c->a[0], TIOCGWINSZ_CMD, after))
        return error;
    if (memcmp(before, after, sizeof after) && t->group)
        signal_group(t->group, SIG_WINCH);
    return 0;
}

/* ---- queues ---- */
/* Of a master, what is printed is the input. */
static i64 flush(struct trap *c, struct object *o)
{
    struct tty *t = tty_of(o);
    u32 which = (u32)c->a[2];
    i64 error = is_master(o) ? 0 : tty_check_background(c->t, t, SIG_TTOU);
    if (error)
        return error;
    if (which > FLUSH_BOTH)
        return -EINVAL;
    struct tty_seen before = tty_look(t);
    if (is_master(o)) {
        if (which != FLUSH_OUTPUT)
            t->out_tail = t->out_head;
        if (which != FLUSH_INPUT)
            tty_flush_typed(t);
    } else {
        if (which != FLUSH_OUTPUT) {
            tty_flush_typed(t);
            tty_flush_input(t);
        }
        if (which != FLUSH_INPUT)
            tty_flush_output(t);
    }
    tty_tell(t, before);
    return 0;
}

static i64 flow(struct trap *c, struct object *o)
{
    struct tty *t = tty_of(o);
    struct tty_seen before = tty_look(t);
    u32 action = (u32)c->a[2];
    i64 error = is_master(o) ? 0 : tty_check_background(c->t, t, SIG_TTOU);
    if (error)
        return error;
    if (action > FLOW_SEND_START)
        return -EINVAL;
    if (action == FLOW_OFF && !is_master(o))
        tty_stop(t);
    if (action == FLOW_ON && !is_master(o))
        tty_start(t);
    if (action >= FLOW_SEND_STOP) {
        u8 key = t->settings.cc[action == FLOW_SEND_STOP ? TTY_STOP : TTY_START];
        if (key && is_master(o))
            tty_type(t, &key, 1);
        else if (key)
            tty_print(t, &key, 1);
        tty_work_off(t);
    }
    tty_tell(t, before);
    return 0;
}

static i64 count_out(struct trap *c, u64 count)
{
    u32 n = (u32)count;
    return copy_out(c->a[2], &n, sizeof n);
}

/* A character as if it had been typed. */
static i64 simulate_input(struct trap *c, struct object *o)
{
    struct tty *t = tty_of(o);
    struct tty_seen before = tty_look(t);
    u8 typed;
    if (raw(__NR_geteuid))
        return -EIO; /* as on a machine that has it switched off */
    if (copy_in(&typed, c->a[2], 1))
        return -EFAULT;
    tty_type(t, &typed, 1);
    tty_work_off(t);
    tty_tell(t, before);
    return 0;
}

/* ---- of the master only ---- */
static i64 set_packet(struct trap *c, struct tty *t)
{
    i32 on;
    if (copy_in(&on, c->a[2], sizeof on))
        return -EFAULT;
    if (on && !(t->flags & TTY_PACKET))
        t->packet_status = 0;
    t->flags = on ? t->flags | TTY_PACKET : t->flags & ~(u32)TTY_PACKET;
    return 0;
}

static i64 signal_foreground(struct trap *c, struct tty *t)
{
    i32 signo = (i32)c->a[2];
    if (signo < 1 || signo > 64)
        return -EINVAL;
    if (t->group)
        signal_group(t->group, signo);
    return 0;
}

static i64 master_ioctl(struct trap *c, struct object *o)
{
    struct tty *t = tty_of(o);
    switch ((u32)c->a[1]) {
    case TIOCPKT_CMD:
        return set_packet(c, t);
    case TIOCGPKT_CMD:
        return count_out(c, (t->flags & TTY_PACKET) != 0);
    case TIOCSIG_CMD:
        return signal_foreground(c, t);
    case TIOCGPTPEER_CMD:
        return tty_peer(c, o, c->a[2]);
    default:
        return pass(c); /* its number, its lock; the kernel knows what else there is not */
    }
}

static i64 of_session(struct trap *c, struct object *o)
{
    switch ((u32)c->a[1]) {
    case TIOCSCTTY_CMD:
        return tty_set_controlling(c, o);
    case TIOCNOTTY_CMD:
        return tty_give_up(c, tty_of(o));
    case TIOCGPGRP_CMD:
        return tty_get_group(c, o);
    case TIOCSPGRP_CMD:
        return tty_set_group(c, tty_of(o));
    case TIOCGSID_CMD:
        return tty_get_session(c, o);
    default:
        return is_master(o) ? master_ioctl(c, o) : pass(c);
    }
}

i64 tty_ioctl(struct trap *c, struct object *o)
{
    struct tty *t = tty_of(o);
    u32 request = (u32)c->a[1];
    if (!is_master(o) && (t->flags & TTY_MASTER_GONE))
        return request == TIOCSPGRP_CMD ? -ENOTTY : -EIO;
    if ((request >= TCSETS_CMD && request <= TCSETAF_CMD && request != 0x5405u /* TCGETA */) ||
        (request >= TCSETS2_CMD && request <= TCSETSF2_CMD))
        return set_settings(c, t);
    switch (request) {
    case TIOCSWINSZ_CMD:
        return set_size(c, t);
    case TCFLSH_CMD:
        return flush(c, o);
    case TCXONC_CMD:
        return flow(c, o);
    case TIOCINQ_CMD:
        return count_out(c, is_master(o) ? tty_out_readable(t) : tty_input_bytes(t));
    case TIOCOUTQ_CMD:
        return count_out(c, 0); /* the other end has it */
    case TIOCSTI_CMD:
        return simulate_input(c, o);
    case TCSBRK_CMD:
    case TCSBRKP_CMD:
        return is_master(o) ? 0 : tty_check_background(c->t, t, SIG_TTOU);
    case TIOCSETD_CMD: /* other line disciplines than this one */
    case TIOCCONS_CMD:
    case TIOCVHANGUP_CMD:
        return -EPERM;
    default:
        return of_session(c, o);
    }
}
