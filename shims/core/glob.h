/* glob.h: names and paths matched against patterns, as a fault plan writes them. Pure.
 *
 * `?`, `[..]` and `*` match no "/"; `**` matches all, and as a whole part of a path also no part at
 * all: "/a/" "**" "/b" matches /a/b. `[!..]` negates, `\` quotes.
 */
#ifndef DST_GLOB_H
#define DST_GLOB_H
#include "abi.h"

int glob_match(const char *pattern, const char *text);
/* One of the alternatives that lie there, each NUL-terminated, the last one by a second NUL. */
int glob_any(const char *alternatives, const char *text);
#endif
