/* abi_start.h: a part of abi.h: files of the start that a view (--fs overlay, a replay) holds in
 * copies. The program is shown what the originals' directory entries tell. */
#ifndef DST_ABI_START_H
#define DST_ABI_START_H

#define START_FILES_MAX 262144u
#define START_INDEX_SIZE 524288u /* a power of two */

struct start_file {
    u64 dev, ino;   /* the copy's, kernel's encoding */
    i64 real_birth_ns; /* the copy's: who gets its number later has another; 0: not known */
    i64 real_ctime_ns; /* the copy's, until the run changes it */
    i64 ctime_ns, birth_ns; /* the original's */
    u64 shown_dev, shown_ino; /* the original's, kernel's encoding, of a descriptor; 0: the copy's */
    u64 shown_rdev;
    u32 shown_links; /* 0: the copy's */
    u32 next;       /* same hash */
    u32 shown_uid, shown_gid; /* the original's, with `owned` */
    u32 owned;      /* the copy belongs to who makes it, and has the rights that this one had */
    u16 real_mode, shown_mode; /* with `owned`: the copy's, until the run changes it */
};

#endif
