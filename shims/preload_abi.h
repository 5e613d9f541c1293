/* preload_abi.h: what the preload library and the shim say to each other.
 *
 * The library announces itself by a system call that no kernel has: a native kernel answers ENOSYS
 * and nothing has happened, the shim answers its own ABI_VERSION (abi.h).
 */
#ifndef DST_PRELOAD_ABI_H
#define DST_PRELOAD_ABI_H

#define NR_PRELOAD_ANNOUNCE 0x64737472ul /* "dstr"; first argument: PRELOAD_ABI_VERSION */
#define PRELOAD_ABI_VERSION 1u

#endif
