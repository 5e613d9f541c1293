/* before.c: what is about to change is kept first, so that the run can be made again from its start.
 *
 * Asked for at the first change of each file, and never for one that the run has made itself; what is
 * only read is no question at all. The descriptor that tells the supervisor which file is meant is
 * there only while it is asked: no task of the program runs meanwhile.
 */
#include "files.h"
#include "before.h"
#include "core/hash.h"

#define O_NOFOLLOW_K 0400000u
#define O_EXCL_K 0200u
#define O_TMPFILE_K 020000000u
#define O_DIRECTORY_K 0200000u
#define RENAME_EXCHANGE_K 2u
#define SUN_PATH_OFFSET 2u
#define AF_UNIX_FAMILY 1u
#define SOCKADDR_UN_BYTES 110u
#define CONTENT BEFORE_CONTENT
#define NR_SETXATTRAT 463
#define NR_REMOVEXATTRAT 466

enum change { NOTHING, OPENS, REMOVES, RENAMES, LINKS, MAKES, WRITES, DESCRIBES, BINDS };

struct place { /* where a call has its file */
    i64 dirfd;
    char *path; /* 0: the descriptor itself */
    u32 flags;  /* AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH */
};

const struct before_row before_rows[SYSCALLS_MAX] = {
    [__NR_open] = {OPENS, -1, 0, 1},
    [__NR_creat] = {OPENS, -1, 0, -1},
    [__NR_openat] = {OPENS, 0, 0, 2},
    [__NR_openat2] = {OPENS, 0, 0, -1},
    [__NR_unlink] = {REMOVES, -1, 0, -1},
    [__NR_rmdir] = {REMOVES, -1, 0, -1},
    [__NR_unlinkat] = {REMOVES, 0, 0, -1},
    [__NR_rename] = {RENAMES, -1, 0, -1},
    [__NR_renameat] = {RENAMES, 0, 0, -1},
    [__NR_renameat2] = {RENAMES, 0, 0, 4},
    [__NR_link] = {LINKS, -1, 0, -1},
    [__NR_linkat] = {LINKS, 0, 0, 4},
    [__NR_mkdir] = {MAKES, -1, 0, -1},
    [__NR_mkdirat] = {MAKES, 0, 0, -1},
    [__NR_mknod] = {MAKES, -1, 0, -1},
    [__NR_mknodat] = {MAKES, 0, 0, -1},
    [__NR_symlink] = {MAKES, -1, 1, -1},
    [__NR_symlinkat] = {MAKES, 1, 1, -1},
    [__NR_bind] = {BINDS, -1, 0, -1},
    [__NR_truncate] = {WRITES, -1, 0, -1},
    [__NR_chmod] = {DESCRIBES, -1, 0, -1},
    [__NR_fchmod] = {DESCRIBES, 0, -1, -1},
    [__NR_fchmodat] = {DESCRIBES, 0, 0, -1},
    [NR_FCHMODAT2] = {DESCRIBES, 0, 0, 3},
    [__NR_chown] = {DESCRIBES, -1, 0, -1},
    [__NR_lchown] = {DESCRIBES, -1, 0, -1},
    [__NR_fchown] = {DESCRIBES, 0, -1, -1},
    [__NR_fchownat] = {DESCRIBES, 0, 0, 4},
    [__NR_utime] = {DESCRIBES, -1, 0, -1},
    [__NR_utimes] = {DESCRIBES, -1, 0, -1},
    [__NR_futimesat] = {DESCRIBES, 0, 0, -1},
    [__NR_utimensat] = {DESCRIBES, 0, 0, 3},
    [__NR_setxattr] = {DESCRIBES, -1, 0, -1},
    [__NR_lsetxattr] = {DESCRIBES, -1, 0, -1},
    [__NR_fsetxattr] = {DESCRIBES, 0, -1, -1},
    [__NR_removexattr] = {DESCRIBES, -1, 0, -1},
    [__NR_lremovexattr] = {DESCRIBES, -1, 0, -1},
    [__NR_fremovexattr] = {DESCRIBES, 0, -1, -1},
    [NR_SETXATTRAT] = {DESCRIBES, 0, 0, 2},
    [NR_REMOVEXATTRAT] = {DESCRIBES, 0, 0, 2},
};

/* ---- what is known of a file ---- */
static u64 *slot_of(const struct statx_k *st)
{
    struct before_world *b = &WORLD->before;
    u64 key = hash_mix(hash_mix(0, statx_dev(st)), st->ino) & ~BEFORE_MARKS;
    key = key ? key : BEFORE_MARKS + 1;
    u64 *slot = &b->files[(key >> 20) % BEFORE_SLOTS];
    while (*slot && (*slot & ~BEFORE_MARKS) != key)
        slot = slot == &b->files[BEFORE_SLOTS - 1] ? b->files : slot + 1;
    return slot;
}

static u64 marks_of(const struct statx_k *st) { return *slot_of(st) & BEFORE_MARKS; }

static void mark(const struct statx_k *st, u64 marks)
{
    u64 *slot = slot_of(st), key = hash_mix(hash_mix(0, statx_dev(st)), st->ino) & ~BEFORE_MARKS;
    if (!*slot) {
        if (WORLD->before.used_files == BEFORE_FILES_MAX)
            return; /* it is asked about again: the supervisor knows better */
        WORLD->before.used_files++;
        *slot = key ? key : BEFORE_MARKS + 1;
    }
    *slot |= marks;
}

/* ---- asking ---- */
static void ask(struct task *t, i64 fd, const struct statx_k *st, u64 what)
{
    struct before_question *q = &WORLD->before.question;
    if (!(WORLD->config.flags & CONFIG_KEEP)) {
        before_input(fd, st, 0);
        return;
    }
    *q = (struct before_question){.fd = (i32)fd, .what = (u32)what,
                                  .birth_ns = st->mask & STATX_BTIME_K ? time_ns(&st->btime) : 0};
    t->place = PLACE_KERNEL;
    if (ask_supervisor(t, REQUEST_BEFORE))
        WORLD->before.missed++;
    t->place = PLACE_SHIM;
}

/* What of these marks (BEFORE_TREE includes the content, that the description) is not yet known. */
static int is_kept(u64 marks, u64 what)
{
    u64 enough = BEFORE_MADE | BEFORE_TREE;
    enough |= what == BEFORE_TREE ? 0u : BEFORE_CONTENT;
    enough |= what == BEFORE_META ? BEFORE_META : 0u;
    return (marks & enough) != 0;
}

/* A descriptor for who is asked. */
static i64 open_place(const struct place *p)
{
    u64 flags = O_PATH_FLAG | O_CLOEXEC_FLAG | (p->flags & AT_SYMLINK_NOFOLLOW_K ? O_NOFOLLOW_K : 0);
    if (p->path && p->path[0])
        return raw(__NR_openat, p->dirfd, p->path, flags, 0);
    return p->dirfd == AT_FDCWD_K ? raw(__NR_openat, AT_FDCWD_K, ".", flags, 0) : p->dirfd;
}

static void keep(struct task *t, const struct place *p, const struct statx_k *st, u64 what)
{
    u64 dev = statx_dev(st), type = st->mode & S_IFMT_BITS;
    if (dev == WORLD->config.proc_dev || dev == WORLD->config.sys_dev || is_kept(marks_of(st), what) ||
        type == S_IFCHR_BITS || type == S_IFBLK_BITS)
        return;
    i64 fd = open_place(p);
    if (fd < 0) {
        WORLD->before.missed++;
        return;
    }
    ask(t, fd, st, what);
    if (fd != p->dirfd)
        raw(__NR_close, fd);
    mark(st, what == BEFORE_TREE ? BEFORE_TREE | CONTENT : what);
}

static i64 look(const struct place *p, struct statx_k *st)
{
    return statx_of_path(p->dirfd, p->path, p->flags & (AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K), st);
}

/* The names in the directory that the last component of the path is in. */
static void keep_parent(struct task *t, const struct place *p)
{
    struct statx_k st;
    char *last = p->path + string_length(p->path);
    while (last > p->path && last[-1] == '/')
        last--;
    while (last > p->path && last[-1] != '/')
        last--;
    char kept = *last;
    struct place parent = {p->dirfd, last == p->path ? (char *)"" : p->path, AT_EMPTY_PATH_K};
    if (last != p->path)
        *last = 0;
    if (!look(&parent, &st) && statx_is(&st, S_IFDIR_BITS))
        keep(t, &parent, &st, CONTENT);
    if (last != p->path)
        *last = kept;
}

/* A name that goes. */
static void keep_named(struct task *t, const struct place *p, int moves)
{
    struct statx_k st;
    if (look(p, &st))
        return;
    keep_parent(t, p);
    keep(t, p, &st, moves && statx_is(&st, S_IFDIR_BITS) ? BEFORE_TREE : CONTENT);
}

/* A name that comes; 0: it is there already. */
static int keep_free(struct task *t, const struct place *p)
{
    struct statx_k st;
    if (!look(&(struct place){p->dirfd, p->path, AT_SYMLINK_NOFOLLOW_K}, &st))
        return 0;
    keep_parent(t, p);
    return 1;
}

/* ---- the calls ---- */
static u64 flags_of_open(const struct trap *c, const struct before_row *row)
{
    u64 flags;
    if (c->nr == __NR_creat)
        return O_WRONLY_FLAG | O_CREAT_FLAG | O_TRUNC_FLAG;
    if (c->nr == __NR_openat2)
        return copy_in(&flags, c->a[2], sizeof flags) ? 0 : flags;
    return (u32)c->a[row->flags];
}

static int before_open(struct trap *c, struct place *p, u64 flags)
{
    struct statx_k st;
    int writes = (flags & O_ACCMODE_BITS) != O_RDONLY_FLAG || flags & O_TRUNC_FLAG;
    if (flags & O_PATH_FLAG || !(writes || flags & O_CREAT_FLAG))
        return 0;
    if ((flags & O_TMPFILE_K) && (flags & O_DIRECTORY_K))
        return 1;
    p->flags = flags & O_NOFOLLOW_K || flags & O_EXCL_K ? AT_SYMLINK_NOFOLLOW_K : 0;
    if (!look(p, &st)) {
        if (writes && statx_is(&st, S_IFREG_BITS) && !(flags & O_EXCL_K && flags & O_CREAT_FLAG))
            keep(c->t, p, &st, CONTENT);
        return 0;
    }
    if (!(flags & O_CREAT_FLAG))
        return 0;
    keep_parent(c->t, p);
    return 1;
}

static int before_rename(struct trap *c, struct place *p, u64 flags)
{
    struct statx_k st;
    struct place to = {c->nr == __NR_rename ? AT_FDCWD_K : (i32)c->a[2], (char *)c->path[1],
                       AT_SYMLINK_NOFOLLOW_K};
    if (!to.path || look(p, &st))
        return 0;
    keep_named(c->t, p, 1);
    if (!keep_free(c->t, &to))
        keep_named(c->t, &to, (flags & RENAME_EXCHANGE_K) != 0);
    return 0;
}

static int before_link(struct trap *c, struct place *p, u64 flags)
{
    struct statx_k st;
    struct place to = {c->nr == __NR_link ? AT_FDCWD_K : (i32)c->a[2], (char *)c->path[1], 0};
    p->flags = (flags & AT_SYMLINK_FOLLOW_K ? 0 : AT_SYMLINK_NOFOLLOW_K) | (flags & AT_EMPTY_PATH_K);
    if (to.path && !look(p, &st) && keep_free(c->t, &to) && st.nlink)
        keep(c->t, p, &st, BEFORE_META);
    return 0;
}

static void before_describing(struct trap *c, struct place *p)
{
    struct statx_k st;
    if (c->nr == __NR_lchown || c->nr == __NR_lsetxattr || c->nr == __NR_lremovexattr)
        p->flags = AT_SYMLINK_NOFOLLOW_K;
    if (!look(p, &st))
        keep(c->t, p, &st, BEFORE_META);
}

static int before_bind(struct trap *c, struct place *p, char name[SOCKADDR_UN_BYTES + 1])
{
    u64 bytes = c->a[2];
    memset(name, 0, SOCKADDR_UN_BYTES + 1);
    if (bytes <= SUN_PATH_OFFSET || bytes > SOCKADDR_UN_BYTES || copy_in(name, c->a[1], bytes) ||
        *(u16 *)name != AF_UNIX_FAMILY || !name[SUN_PATH_OFFSET])
        return 0;
    p->path = name + SUN_PATH_OFFSET;
    return keep_free(c->t, p);
}

static int before_call(struct trap *c, const struct before_row *row, struct place *p, char *name)
{
    u64 flags = row->change == OPENS ? flags_of_open(c, row) : row->flags >= 0 ? (u32)c->a[row->flags] : 0;
    if (row->path >= 0 && !p->path && row->change != BINDS && row->change != DESCRIBES)
        return 0;
    p->flags = flags & (AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K);
    switch (row->change) {
    case OPENS:
        return before_open(c, p, flags);
    case REMOVES:
        p->flags = AT_SYMLINK_NOFOLLOW_K;
        keep_named(c->t, p, 0);
        return 0;
    case RENAMES:
        p->flags = AT_SYMLINK_NOFOLLOW_K;
        return before_rename(c, p, flags);
    case LINKS:
        return before_link(c, p, flags);
    case MAKES:
        p->flags = AT_SYMLINK_NOFOLLOW_K;
        return keep_free(c->t, p);
    case BINDS:
        p->flags = AT_SYMLINK_NOFOLLOW_K;
        return before_bind(c, p, name);
    case WRITES: {
        struct statx_k st;
        if (!look(p, &st) && statx_is(&st, S_IFREG_BITS))
            keep(c->t, p, &st, CONTENT);
        return 0;
    }
    default:
        before_describing(c, p);
        return 0;
    }
}

/* The call has made a file. Where a link led to the name, that is not the one that was asked about. */
static void made(struct trap *c, const struct place *p, i64 result)
{
    struct statx_k st, named;
    int is_open = before_rows[c->nr].change == OPENS;
    if (is_open ? statx_of_fd(result, &st) : look(p, &st))
        return;
    if (is_open && st.nlink && !statx_of_path(p->dirfd, p->path, AT_SYMLINK_NOFOLLOW_K, &named) &&
        statx_is(&named, S_IFLNK_BITS))
        ask(c->t, result, &st, BEFORE_ABSENT);
    u64 *slot = slot_of(&st);
    *slot &= *slot ? ~BEFORE_MARKS : 0; /* what is known is of an earlier file with its number */
    mark(&st, BEFORE_MADE);
}

/* ---- what is read ---- */
static i64 name_of(i64 fd, char *to, u64 room)
{
    char link[32], *end = link + sizeof link;
    number_append(string_append(link, end, "/proc/self/fd/"), end, (u64)fd);
    return raw(__NR_readlink, link, to, room);
}

void before_input(i64 fd, const struct statx_k *st, int is_program)
{
    struct before_world *b = &WORLD->before;
    u64 dev = statx_dev(st), room = INPUT_PATHS_BYTES - b->used_input_paths;
    u64 type = st->mode & S_IFMT_BITS;
    if ((type != S_IFREG_BITS && type != S_IFDIR_BITS) || dev == WORLD->config.proc_dev ||
        dev == WORLD->config.sys_dev || !st->nlink || marks_of(st) & (BEFORE_MADE | BEFORE_INPUT | CONTENT))
        return;
    mark(st, BEFORE_INPUT);
    if (b->used_inputs == INPUTS_MAX || room <= PATH_BYTES_MAX) {
        b->inputs_missed++;
        return;
    }
    char *to = b->input_paths + b->used_input_paths;
    i64 n = name_of(fd, to, PATH_BYTES_MAX);
    if (n <= 0)
        return;
    to[n] = 0;
    b->inputs[b->used_inputs++] = (struct input_file){
        .dev = dev, .ino = st->ino, .bytes = st->size, .mtime_ns = time_ns(&st->mtime),
        .path = b->used_input_paths,
        .kind = type == S_IFDIR_BITS ? INPUT_DIRECTORY : is_program ? INPUT_PROGRAM : INPUT_FILE};
    b->used_input_paths += (u32)n + 1;
}

int before_listed(i64 fd, const struct statx_k *st, u64 bytes)
{
    struct before_world *b = &WORLD->before;
    u64 dev = statx_dev(st);
    char *to = b->listed + b->used_listed;
    if (!before_is_kept() || dev == WORLD->config.proc_dev || dev == WORLD->config.sys_dev || !st->nlink ||
        marks_of(st) & (BEFORE_MADE | BEFORE_LISTED | CONTENT))
        return 0;
    mark(st, BEFORE_LISTED);
    if (LISTED_BYTES - b->used_listed < bytes + PATH_BYTES_MAX) {
        b->inputs_missed++;
        return 0;
    }
    i64 n = name_of(fd, to, PATH_BYTES_MAX);
    if (n <= 0)
        return 0;
    to[n] = 0;
    b->used_listed += (u32)n + 1;
    return 1;
}

void before_listed_name(const char *name)
{
    struct before_world *b = &WORLD->before;
    u64 bytes = string_length(name) + 1;
    memcpy(b->listed + b->used_listed, name, bytes);
    b->used_listed += (u32)bytes;
}

i64 before_changes(struct trap *c)
{
    const struct before_row *row = &before_rows[c->nr];
    char name[SOCKADDR_UN_BYTES + 1];
    struct statx_k st;
    struct place p = {row->dirfd >= 0 ? (i32)c->a[row->dirfd] : AT_FDCWD_K,
                      row->path >= 0 ? (char *)c->path[row->path] : 0, 0};
    int makes = !c->recorded ? before_call(c, row, &p, name) : 0;
    i64 result = syscall_rows[c->nr].handler(c);
    if (result < 0 || c->recorded)
        return result;
    if (makes)
        made(c, &p, result);
    else if (row->change == OPENS && !statx_of_fd(result, &st))
        before_input(result, &st, 0);
    return result;
}
