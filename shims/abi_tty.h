/* abi_tty.h: a part of abi.h: terminals of the simulation (ptys). A real pair of the kernel stands for
 * the descriptors and keeps the settings; what goes through it is here. */
#ifndef DST_ABI_TTY_H
#define DST_ABI_TTY_H

#define TTYS_MAX 256u
#define TTY_INPUT_BYTES 4096u    /* what the line discipline holds: Linux's own measure */
#define TTY_HELD_BYTES 16384u    /* on the way to it, when that is full */
#define TTY_ECHO_BYTES 4096u
#define TTY_OUTPUT_BYTES 32768u  /* room for what is allowed below, a power of two */
#define TTY_OUTPUT_MAX (TTY_INPUT_BYTES - 1 + TTY_HELD_BYTES)

enum tty_flag {
    TTY_MASTER_GONE = 1,   /* hung up: nobody will ever read what is printed */
    TTY_SLAVE_GONE = 2,    /* it was open, and is no more */
    TTY_STOPPED = 4,       /* by ^S */
    TTY_STOPPED_BY_CALL = 8, /* by tcflow: ^Q does not help */
    TTY_PACKET = 16,
    TTY_LITERAL = 32,      /* the next character is taken as it is */
    TTY_ERASING = 64       /* erased characters are being printed (ECHOPRT) */
};

struct tty_settings { /* the kernel's struct termios2 */
    u32 iflag, oflag, cflag, lflag;
    u8 line;
    u8 cc[19];
    u32 input_speed, output_speed;
};

struct tty {
    u32 number; /* of /dev/pts; in the table: + 1 (0: free) */
    u32 flags;  /* enum tty_flag */
    u32 masters, slaves; /* open files */
    u32 master_channel, slave_channel;
    u32 session, group; /* whose controlling terminal it is; who is in the foreground */
    u32 packet_status;  /* TIOCPKT_*, not read yet */
    u32 column, line_column; /* where the cursor is; where the line began that is being typed */
    /* Typed: `input` is a ring with counters that run on; lines end before `line_head`. */
    u32 head, tail, line_head;
    u32 held_head, held_tail;
    u32 echo_head, echo_tail;
    u32 echo_mark, echo_due; /* up to where it may be, and is to be, printed */
    u32 out_head, out_tail; /* printed, for the master to read; */
    u32 out_settled;        /* up to here before the typed characters that are being worked off */
    struct tty_settings settings;
    u8 line_ends[TTY_INPUT_BYTES / 8];
    u8 input[TTY_INPUT_BYTES];
    u8 held[TTY_HELD_BYTES];
    u8 echo[TTY_ECHO_BYTES];
    u8 out[TTY_OUTPUT_BYTES];
};

struct tty_world {
    u32 used, pad; /* entries that ever were */
    struct tty ttys[TTYS_MAX]; /* the first is none */
};

#endif
