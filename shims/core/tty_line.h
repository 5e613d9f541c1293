/* tty_line.h: a terminal's line discipline, as Linux has it (N_TTY), between the two ends of a pty.
 *
 * What the master writes is typed: it goes through the discipline into `input`, where the slave
 * reads it, and its echo into `out`. What the slave writes is printed into `out`, where the master
 * reads it. Pure: signals and wake-ups are the caller's, who sees from the counters what has changed.
 */
#ifndef DST_TTY_LINE_H
#define DST_TTY_LINE_H
#include "abi.h"

/* linux/termios.h */
#define TTY_INPUT_STRIP 0000040u /* ISTRIP */
#define TTY_NL_TO_CR 0000100u
#define TTY_IGNORE_CR 0000200u
#define TTY_CR_TO_NL 0000400u
#define TTY_TO_LOWER 0001000u
#define TTY_FLOW 0002000u     /* IXON */
#define TTY_FLOW_ANY 0004000u /* IXANY */
#define TTY_MARK_PARITY 0000010u
#define TTY_UTF8 0040000u
#define TTY_POST 0000001u /* OPOST */
#define TTY_OUT_UPPER 0000002u
#define TTY_OUT_NL_CR 0000004u
#define TTY_OUT_CR_NL 0000010u
#define TTY_OUT_NO_CR0 0000020u
#define TTY_OUT_NL_RETURNS 0000040u
#define TTY_TAB_BITS 0014000u
#define TTY_SIGNALS 0000001u /* ISIG */
#define TTY_CANONICAL 0000002u
#define TTY_ECHOES 0000010u
#define TTY_ECHO_ERASE 0000020u
#define TTY_ECHO_KILL 0000040u
#define TTY_ECHO_NL 0000100u
#define TTY_NO_FLUSH 0000200u
#define TTY_STOP_WRITERS 0000400u /* TOSTOP */
#define TTY_ECHO_CONTROL 0001000u
#define TTY_ECHO_PRINT 0002000u
#define TTY_ECHO_KILL_ERASES 0004000u
#define TTY_EXTENDED 0100000u     /* IEXTEN */
#define TTY_EXTERNAL 0200000u     /* EXTPROC */

enum tty_character {
    TTY_INTR = 0, TTY_QUIT = 1, TTY_ERASE = 2, TTY_KILL = 3, TTY_EOF = 4, TTY_TIME = 5, TTY_MIN = 6,
    TTY_START = 8, TTY_STOP = 9, TTY_SUSP = 10, TTY_EOL = 11, TTY_REPRINT = 12, TTY_WERASE = 14,
    TTY_LNEXT = 15, TTY_EOL2 = 16
};

/* TIOCPKT_*: what the reader of the other end is told in packet mode. */
enum tty_packet {
    TTY_PACKET_FLUSH_READ = 1, TTY_PACKET_FLUSH_WRITE = 2, TTY_PACKET_STOP = 4,
    TTY_PACKET_START = 8, TTY_PACKET_NO_STOP = 16, TTY_PACKET_DO_STOP = 32, TTY_PACKET_IOCTL = 64
};

static inline int tty_is_canonical(const struct tty *t)
{
    return (t->settings.lflag & (TTY_CANONICAL | TTY_EXTERNAL)) == TTY_CANONICAL;
}

/* ---- the master's side ---- */
/* Takes what is typed as far as there is room; how much. Then tty_work. */
u64 tty_type(struct tty *t, const u8 *from, u64 n);
u64 tty_type_room(const struct tty *t);
void tty_work_begin(struct tty *t);
/* Works off what was typed, until a character that sends a signal: that one, or 0 at the end. The
 * caller sends it, to the foreground group, and comes again. */
u32 tty_work(struct tty *t);
u64 tty_read_out(struct tty *t, u8 *to, u64 n);
u64 tty_out_readable(const struct tty *t); /* by one call */

/* ---- the slave's side ---- */
u64 tty_print(struct tty *t, const u8 *from, u64 n); /* how much was taken */
u64 tty_print_room(const struct tty *t);
/* There is something to read: a line, or as many characters as `at_least`. */
int tty_has_input(const struct tty *t, u32 at_least);
u64 tty_input_bytes(const struct tty *t); /* FIONREAD */
u64 tty_read_input(struct tty *t, u8 *to, u64 n);

/* ---- settings and control ---- */
void tty_set(struct tty *t, const struct tty_settings *next);
void tty_flush_input(struct tty *t);
void tty_flush_output(struct tty *t);
void tty_flush_typed(struct tty *t); /* what has not come to the discipline yet */
void tty_stop(struct tty *t);
void tty_start(struct tty *t);
void tty_packet_event(struct tty *t, u32 events);
#endif
