/* preload_abi.h: what the preload library and the shim say to each other.
 *
 * The library announces itself by a prctl that no kernel has: a native kernel answers EINVAL and
 * nothing has happened; the shim answers where its table of functions is. So that nobody calls these
 * who does not run as the processor would (valgrind makes the program's calls elsewhere), the call
 * says where it is.
 */
#ifndef DST_PRELOAD_ABI_H
#define DST_PRELOAD_ABI_H

#include "abi_points.h"

#define PR_PRELOAD_ANNOUNCE 0x64737472 /* "dstr"; PRELOAD_ABI_VERSION; the instruction that follows */
#define NR_PRELOAD_POINT 0x64737473ul    /* by the shim itself: a point at which others may run */
#define PRELOAD_ABI_VERSION 2u

enum point_effect {
    POINT_PASSES = 0, /* others may run here */
    POINT_FAILED = 1, /* the caller did not get what it asked for: if it goes on like this it spins */
    POINT_WAITS = 2   /* they are to: the caller turns in a loop until somebody has done something */
};

struct preload_table {
    unsigned version, bytes;
    /* Before or after the function of `point` (enum preload_point) on `object`, its address. 0: go
     * on; a negative errno: fail with that (a fault; for the memory functions only). */
    long (*point)(unsigned long point, unsigned long object, unsigned long effect);
};

#endif
