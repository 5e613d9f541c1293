/* glob.h: names and paths matched against patterns, as a fault plan writes them. Pure.
 *
 * `?`, `[..]` and `*` match no "/"; `**` matches all, and as a whole part of a path also no part at
 * all: "/a/" "**" "/b" matches /a/b. `[!..]` negates, `\` quotes.
 */
#ifndef DST_GLOB_H
#define DST_GLOB_H
#include "abi.h"

/* Three bytes in a row, as one of a few hundred numbers, from 1: each text that a pattern matches has those of
 * its literal parts, so most texts need not be matched. */
static inline u32 glob_gram(const char *p)
{
    return ((u8)p[0] * 961u + (u8)p[1] * 31u + (u8)p[2]) % GLOB_GRAMS + 1;
}

struct glob_grams { /* bit g: the text has gram g */
    u64 words[(GLOB_GRAMS + 64) / 64];
};
void glob_grams_of(struct glob_grams *to, const char *text);
static inline int glob_has_gram(const struct glob_grams *g, u32 gram) { return (int)(g->words[gram / 64] >> gram % 64 & 1); }

/* The hash of an absolute path, byte by byte, so that it can go on from a directory's; "/" is the start. */
#define NAME_HASH_START 0xCBF29CE484222325ul
static inline u64 name_hash_add(u64 h, char c) { return (h ^ (u8)c) * 0x100000001B3ul; }

int glob_match(const char *pattern, const char *text);
/* One of the alternatives that lie there, each NUL-terminated, the last one by a second NUL. */
int glob_any(const char *alternatives, const char *text);
#endif
