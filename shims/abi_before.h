/* abi_before.h: how files were before the run, for replay to start from.
 *
 * A run on the user's own files keeps what it changes, at the first change: the shim notices it, the
 * supervisor keeps it (dstrun/launch/before.py). What the run has made itself is known here alone, so
 * that a new file costs no question: a directory's names are kept when the first of them changes, and
 * whatever is not among them was not there.
 * Of a directory that the run lists the names are kept, too: others may be in it by the time of a replay.
 */
#ifndef DST_ABI_BEFORE_H
#define DST_ABI_BEFORE_H

#define BEFORE_SLOTS 2097152u
#define BEFORE_FILES_MAX 1572864u /* of which something is known */
#define INPUTS_MAX 65536u
#define INPUT_PATHS_BYTES 16777216u
#define LISTED_BYTES 16777216u

enum before_mark { /* of a file, by its device and number */
    BEFORE_MADE = 1,     /* by the run: nothing of it was there before */
    BEFORE_CONTENT = 2,  /* is kept whole; a directory: its names are */
    BEFORE_META = 4,     /* owner, mode, times are, and what it was called */
    BEFORE_TREE = 8,     /* a directory with all that is in it */
    BEFORE_INPUT = 16,   /* it is in the list of inputs */
    BEFORE_LISTED = 32,  /* a directory whose names are in `listed` */
    BEFORE_ABSENT = 64   /* no mark: a name that a link led to was not there; the file has it now */
};
#define BEFORE_MARKS 63ul

struct before_question { /* REQUEST_BEFORE */
    i32 fd;       /* a descriptor of the file in the asking process */
    u32 what;     /* enum before_mark: what is to be kept */
    i64 birth_ns; /* 0: not known */
};

enum input_kind { INPUT_FILE = 0, INPUT_PROGRAM = 1, INPUT_DIRECTORY = 2 };

struct input_file { /* that the run has read or executed, as it was when it was first opened */
    u64 dev, ino, bytes;
    i64 mtime_ns;
    u32 path, kind; /* path: where it starts in `input_paths` */
};

struct before_world {
    struct before_question question;
    u32 used_files;
    u32 missed; /* changes of which nothing could be kept */
    u32 used_inputs, used_input_paths;
    u32 inputs_missed, used_listed;
    u64 files[BEFORE_SLOTS]; /* a hash of device and number, whose low bits are its marks; 0: free */
    struct input_file inputs[INPUTS_MAX];
    char input_paths[INPUT_PATHS_BYTES];
    char listed[LISTED_BYTES]; /* of each directory its path, its names, and an empty string */
};

#endif
