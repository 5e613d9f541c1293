/* procfs.h: files of /proc and /sys whose content is the simulation's. */
#ifndef DST_PROCFS_H
#define DST_PROCFS_H
#include "files.h"

/* ---- procfs_text.c: text into a memfd, lines out of the kernel's own file ---- */
struct text {
    i64 fd;
    char *buffer; /* the task's scratch page */
    u32 used;
    u32 column; /* since the last newline */
};

struct lines {
    i64 fd;
    const char *text, *text_end; /* instead of it, when not 0 */
    u32 at, filled;
    char buffer[2048];
};

void text(struct text *o, const char *s) HIDDEN;
void text_bytes(struct text *o, const char *s, u64 n) HIDDEN;
void text_number(struct text *o, u64 v) HIDDEN;
void text_padded(struct text *o, u64 v, u32 width, char fill) HIDDEN; /* right-aligned */
void text_hex(struct text *o, u64 v, u32 digits) HIDDEN;
void text_column(struct text *o, u32 column) HIDDEN; /* spaces up to it */
void text_flush(struct text *o) HIDDEN;
void lines_start(struct lines *l, i64 fd) HIDDEN;
void lines_of_text(struct lines *l, const char *text, u64 bytes) HIDDEN;
/* The next line without its newline, cut to what fits; 0 at the end. */
int line_next(struct lines *l, char *line, u64 bytes) HIDDEN;
u64 scan_number(const char **at, u32 base) HIDDEN;
void scan_spaces(const char **at) HIDDEN;
u64 word_length(const char *s) HIDDEN;
const char *word_skip(const char *s) HIDDEN; /* the next word */
int name_matches(const char *pattern, const char *name) HIDDEN;

/* ---- one file being built ---- */
struct view {
    struct trap *c;
    struct text out;
    i64 real;         /* the kernel's file, at its start */
    const char *name; /* below /proc/PID/, /proc/ or /sys/ */
    u32 pid, tid;     /* of /proc/PID/... */
    struct proc *p;   /* 0: no process of the simulation */
    struct task *t;
};

struct view_row {
    const char *pattern;         /* name_matches */
    void (*build)(struct view *); /* 0: stable, the kernel's file is shown */
};

extern const struct view_row views_of_process[] HIDDEN; /* end with an empty row */
extern const struct view_row views_of_stranger[] HIDDEN; /* of init and processes outside */
extern const struct view_row views_of_proc[] HIDDEN;
extern const struct view_row views_of_sys[] HIDDEN;
extern const struct view_row views_of_etc[] HIDDEN;

void view_empty(struct view *v) HIDDEN;
void view_zero(struct view *v) HIDDEN;
void view_mounts(struct view *v) HIDDEN;
void view_mountinfo(struct view *v) HIDDEN;
void view_fdinfo(struct view *v) HIDDEN;
void view_sysvipc_sem(struct view *v) HIDDEN;
void view_sysvipc_msg(struct view *v) HIDDEN;
void view_sysvipc_shm(struct view *v) HIDDEN;
void view_tcp(struct view *v) HIDDEN; /* procfs_net.c */
void view_tcp6(struct view *v) HIDDEN;
void view_udp(struct view *v) HIDDEN;
void view_udp6(struct view *v) HIDDEN;
void text_cpu_list(struct text *o, u64 cpus) HIDDEN; /* "0" or "0-3" */
void text_cpu_mask(struct text *o, u64 cpus) HIDDEN;

/* runtimes.c: the names of those that the program needs, a line each. */
void runtimes_list(struct trap *c, struct text *to) HIDDEN;

/* Whether `path` is the virtual /etc/ld.so.preload. */
int preload_is_served(const char *path) HIDDEN;
#endif
