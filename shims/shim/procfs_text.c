/* procfs_text.c: writes text into a memfd by way of one page, reads the kernel's by lines. */
#include "procfs.h"

void text_flush(struct text *o)
{
    u32 done = 0;
    while (done < o->used) {
        i64 n = raw(__NR_write, o->fd, o->buffer + done, o->used - done);
        if (n <= 0)
            fatal("a virtual file of /proc cannot be written: errno", n);
        done += (u32)n;
    }
    o->used = 0;
}

static void text_char(struct text *o, char ch)
{
    if (o->used == PATH_BYTES_MAX)
        text_flush(o);
    o->buffer[o->used++] = ch;
    o->column = ch == '\n' ? 0 : o->column + 1;
}

void text_bytes(struct text *o, const char *s, u64 n)
{
    for (u64 i = 0; i < n; i++)
        text_char(o, s[i]);
}

void text(struct text *o, const char *s) { text_bytes(o, s, string_length(s)); }
void text_number(struct text *o, u64 v) { text_padded(o, v, 0, ' '); }

void text_padded(struct text *o, u64 v, u32 width, char fill)
{
    char digits[24];
    number_append(digits, digits + sizeof digits, v);
    for (u64 n = string_length(digits); n < width; n++)
        text_char(o, fill);
    text(o, digits);
}

void text_hex(struct text *o, u64 v, u32 digits)
{
    while (digits < 16 && v >> (4 * digits))
        digits++;
    while (digits-- > 0)
        text_char(o, "0123456789abcdef"[v >> (4 * digits) & 15]);
}

void text_column(struct text *o, u32 column)
{
    while (o->column < column)
        text_char(o, ' ');
}

/* ---- reading ---- */
void lines_start(struct lines *l, i64 fd)
{
    l->fd = fd;
    l->text = 0;
    l->at = l->filled = 0;
    raw(__NR_lseek, fd, 0, 0);
}

void lines_of_text(struct lines *l, const char *text, u64 bytes)
{
    l->text = text;
    l->text_end = text + bytes;
}

static int next_char(struct lines *l)
{
    if (l->text)
        return l->text < l->text_end ? (u8)*l->text++ : -1;
    if (l->at == l->filled) {
        i64 n = raw(__NR_read, l->fd, l->buffer, sizeof l->buffer);
        if (n <= 0)
            return -1;
        l->at = 0;
        l->filled = (u32)n;
    }
    return (u8)l->buffer[l->at++];
}

int line_next(struct lines *l, char *line, u64 bytes)
{
    u64 n = 0;
    int ch = next_char(l);
    if (ch < 0)
        return 0;
    for (; ch >= 0 && ch != '\n'; ch = next_char(l))
        if (n + 1 < bytes)
            line[n++] = (char)ch;
    line[n] = 0;
    return 1;
}

/* ---- scanning ---- */
u64 scan_number(const char **at, u32 base)
{
    u64 v = 0;
    for (;; ++*at) {
        char ch = **at;
        u32 digit = ch >= '0' && ch <= '9' ? (u32)(ch - '0')
                    : ch >= 'a' && ch <= 'f' ? (u32)(ch - 'a' + 10)
                                             : 99;
        if (digit >= base)
            return v;
        v = v * base + digit;
    }
}

void scan_spaces(const char **at)
{
    while (**at == ' ' || **at == '\t')
        ++*at;
}

u64 word_length(const char *s)
{
    u64 n = 0;
    while (s[n] && s[n] != ' ' && s[n] != '\t')
        n++;
    return n;
}

const char *word_skip(const char *s)
{
    s += word_length(s);
    scan_spaces(&s);
    return s;
}

/* '#' is a number, '*' anything. */
int name_matches(const char *pattern, const char *name)
{
    const char *star = 0, *retry = 0;
    for (;;) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (*pattern == '#' && *name >= '0' && *name <= '9') {
            scan_number(&name, 10);
            pattern++;
        } else if (*pattern && *pattern != '#' && *pattern == *name) {
            pattern++;
            name++;
        } else if (!*pattern && !*name) {
            return 1;
        } else if (star && *retry) {
            pattern = star;
            name = ++retry;
        } else {
            return 0;
        }
    }
}
