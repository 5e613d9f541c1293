/* procfs.c: opening a file of /proc or /sys.
 *
 * Files whose content is the same in every run are the kernel's own. For those that vary the
 * program is given a memfd with the simulation's content, made at the open: a program that keeps
 * /proc/stat open and reads it again sees the first content again. What is in neither table is
 * opened as it is, counted, and named in the summary.
 */
#include "procfs.h"

#define MFD_CLOEXEC_K 1u
#define NAME_BYTES_MAX 512u
#define MEMFD_NAME_MAX 240u
#define PRELOAD_PATH "/etc/ld.so.preload"

/* ---- making a memfd, and putting it in the place of a descriptor ---- */
static i64 view_start(struct view *v, struct trap *c, const char *name)
{
    char short_name[MEMFD_NAME_MAX];
    short_name[0] = 0;
    string_append(short_name, short_name + sizeof short_name, name);
    v->c = c;
    v->out = (struct text){.buffer = (char *)c->t->scratch};
    v->out.fd = raw(__NR_memfd_create, short_name, MFD_CLOEXEC_K);
    return v->out.fd;
}

/* The memfd opened again, for reading only, takes the number `fd` (its own where that is -1). */
static i64 view_publish(struct view *v, i64 fd, u32 mode, u64 flags)
{
    char path[32], *end = path + sizeof path;
    i64 memfd = v->out.fd;
    text_flush(&v->out);
    raw(__NR_fchmod, memfd, mode & 0777);
    number_append(string_append(path, end, "/proc/self/fd/"), end, (u64)memfd);
    i64 reader = raw(__NR_openat, AT_FDCWD_K, path, O_RDONLY_FLAG | O_CLOEXEC_FLAG);
    if (reader < 0) /* no /proc here, or no descriptor left: then it can be written to as well */
        raw(__NR_lseek, memfd, 0, 0);
    i64 from = reader < 0 ? memfd : reader, to = fd < 0 ? memfd : fd;
    if (from == to) {
        raw(__NR_fcntl, to, F_SETFD_CMD, flags & O_CLOEXEC_FLAG ? 1 : 0);
        return to;
    }
    i64 result = raw(__NR_dup3, from, to, flags & O_CLOEXEC_FLAG);
    raw(__NR_close, from);
    if (fd >= 0 && reader >= 0)
        raw(__NR_close, memfd);
    return result;
}

/* ---- which file it is ---- */
static const struct view_row *find_row(const struct view_row *rows, const char *name)
{
    while (rows->pattern && !name_matches(rows->pattern, name))
        rows++;
    return rows->pattern ? rows : 0;
}

/* "1234/stat", "1234/task/1235/stat" */
static const struct view_row *process_row(struct view *v, const char *at)
{
    v->pid = v->tid = (u32)scan_number(&at, 10);
    at += *at == '/';
    if (name_matches("task/#/*", at)) {
        at += 5;
        v->tid = (u32)scan_number(&at, 10);
        at++;
    }
    v->p = v->pid < PIDS_MAX ? proc_by_pid(v->pid) : 0;
    v->t = v->tid < PIDS_MAX ? task_by_tid(v->tid) : 0;
    v->name = at;
    if (v->p && string_starts(at, "net/") && WORLD->config.flags & CONFIG_NET_HOST)
        return 0;
    return find_row(v->p ? views_of_process : views_of_stranger, at);
}

static const struct view_row *row_of(struct view *v, const char *path)
{
    if (string_starts(path, "/sys/")) {
        v->name = path + 5;
        return find_row(views_of_sys, v->name);
    }
    if (string_starts(path, "/etc/")) {
        v->name = path + 5;
        return find_row(views_of_etc, v->name);
    }
    if (!string_starts(path, "/proc/"))
        return 0;
    v->name = path + 6;
    if (*v->name >= '0' && *v->name <= '9')
        return process_row(v, v->name);
    return find_row(views_of_proc, v->name);
}

/* The program is to see only the CPUs (and the one memory node) of the configuration. */
static int is_beyond(const char *path)
{
    static const char cpus[] = "/sys/devices/system/cpu/cpu";
    static const char nodes[] = "/sys/devices/system/node/node";
    const char *at = path + sizeof cpus - 1;
    if (string_starts(path, cpus) && *at >= '0' && *at <= '9')
        return scan_number(&at, 10) >= WORLD->config.cpus;
    at = path + sizeof nodes - 1;
    return string_starts(path, nodes) && *at >= '1' && *at <= '9';
}

static i64 path_of_fd(i64 fd, char *path, u64 bytes)
{
    char link[32], *end = link + sizeof link;
    number_append(string_append(link, end, "/proc/self/fd/"), end, (u64)fd);
    i64 n = raw(__NR_readlinkat, AT_FDCWD_K, link, path, bytes - 1);
    path[n < 0 ? 0 : n] = 0;
    return n;
}

static i64 show_view(struct view *v, const struct view_row *row, i64 fd, u64 flags,
                     const char *path, const struct statx_k *st)
{
    struct statx_k own;
    v->real = fd;
    if (view_start(v, v->c, path) < 0) {
        count_hole(HOLE_PROC_FILE); /* no descriptor left for it */
        return fd;
    }
    row->build(v);
    if (!statx_of_fd(v->out.fd, &own))
        WORLD->inodes[inode_of_new_fd(v->out.fd)].alias = inode_of_statx(st);
    return view_publish(v, fd, st->mode, flags);
}

i64 procfs_open(struct trap *c, i64 fd, u64 flags)
{
    char path[NAME_BYTES_MAX];
    struct statx_k st;
    struct view v;
    if (statx_of_fd(fd, &st) || !statx_is(&st, S_IFREG_BITS))
        return fd;
    memset(&v, 0, sizeof v);
    v.c = c;
    i64 n = path_of_fd(fd, path, sizeof path);
    const struct view_row *row = n > 0 ? row_of(&v, path) : 0;
    if (is_beyond(path)) {
        raw(__NR_close, fd);
        return -ENOENT;
    }
    int writes = (flags & O_ACCMODE_BITS) != O_RDONLY_FLAG;
    if (!row || (writes && row->build))
        count_hole(HOLE_PROC_FILE);
    if (!row || writes || !row->build)
        return fd;
    return show_view(&v, row, fd, flags, path, &st);
}

/* ---- the loader's list of libraries ----
 * Environment variables do not survive `env -i`; this file names our library to every dynamic
 * program, behind a runtime that has to be first (runtimes.c), before what the machine's own file has. */
int preload_is_served(const char *path)
{
    struct config *config = &WORLD->config;
    return path && config->flags & CONFIG_PRELOAD && string_equal(path, PRELOAD_PATH) &&
           !raw(__NR_faccessat, AT_FDCWD_K, config->preload_path, 4);
}

static u64 open_flags_of(const struct trap *c)
{
    if (c->nr == __NR_open)
        return c->a[1];
    return c->nr == __NR_openat ? c->a[2] : O_RDONLY_FLAG | O_CLOEXEC_FLAG;
}

/* -ENOENT: nothing is served, the open goes its way. */
i64 preload_open(struct trap *c)
{
    struct view v;
    u64 flags = open_flags_of(c);
    if ((flags & (O_ACCMODE_BITS | O_PATH_FLAG)) || !preload_is_served(c->path[0]))
        return -ENOENT;
    i64 real = raw(__NR_openat, AT_FDCWD_K, PRELOAD_PATH, O_RDONLY_FLAG | O_CLOEXEC_FLAG);
    if (view_start(&v, c, PRELOAD_PATH) < 0) {
        if (real >= 0)
            raw(__NR_close, real);
        return -EMFILE;
    }
    runtimes_list(c, &v.out);
    text(&v.out, WORLD->config.preload_path);
    text(&v.out, "\n");
    if (real < 0)
        return view_publish(&v, -1, 0644, flags);
    struct lines l;
    char line[1024];
    lines_start(&l, real);
    while (line_next(&l, line, sizeof line)) {
        text(&v.out, line);
        text(&v.out, "\n");
    }
    return view_publish(&v, real, 0644, flags); /* the lower number of the two */
}
