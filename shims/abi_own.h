/* abi_own.h: a part of abi.h: dstrun's own files among the user's, which no listing shows. */
#ifndef DST_ABI_OWN_H
#define DST_ABI_OWN_H

#define OWN_FILES_MAX 2u
#define OWN_NAME_BYTES 256u

struct own_file {
    u64 dev, ino; /* of its directory as the program sees that, kernel's encoding; ino 0: not there */
    u32 stays;    /* its directory is never empty */
    u32 pad;
    char folder[PATH_BYTES_MAX]; /* empty: the entry is not used */
    char name[OWN_NAME_BYTES];   /* also with ".runN" at its end */
};

#endif
