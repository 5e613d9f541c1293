/* tty.h: what the files of terminals share.
 *
 * A pty of the simulation is in the world whole (core/tty_line.c), because in the kernel a line
 * goes through a worker of its own, at no fixed time, and its keys send real signals. The kernel's
 * pair stands for the descriptors, has the names, and keeps and checks the settings. It is nobody's
 * controlling terminal for the kernel: sessions and the foreground are in the world, too.
 */
#ifndef DST_TTY_H
#define DST_TTY_H
#include "channel.h"
#include "core/tty_line.h"
#include "files.h"
#include "process.h"

#define TTY_SLAVE_END 0ul /* object.value */
#define TTY_MASTER_END 1ul
#define TIOCPKT_DATA_K 0

/* What can have changed: taken before, compared after (tty_tell). */
struct tty_seen {
    u32 head, line_head, out_head, packet_status;
};

static inline struct tty *tty_at(u32 tty) { return &WORLD->tty.ttys[tty]; }
static inline struct tty *tty_of(const struct object *o) { return tty_at(o->part); }
static inline u32 tty_index(const struct tty *t) { return (u32)(t - WORLD->tty.ttys); }
static inline int is_master(const struct object *o) { return o->value == TTY_MASTER_END; }

/* ---- tty.c ---- */
struct tty_seen tty_look(const struct tty *t) HIDDEN;
void tty_tell(struct tty *t, struct tty_seen before) HIDDEN; /* wakes who waits for what has come */
void tty_work_off(struct tty *t) HIDDEN;                     /* what was typed; sends its signals */
i64 tty_peer(struct trap *c, struct object *o, u64 flags) HIDDEN; /* opens the slave of a master */

/* ---- tty_session.c ---- */
/* May a process of a background group do this? 0, or what the call comes to: a signal was sent. */
i64 tty_check_background(struct task *task, const struct tty *t, int signo) HIDDEN;
void tty_take_as_controlling(struct proc *p, struct tty *t) HIDDEN;
void tty_hung_up(struct tty *t) HIDDEN;
void tty_forget_session(struct tty *t) HIDDEN;
i64 tty_set_controlling(struct trap *c, const struct object *o) HIDDEN; /* TIOCSCTTY */
i64 tty_give_up(struct trap *c, struct tty *t) HIDDEN;                  /* TIOCNOTTY */
i64 tty_get_group(struct trap *c, const struct object *o) HIDDEN;
i64 tty_set_group(struct trap *c, struct tty *t) HIDDEN;
i64 tty_get_session(struct trap *c, const struct object *o) HIDDEN;
#endif
