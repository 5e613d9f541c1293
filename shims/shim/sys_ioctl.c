/* sys_ioctl.c: ioctl. Requests that only set or tell what the program itself made are passed. */
#include "files.h"
#include "sockets.h"

#define FIONBIO_CMD 0x5421u
#define FIOCLEX_CMD 0x5451u
#define FIONCLEX_CMD 0x5450u
#define FIOASYNC_CMD 0x5452u
#define FIOSETOWN_CMD 0x8901u
#define SIOCSPGRP_CMD 0x8902u
#define FIOGETOWN_CMD 0x8903u
#define SIOCGPGRP_CMD 0x8904u
#define TIOCSCTTY_CMD 0x540eu
#define TIOCOUTQ_CMD 0x5411u
#define SIOCATMARK_CMD 0x8905u
#define FICLONE_CMD 0x40049409u
#define FICLONERANGE_CMD 0x4020940du
#define FIDEDUPERANGE_CMD 0xc0189436u

static i64 set_nonblocking(struct trap *c, struct object *o)
{
    i32 on;
    if (!o->kept_nonblock) {
        i64 error = pass(c);
        if (!error && !copy_in(&on, c->a[2], sizeof on))
            o->nonblock = on != 0;
        return error;
    }
    if (copy_in(&on, c->a[2], sizeof on))
        return -EFAULT;
    o->nonblock = on != 0;
    return 0;
}

/* O_ASYNC and its owner by ioctl; 1: it is none of these. */
static i64 async_ioctl(struct trap *c, u32 object, u32 request)
{
    struct object *o = &WORLD->objects[object];
    i32 value = (i32)async_owner(o);
    switch (request) {
    case FIOASYNC_CMD:
        if (copy_in(&value, c->a[2], sizeof value))
            return -EFAULT;
        async_set(object, (i32)c->a[0], value != 0);
        return 0;
    case FIOSETOWN_CMD:
    case SIOCSPGRP_CMD:
        return copy_in(&value, c->a[2], sizeof value) ? -EFAULT : async_set_owner(o, value);
    case FIOGETOWN_CMD:
    case SIOCGPGRP_CMD:
        return copy_out(c->a[2], &value, sizeof value) ? -EFAULT : 0;
    default:
        return 1;
    }
}

/* Terminal (T...), file (FI..., FS_IOC...) and block-size requests: what the object is decides. */
static int is_known(u32 request)
{
    u32 type = request >> 8 & 0xff;
    return type == 'T' || type == 'f' || type == 'v' || type == 'X' || request == 0x1260 /* BLKGETSIZE */ ||
           (request & ~0xffu) == 0x8900 /* SIOC... */ || type == 0x94 /* btrfs */;
}

/* What has come, or not gone yet: an int. */
static int asks_how_much(u32 request)
{
    return request == FIONREAD_CMD || request == TIOCOUTQ_CMD || request == SIOCATMARK_CMD;
}

i64 sys_ioctl(struct trap *c)
{
    i64 fd = (i32)c->a[0];
    struct object *o = &WORLD->objects[fd_object(c->p, fd)];
    u32 request = (u32)c->a[1];
    if (o->channel || (o->kind == OBJECT_OUTSIDE && request == FIOASYNC_CMD)) {
        i64 done = async_ioctl(c, fd_object(c->p, fd), request);
        if (done <= 0)
            return done;
    }
    if (o->kind == OBJECT_INET && request != FIOCLEX_CMD && request != FIONCLEX_CMD)
        return inet_ioctl(c, o);
    if (o->kind == OBJECT_TTY && (request >> 8 & 0xff) != 'T')
        return pass(c);
    if (is_outside(o) && asks_how_much(request))
        return outside_answer(c, pass);
    switch (request) {
    case FIONBIO_CMD:
        return set_nonblocking(c, o);
    case FIOCLEX_CMD:
    case FIONCLEX_CMD:
        fd_set_cloexec(c->p, fd, request == FIOCLEX_CMD);
        return pass(c);
    case FICLONE_CMD:
    case FICLONERANGE_CMD:
    case FIDEDUPERANGE_CMD: /* whether two files can share blocks shows where they lie; programs copy */
        return o->kind == OBJECT_FILE ? -EOPNOTSUPP : pass(c);
    default:
        if (o->kind == OBJECT_TTY)
            return tty_ioctl(c, o);
        if (o->kind == OBJECT_OUTSIDE && request == TIOCSCTTY_CMD)
            return -EPERM; /* the user's terminal stays his shell's: root could take it */
        if (!is_known(request))
            count_hole(HOLE_IOCTL);
        return pass(c);
    }
}
