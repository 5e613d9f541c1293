#include "tty_line.h"

#define NO_CHARACTER 0 /* _POSIX_VDISABLE */
#define INPUT_MASK (TTY_INPUT_BYTES - 1)
#define TAB_COLUMNS 8u
#define PARITY_MARK 0xffu

/* ---- characters ---- */
static int is_control(u8 c) { return c < 32 || c == 127; }
static int is_lower(u8 c) /* Latin-1, as the kernel has it */
{
    return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}
static int is_upper(u8 c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}
static int is_word(u8 c)
{
    return (c >= '0' && c <= '9') || is_lower(c) || is_upper(c) || c == '_';
}
static int continues(const struct tty *t, u8 c) /* a character of several bytes */
{
    return (t->settings.iflag & TTY_UTF8) && (c & 0xc0) == 0x80;
}

static int local(const struct tty *t, u32 flag) { return (t->settings.lflag & flag) != 0; }
static int in(const struct tty *t, u32 flag) { return (t->settings.iflag & flag) != 0; }
static int out(const struct tty *t, u32 flag) { return (t->settings.oflag & flag) != 0; }
static int is_key(const struct tty *t, u8 c, enum tty_character key)
{
    return c != NO_CHARACTER && c == t->settings.cc[key];
}
static u8 input_at(const struct tty *t, u32 at) { return t->input[at & INPUT_MASK]; }

/* ---- what the master will read ---- */
static void put_out(struct tty *t, u8 c)
{
    t->out[t->out_head++ % TTY_OUTPUT_BYTES] = c;
}

u64 tty_print_room(const struct tty *t)
{
    if (t->flags & (TTY_STOPPED | TTY_STOPPED_BY_CALL))
        return 0;
    return TTY_OUTPUT_MAX - (t->out_head - t->out_tail);
}

/* A character as it is printed: at most TAB_COLUMNS of them in `to`; how many. */
static u32 processed(struct tty *t, u8 c, u8 to[TAB_COLUMNS])
{
    u32 n = 1;
    to[0] = c;
    if (c == '\n') {
        if (out(t, TTY_OUT_NL_CR)) {
            to[0] = '\r';
            to[n++] = '\n';
        }
        if (out(t, TTY_OUT_NL_CR | TTY_OUT_NL_RETURNS))
            t->column = 0;
        t->line_column = t->column;
    } else if (c == '\r') {
        if (out(t, TTY_OUT_NO_CR0) && !t->column)
            return 0;
        if (out(t, TTY_OUT_CR_NL))
            to[0] = '\n';
        if (!out(t, TTY_OUT_CR_NL) || out(t, TTY_OUT_NL_RETURNS))
            t->line_column = t->column = 0;
    } else if (c == '\t') {
        u32 spaces = TAB_COLUMNS - t->column % TAB_COLUMNS;
        t->column += spaces;
        if ((t->settings.oflag & TTY_TAB_BITS) == TTY_TAB_BITS)
            for (n = 0; n < spaces; n++)
                to[n] = ' ';
    } else if (c == '\b') {
        t->column -= t->column > 0;
    } else if (!is_control(c)) {
        if (out(t, TTY_OUT_UPPER) && is_lower(c))
            to[0] = (u8)(c - 32);
        t->column += !continues(t, c);
    }
    return n;
}

/* ---- echo ----
 *
 * It is collected, and printed when the typed characters that came together are worked off, or when
 * there is much of it: what a signal's key finds there is dropped. It is kept unprocessed, because
 * what a tab takes back depends on where the cursor is by then. */
#define ECHO_ESCAPE 0xffu
#define ECHO_BACK_COLUMN 1u
#define ECHO_LINE_COLUMN 2u
#define ECHO_ERASE_TAB 3u /* and what stands before it: columns, and whether after another tab */
#define ECHO_AFTER_TAB 0x80u
#define ECHO_BLOCK 256u
#define ECHO_KEPT_MAX (TTY_ECHO_BYTES - ECHO_BLOCK - 32)

static void echo_put(struct tty *t, u8 c) { t->echo[t->echo_head++ % TTY_ECHO_BYTES] = c; }
static u8 echo_at(const struct tty *t, u32 at) { return t->echo[at % TTY_ECHO_BYTES]; }

static void echo_command(struct tty *t, u8 what)
{
    echo_put(t, ECHO_ESCAPE);
    echo_put(t, what);
}

static void echo_plain(struct tty *t, u8 c)
{
    if (c == ECHO_ESCAPE)
        echo_put(t, ECHO_ESCAPE);
    echo_put(t, c);
}

static u32 echo_length(const struct tty *t, u32 at)
{
    if (echo_at(t, at) != ECHO_ESCAPE)
        return 1;
    return echo_at(t, at + 1) == ECHO_ERASE_TAB ? 3 : 2;
}

/* Bytes for the screen; whether there was room. */
static int print_bytes(struct tty *t, const u8 *from, u32 n)
{
    if (n > tty_print_room(t))
        return 0;
    for (u32 i = 0; i < n; i++)
        put_out(t, from[i]);
    return 1;
}

static int print_character(struct tty *t, u8 c)
{
    u8 bytes[TAB_COLUMNS];
    u32 column = t->column, line_column = t->line_column, n = 1;
    if (!tty_print_room(t))
        return 0;
    bytes[0] = c;
    if (out(t, TTY_POST))
        n = processed(t, c, bytes);
    if (print_bytes(t, bytes, n))
        return 1;
    t->column = column;
    t->line_column = line_column;
    return 0;
}

static int print_erased_tab(struct tty *t, u8 before)
{
    u8 back[TAB_COLUMNS];
    u32 columns = before & ECHO_AFTER_TAB ? before : before + t->line_column;
    u32 n = TAB_COLUMNS - columns % TAB_COLUMNS;
    for (u32 i = 0; i < n; i++)
        back[i] = '\b';
    if (!print_bytes(t, back, n))
        return 0;
    t->column -= n < t->column ? n : t->column;
    return 1;
}

static int print_echo(struct tty *t, u32 at)
{
    u8 c = echo_at(t, at), what = echo_at(t, at + 1);
    if (c != ECHO_ESCAPE)
        return print_character(t, c);
    if (what == ECHO_ESCAPE) {
        t->column += tty_print_room(t) > 0;
        return print_bytes(t, &c, 1);
    }
    if (what == ECHO_ERASE_TAB)
        return print_erased_tab(t, echo_at(t, at + 2));
    if (what == ECHO_BACK_COLUMN)
        t->column -= t->column > 0;
    else
        t->line_column = t->column;
    return 1;
}

/* What has no room waits; too much of it is dropped, the oldest first. */
static void print_echoes(struct tty *t)
{
    while (t->echo_tail != t->echo_due && print_echo(t, t->echo_tail))
        t->echo_tail += echo_length(t, t->echo_tail);
    while (t->echo_due - t->echo_tail >= ECHO_KEPT_MAX && t->echo_tail != t->echo_due)
        t->echo_tail += echo_length(t, t->echo_tail);
}

static void echo_done(struct tty *t)
{
    u32 before = t->echo_due - t->echo_tail, now = t->echo_head - t->echo_tail;
    t->echo_mark = t->echo_head;
    if (now < ECHO_BLOCK || now % ECHO_BLOCK > before % ECHO_BLOCK)
        return;
    t->echo_due = t->echo_head;
    print_echoes(t);
}

static void flush_echo(struct tty *t)
{
    if (t->echo_mark == t->echo_tail)
        return;
    t->echo_due = t->echo_mark;
    print_echoes(t);
}

/* All that came together is worked off. */
static void flush_all_echo(struct tty *t)
{
    if (!local(t, TTY_ECHOES | TTY_ECHO_NL) || t->echo_due == t->echo_head)
        return;
    t->echo_due = t->echo_head;
    print_echoes(t);
}

static void echo_visible(struct tty *t, u8 c) /* ^X for a control character */
{
    if (local(t, TTY_ECHO_CONTROL) && is_control(c) && c != '\t') {
        echo_plain(t, '^');
        c ^= 0100;
    }
    echo_plain(t, c);
}

static void echo_back(struct tty *t)
{
    echo_plain(t, '\b');
    echo_plain(t, ' ');
    echo_plain(t, '\b');
}

static void end_erasing(struct tty *t)
{
    if (t->flags & TTY_ERASING)
        echo_plain(t, '/');
    t->flags &= ~(u32)TTY_ERASING;
}

/* The first character of a line tells where the line begins on the screen. */
static void echo_typed(struct tty *t, u8 c)
{
    end_erasing(t);
    if (t->head == t->line_head)
        echo_command(t, ECHO_LINE_COLUMN);
    echo_visible(t, c);
    echo_done(t);
}

/* ---- the line that is being typed ---- */
static void put_input(struct tty *t, u8 c)
{
    t->input[t->head++ & INPUT_MASK] = c;
}

static void put_marked(struct tty *t, u8 c) /* 0xff stands for itself only when it comes twice */
{
    if (c == PARITY_MARK && in(t, TTY_MARK_PARITY))
        put_input(t, c);
    put_input(t, c);
}

static void end_line(struct tty *t, u8 c)
{
    u32 at = t->head & INPUT_MASK;
    t->line_ends[at / 8] |= (u8)(1u << at % 8);
    put_input(t, c);
    t->line_head = t->head;
}

static int ends_line(const struct tty *t, u32 at)
{
    at &= INPUT_MASK;
    return t->line_ends[at / 8] >> at % 8 & 1;
}

/* ---- erasing ---- */
/* A tab is erased by going back to where it began: what stands before it tells how far. */
static void echo_erase_tab(struct tty *t)
{
    u32 columns = 0, at = t->head, after_tab = 0;
    while (at != t->line_head && !after_tab) {
        u8 c = input_at(t, --at);
        if (c == '\t')
            after_tab = ECHO_AFTER_TAB;
        else if (is_control(c))
            columns += local(t, TTY_ECHO_CONTROL) ? 2 : 0;
        else
            columns += !continues(t, c);
    }
    echo_command(t, ECHO_ERASE_TAB);
    echo_put(t, (u8)(columns % TAB_COLUMNS | after_tab));
}

/* The bytes from `from` on, printed between \ and /. */
static void echo_erase_printed(struct tty *t, u32 from, u32 bytes)
{
    if (!(t->flags & TTY_ERASING))
        echo_plain(t, '\\');
    t->flags |= TTY_ERASING;
    echo_visible(t, input_at(t, from));
    for (u32 i = 1; i < bytes; i++) {
        echo_plain(t, input_at(t, from + i));
        echo_command(t, ECHO_BACK_COLUMN);
    }
}

static void echo_erased(struct tty *t, u32 from, u32 bytes, int one)
{
    u8 c = input_at(t, from);
    if (local(t, TTY_ECHO_PRINT)) {
        echo_erase_printed(t, from, bytes);
    } else if (one && !local(t, TTY_ECHO_ERASE)) {
        echo_visible(t, t->settings.cc[TTY_ERASE]);
    } else if (c == '\t') {
        echo_erase_tab(t);
    } else {
        if (is_control(c) && local(t, TTY_ECHO_CONTROL))
            echo_back(t);
        if (!is_control(c) || local(t, TTY_ECHO_CONTROL))
            echo_back(t);
    }
}

/* Where the last character begins; t->head: there is only a part of one. */
static u32 last_character(const struct tty *t)
{
    u32 at = t->head;
    do
        at--;
    while (continues(t, input_at(t, at)) && at != t->line_head);
    return continues(t, input_at(t, at)) ? t->head : at;
}

static void erase_some(struct tty *t, enum tty_character how)
{
    int word_seen = 0;
    while (t->head != t->line_head) {
        u32 from = last_character(t), bytes = t->head - from;
        if (!bytes)
            break;
        if (how == TTY_WERASE && word_seen && !is_word(input_at(t, from)))
            break;
        word_seen |= is_word(input_at(t, from));
        t->head = from;
        if (local(t, TTY_ECHOES))
            echo_erased(t, from, bytes, how == TTY_ERASE);
        if (how == TTY_ERASE)
            break;
    }
    if (t->head == t->line_head && local(t, TTY_ECHOES))
        end_erasing(t);
}

/* The whole line goes, and the screen shows it only by the character and a new line. */
static void kill_unseen(struct tty *t)
{
    t->head = t->line_head;
    if (!local(t, TTY_ECHOES))
        return;
    end_erasing(t);
    echo_visible(t, t->settings.cc[TTY_KILL]);
    if (local(t, TTY_ECHO_KILL))
        echo_plain(t, '\n');
}

static void erase(struct tty *t, enum tty_character how)
{
    u32 seen = TTY_ECHOES | TTY_ECHO_KILL | TTY_ECHO_KILL_ERASES | TTY_ECHO_ERASE;
    if (t->head == t->line_head)
        return;
    if (how == TTY_KILL && (t->settings.lflag & seen) != seen)
        kill_unseen(t);
    else
        erase_some(t, how);
    echo_done(t);
}

static void reprint(struct tty *t)
{
    end_erasing(t);
    echo_visible(t, t->settings.cc[TTY_REPRINT]);
    echo_plain(t, '\n');
    for (u32 at = t->line_head; at != t->head; at++)
        echo_visible(t, input_at(t, at));
    echo_done(t);
}

static void take_next_literally(struct tty *t)
{
    t->flags |= TTY_LITERAL;
    if (!local(t, TTY_ECHOES))
        return;
    end_erasing(t);
    if (local(t, TTY_ECHO_CONTROL)) {
        echo_plain(t, '^');
        echo_plain(t, '\b');
        echo_done(t);
    }
}

/* A line's editing. Whether the character was one of its keys. */
static int edited(struct tty *t, u8 c)
{
    int extended = local(t, TTY_EXTENDED), echoes = local(t, TTY_ECHOES);
    if (is_key(t, c, TTY_ERASE)) {
        erase(t, TTY_ERASE);
    } else if (is_key(t, c, TTY_KILL)) {
        erase(t, TTY_KILL);
    } else if (extended && is_key(t, c, TTY_WERASE)) {
        erase(t, TTY_WERASE);
    } else if (extended && is_key(t, c, TTY_LNEXT)) {
        take_next_literally(t);
    } else if (extended && echoes && is_key(t, c, TTY_REPRINT)) {
        reprint(t);
    } else if (c == '\n') {
        if (local(t, TTY_ECHOES | TTY_ECHO_NL)) {
            echo_plain(t, '\n');
            echo_done(t);
        }
        end_line(t, c);
    } else if (is_key(t, c, TTY_EOF)) {
        end_line(t, NO_CHARACTER);
    } else if (is_key(t, c, TTY_EOL) || (extended && is_key(t, c, TTY_EOL2))) {
        if (echoes) {
            if (t->head == t->line_head)
                echo_command(t, ECHO_LINE_COLUMN);
            echo_visible(t, c);
            echo_done(t);
        }
        if (c == PARITY_MARK && in(t, TTY_MARK_PARITY))
            put_input(t, c);
        end_line(t, c);
    } else {
        return 0;
    }
    return 1;
}

/* ---- control ---- */
void tty_packet_event(struct tty *t, u32 events)
{
    if (t->flags & TTY_PACKET)
        t->packet_status |= events;
}

static void stop_with(struct tty *t, u32 flag)
{
    u32 stopped = t->flags & (TTY_STOPPED | TTY_STOPPED_BY_CALL);
    t->flags |= flag;
    if (!stopped && (t->flags & TTY_PACKET))
        t->packet_status = (t->packet_status & ~(u32)TTY_PACKET_START) | TTY_PACKET_STOP;
}

static void start_again(struct tty *t)
{
    if (!(t->flags & TTY_STOPPED) || (t->flags & TTY_STOPPED_BY_CALL))
        return;
    t->flags &= ~(u32)TTY_STOPPED;
    if (t->flags & TTY_PACKET)
        t->packet_status = (t->packet_status & ~(u32)TTY_PACKET_STOP) | TTY_PACKET_START;
}

void tty_stop(struct tty *t)
{
    if (!(t->flags & TTY_STOPPED_BY_CALL))
        stop_with(t, TTY_STOPPED | TTY_STOPPED_BY_CALL);
}

void tty_start(struct tty *t)
{
    if (!(t->flags & TTY_STOPPED_BY_CALL))
        return;
    t->flags &= ~(u32)TTY_STOPPED_BY_CALL;
    start_again(t);
    flush_echo(t);
}

static void forget_input(struct tty *t)
{
    t->head = t->tail = t->line_head = 0;
    t->flags &= ~(u32)TTY_ERASING;
    for (u32 i = 0; i < sizeof t->line_ends; i++)
        t->line_ends[i] = 0;
}

void tty_flush_input(struct tty *t)
{
    forget_input(t);
    tty_packet_event(t, TTY_PACKET_FLUSH_READ);
}

/* What the other end's discipline has got already stays. */
void tty_flush_output(struct tty *t)
{
    if (t->out_head - t->out_tail > TTY_INPUT_BYTES - 1)
        t->out_head = t->out_tail + TTY_INPUT_BYTES - 1;
    tty_packet_event(t, TTY_PACKET_FLUSH_WRITE);
}

void tty_flush_typed(struct tty *t) { t->held_tail = t->held_head; }

/* ---- typed characters ---- */
/* What the same typing has printed is on its way to the other end. */
static void drop_unsettled(struct tty *t)
{
    if ((i32)(t->out_settled - t->out_tail) < 0)
        t->out_settled = t->out_tail;
    t->out_head = t->out_settled;
}

/* The key that sends a signal, and what it comes with: both queues are emptied. */
static void signal_typed(struct tty *t, u8 c)
{
    if (!local(t, TTY_NO_FLUSH)) {
        t->echo_tail = t->echo_due = t->echo_mark = t->echo_head;
        drop_unsettled(t);
        tty_flush_output(t);
        tty_flush_input(t);
    }
    if (in(t, TTY_FLOW))
        start_again(t);
    if (local(t, TTY_ECHOES)) {
        echo_visible(t, c);
        echo_done(t);
    } else {
        flush_echo(t);
    }
}

static int is_signal(const struct tty *t, u8 c)
{
    return local(t, TTY_SIGNALS) &&
           (is_key(t, c, TTY_INTR) || is_key(t, c, TTY_QUIT) || is_key(t, c, TTY_SUSP));
}

static int is_raw(const struct tty *t)
{
    return !in(t, TTY_INPUT_STRIP | TTY_TO_LOWER | TTY_IGNORE_CR | TTY_CR_TO_NL | TTY_NL_TO_CR |
                      TTY_FLOW | TTY_MARK_PARITY) &&
           !local(t, TTY_CANONICAL | TTY_SIGNALS | TTY_ECHOES);
}

static void any_key_starts(struct tty *t)
{
    if (!in(t, TTY_FLOW) || !in(t, TTY_FLOW_ANY))
        return;
    start_again(t);
    flush_echo(t);
}

static void ordinary(struct tty *t, u8 c)
{
    any_key_starts(t);
    if (local(t, TTY_ECHOES))
        echo_typed(t, c);
    put_marked(t, c);
}

/* Flow control. Whether the character was one of its keys. */
static int flows(struct tty *t, u8 c)
{
    if (!in(t, TTY_FLOW))
        return 0;
    if (is_key(t, c, TTY_START)) {
        start_again(t);
        flush_echo(t);
        return 1;
    }
    if (!is_key(t, c, TTY_STOP))
        return 0;
    stop_with(t, TTY_STOPPED);
    return 1;
}

static void no_signal(struct tty *t, u8 c)
{
    any_key_starts(t);
    if (c == '\r' && in(t, TTY_IGNORE_CR))
        return;
    int is_return = c == '\r' && in(t, TTY_CR_TO_NL);
    if (is_return)
        c = '\n';
    else if (c == '\n' && in(t, TTY_NL_TO_CR))
        c = '\r';
    if (tty_is_canonical(t) && edited(t, c))
        return;
    if (local(t, TTY_ECHOES) && is_return) {
        end_erasing(t);
        echo_plain(t, c);
        echo_done(t);
    } else if (local(t, TTY_ECHOES)) {
        echo_typed(t, c);
    }
    put_marked(t, c);
}

static u8 narrowed(const struct tty *t, u8 c)
{
    if (in(t, TTY_INPUT_STRIP))
        c &= 0x7f;
    if (in(t, TTY_TO_LOWER) && local(t, TTY_EXTENDED) && is_upper(c))
        c = (u8)(c + 32);
    return c;
}

/* One character. Whether it sends a signal. */
static int character(struct tty *t, u8 c)
{
    if (is_raw(t)) {
        put_input(t, c);
        return 0;
    }
    c = narrowed(t, c);
    if (local(t, TTY_EXTERNAL)) {
        put_input(t, c);
    } else if (t->flags & TTY_LITERAL) {
        t->flags &= ~(u32)TTY_LITERAL;
        ordinary(t, c);
    } else if (flows(t, c)) {
        return 0;
    } else if (is_signal(t, c)) {
        return 1;
    } else {
        no_signal(t, c);
    }
    return 0;
}

/* Makes room for one character. A line that is too long to fit loses what comes last; in all other
 * cases what is typed has to wait: 0. */
static int make_room(struct tty *t)
{
    i32 room = (i32)(TTY_INPUT_BYTES - (t->head - t->tail));
    if (in(t, TTY_MARK_PARITY))
        room = (room + 2) / 3;
    if (--room > 0)
        return 1;
    if (!tty_is_canonical(t) || t->line_head != t->tail)
        return 0;
    if (room < 0)
        t->head--;
    return 1;
}

void tty_work_begin(struct tty *t) { t->out_settled = t->out_head; }

u32 tty_work(struct tty *t)
{
    while (t->held_tail != t->held_head && make_room(t)) {
        u8 c = t->held[t->held_tail++ % TTY_HELD_BYTES];
        if (!character(t, c))
            continue;
        c = narrowed(t, c);
        signal_typed(t, c);
        return c;
    }
    if (!is_raw(t))
        flush_all_echo(t);
    return 0;
}

u64 tty_type_room(const struct tty *t) { return TTY_HELD_BYTES - (t->held_head - t->held_tail); }

u64 tty_type(struct tty *t, const u8 *from, u64 n)
{
    u64 room = tty_type_room(t), taken = n < room ? n : room;
    for (u64 i = 0; i < taken; i++)
        t->held[t->held_head++ % TTY_HELD_BYTES] = from[i];
    return taken;
}

/* ---- printed ---- */
u64 tty_print(struct tty *t, const u8 *from, u64 n)
{
    u64 done = 0;
    flush_echo(t);
    while (done < n && print_character(t, from[done]))
        done++;
    return done;
}

u64 tty_out_readable(const struct tty *t)
{
    u32 n = t->out_head - t->out_tail;
    return n < TTY_INPUT_BYTES ? n : TTY_INPUT_BYTES - 1;
}

u64 tty_read_out(struct tty *t, u8 *to, u64 n)
{
    u64 most = tty_out_readable(t), count = n < most ? n : most;
    for (u64 i = 0; i < count; i++)
        to[i] = t->out[t->out_tail++ % TTY_OUTPUT_BYTES];
    return count;
}

/* ---- read ---- */
int tty_has_input(const struct tty *t, u32 at_least)
{
    if (tty_is_canonical(t))
        return t->line_head != t->tail;
    return t->head - t->tail >= (at_least ? at_least : 1);
}

/* An end of file is in the queue as a character that nobody gets. */
static int is_end_of_file(const struct tty *t, u32 at)
{
    return ends_line(t, at) && input_at(t, at) == NO_CHARACTER;
}

u64 tty_input_bytes(const struct tty *t)
{
    u64 n = 0;
    if (!tty_is_canonical(t))
        return t->head - t->tail;
    for (u32 at = t->tail; at != t->line_head; at++)
        n += !is_end_of_file(t, at);
    return n;
}

static void pass_end(struct tty *t)
{
    u32 at = t->tail++ & INPUT_MASK;
    t->line_ends[at / 8] &= (u8)~(1u << at % 8);
}

static u64 read_line(struct tty *t, u8 *to, u64 n)
{
    u64 count = 0;
    while (count < n && t->tail != t->line_head) {
        int ends = ends_line(t, t->tail);
        if (is_end_of_file(t, t->tail)) {
            pass_end(t);
            return count;
        }
        to[count++] = input_at(t, t->tail);
        if (!ends) {
            t->tail++;
            continue;
        }
        pass_end(t);
        return count;
    }
    if (count && t->tail != t->line_head && is_end_of_file(t, t->tail))
        pass_end(t); /* it ends what has just been read, and is no end of its own */
    return count;
}

u64 tty_read_input(struct tty *t, u8 *to, u64 n)
{
    u64 count = t->head - t->tail;
    if (tty_is_canonical(t))
        return read_line(t, to, n);
    count = n < count ? n : count;
    for (u64 i = 0; i < count; i++)
        to[i] = input_at(t, t->tail++);
    return count;
}

/* ---- settings ---- */
/* Between lines and characters: what has been typed stays, as one line or as characters. */
static void change_mode(struct tty *t)
{
    for (u32 i = 0; i < sizeof t->line_ends; i++)
        t->line_ends[i] = 0;
    t->line_head = t->tail;
    if (local(t, TTY_CANONICAL) && t->head != t->tail) {
        u32 last = (t->head - 1) & INPUT_MASK;
        t->line_ends[last / 8] |= (u8)(1u << last % 8);
        t->line_head = t->head;
    }
    t->flags &= ~(u32)(TTY_ERASING | TTY_LITERAL);
}

static int has_flow_keys(const struct tty_settings *s)
{
    return (s->iflag & TTY_FLOW) && s->cc[TTY_STOP] == 023 && s->cc[TTY_START] == 021;
}

static void tell_of_settings(struct tty *t, const struct tty_settings *before)
{
    int had = has_flow_keys(before), has = has_flow_keys(&t->settings);
    if (!(t->flags & TTY_PACKET))
        return;
    if (had != has) {
        t->packet_status &= ~(u32)(TTY_PACKET_DO_STOP | TTY_PACKET_NO_STOP);
        t->packet_status |= has ? TTY_PACKET_DO_STOP : TTY_PACKET_NO_STOP;
    }
    if ((before->lflag | t->settings.lflag) & TTY_EXTERNAL)
        t->packet_status |= TTY_PACKET_IOCTL;
}

void tty_set(struct tty *t, const struct tty_settings *next)
{
    struct tty_settings before = t->settings;
    t->settings = *next;
    if ((before.lflag ^ next->lflag) & (TTY_CANONICAL | TTY_EXTERNAL))
        change_mode(t);
    if (!in(t, TTY_FLOW) && (before.iflag & TTY_FLOW)) {
        start_again(t);
        flush_echo(t);
    }
    tell_of_settings(t, &before);
}
