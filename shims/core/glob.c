#include "glob.h"

/* A place to come back to: the pattern behind the star, and the text that is to be tried next; 0: no more. */
struct star {
    const char *pattern, *text;
};

/* `[..]`: whether c is in it; *end: behind it. 0 in *end: it has no end, so it is a plain "[". */
static int in_class(const char *p, char c, const char **end)
{
    int negated = *p == '!' || *p == '^', found = 0;
    const char *first = p + negated;
    for (p = first; *p && (*p != ']' || p == first); p++) {
        if (*p == '\\' && p[1])
            p++;
        u8 from = (u8)*p, to = from;
        if (p[1] == '-' && p[2] && p[2] != ']') {
            p += 2;
            if (*p == '\\' && p[1])
                p++;
            to = (u8)*p;
        }
        found |= from <= (u8)c && (u8)c <= to;
    }
    *end = *p ? p + 1 : 0;
    return found != negated && c != '/';
}

/* One character of the text against one element of the pattern: behind it, or 0. */
static const char *match_one(const char *p, char c)
{
    const char *end;
    if (*p == '?')
        return c != '/' ? p + 1 : 0;
    if (*p == '[') {
        int found = in_class(p + 1, c, &end);
        if (end)
            return found ? end : 0;
    }
    if (*p == '\\' && p[1])
        p++;
    return *p == c ? p + 1 : 0;
}

static int is_part(const char *start, const char *stars)
{
    return (stars == start || stars[-1] == '/') && stars[2] == '/';
}

static const char *after(const char *text) { return *text ? text + 1 : 0; }

int glob_match(const char *pattern, const char *text)
{
    struct star one = {0, 0}, all = {0, 0};
    const char *p = pattern;
    for (;;) {
        const char *next = *text && *p && *p != '*' ? match_one(p, *text) : 0;
        if (p[0] == '*' && p[1] == '*') {
            int part = is_part(pattern, p);
            all = (struct star){p + 2, part ? text : after(text)};
            one.text = 0;
            p += part ? 3 : 2;
        } else if (*p == '*') {
            one = (struct star){++p, *text == '/' ? 0 : after(text)};
        } else if (!*text && !*p) {
            return 1;
        } else if (next) {
            p = next;
            text++;
        } else if (one.text) {
            p = one.pattern;
            text = one.text;
            one.text = *text == '/' ? 0 : after(text);
        } else if (all.text) {
            p = all.pattern;
            text = all.text;
            all.text = after(text);
        } else {
            return 0;
        }
    }
}

int glob_any(const char *alternatives, const char *text)
{
    for (const char *p = alternatives; *p; p++) {
        if (glob_match(p, text))
            return 1;
        while (*p)
            p++;
    }
    return 0;
}

void glob_grams_of(struct glob_grams *to, const char *text)
{
    for (u32 i = 0; i < sizeof to->words / sizeof *to->words; i++)
        to->words[i] = 0;
    if (!text[0] || !text[1])
        return;
    for (; text[2]; text++)
        to->words[glob_gram(text) / 64] |= 1ul << glob_gram(text) % 64;
}
