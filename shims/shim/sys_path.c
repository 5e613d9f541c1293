/* sys_path.c: calls that change names, modes, owners, sizes and times of files.
 *
 * The kernel does them; what we add is the virtual time of the change on all that it touched: the
 * file and the directory that holds the name. Which file that is must be asked before a name
 * goes away, and after one has come.
 */
#include "procfs.h"

#define AT_REMOVEDIR_K 0x200u
#define RENAME_EXCHANGE_K 2u
#define UTIME_NOW_K 0x3fffffffl
#define UTIME_OMIT_K 0x3ffffffel
#define LINK_BYTES_MAX 4095u
#define PATH_FLAGS (AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K) /* that say which file is meant */

/* ---- names that come ---- */
/* mkdir, mknod, symlink: path[n] below dirfd is new. */
static i64 made(i64 result, i64 dirfd, char *path)
{
    if (result || !path)
        return result;
    inode_touch(inode_of_path(dirfd, path, AT_SYMLINK_NOFOLLOW_K), INODE_ALL_TIMES);
    inode_touch_parent(dirfd, path);
    return 0;
}

i64 sys_mkdir(struct trap *c) { return made(pass(c), AT_FDCWD_K, (char *)c->path[0]); }
i64 sys_mkdirat(struct trap *c) { return made(pass(c), (i32)c->a[0], (char *)c->path[0]); }
i64 sys_mknod(struct trap *c) { return made(pass(c), AT_FDCWD_K, (char *)c->path[0]); }
i64 sys_mknodat(struct trap *c) { return made(pass(c), (i32)c->a[0], (char *)c->path[0]); }

static i64 symlink_made(struct trap *c, i64 dirfd)
{
    i64 result = pass(c);
    if (!result && has_plan())
        faults_link_made();
    return made(result, dirfd, (char *)c->path[1]);
}

i64 sys_symlink(struct trap *c) { return symlink_made(c, AT_FDCWD_K); }
i64 sys_symlinkat(struct trap *c) { return symlink_made(c, (i32)c->a[1]); }

/* A file without a name (O_TMPFILE) is closed in the table; its first name opens it again. */
static i64 link_at(struct trap *c, i64 from_dir, i64 to_dir, u32 flags)
{
    u32 follow = flags & AT_SYMLINK_FOLLOW_K ? 0 : AT_SYMLINK_NOFOLLOW_K;
    u32 index = 0;
    if (c->path[0])
        index = inode_of_path(from_dir, c->path[0], follow | (flags & AT_EMPTY_PATH_K));
    i64 result = pass(c);
    if (result)
        return result;
    if (has_plan())
        faults_link_made(); /* it may be one of a symbolic link */
    WORLD->inodes[index].touched &= ~(u32)INODE_UNLINKED;
    inode_touch(index, INODE_CTIME);
    if (c->path[1])
        inode_touch_parent(to_dir, (char *)c->path[1]);
    return 0;
}

i64 sys_link(struct trap *c) { return link_at(c, AT_FDCWD_K, AT_FDCWD_K, 0); }
i64 sys_linkat(struct trap *c) { return link_at(c, (i32)c->a[0], (i32)c->a[2], (u32)c->a[4]); }

/* ---- names that go ---- */
/* A directory with a file of dstrun's own is not empty, also in a replay, where that may be gone.
 * But for "." the kernel would say so, too. */
static int cannot_be_empty(const char *path, const struct statx_k *st)
{
    u64 n = string_length(path);
    int is_dot = n && path[n - 1] == '.' && (n == 1 || path[n - 2] == '/');
    return !is_dot && has_own_file(st);
}

static i64 remove_at(struct trap *c, i64 dirfd, int directory)
{
    struct statx_k st;
    i64 asked = -ENOENT;
    if (c->path[0])
        asked = statx_of_path(dirfd, c->path[0], AT_SYMLINK_NOFOLLOW_K, &st);
    if (directory && !asked && cannot_be_empty(c->path[0], &st))
        return -ENOTEMPTY;
    i64 result = pass(c);
    if (result || asked)
        return result;
    inode_name_gone(&st);
    inode_touch_parent(dirfd, (char *)c->path[0]);
    return 0;
}

i64 sys_unlink(struct trap *c) { return remove_at(c, AT_FDCWD_K, 0); }
i64 sys_rmdir(struct trap *c) { return remove_at(c, AT_FDCWD_K, 1); }
i64 sys_unlinkat(struct trap *c)
{
    return remove_at(c, (i32)c->a[0], (c->a[2] & AT_REMOVEDIR_K) != 0);
}

static i64 rename_at(struct trap *c, i64 from_dir, i64 to_dir, u32 flags)
{
    struct statx_k from, to;
    char *old = (char *)c->path[0], *new = (char *)c->path[1];
    if (!old || !new)
        return pass(c);
    i64 no_from = statx_of_path(from_dir, old, AT_SYMLINK_NOFOLLOW_K, &from);
    i64 no_to = statx_of_path(to_dir, new, AT_SYMLINK_NOFOLLOW_K, &to);
    i64 result = pass(c);
    if (result || no_from)
        return result;
    if (has_plan())
        faults_names_changed();
    if (!no_to && to.ino == from.ino && statx_dev(&to) == statx_dev(&from))
        return 0; /* two names of one file: nothing is done */
    inode_touch(inode_of_statx(&from), INODE_CTIME);
    if (!no_to && flags & RENAME_EXCHANGE_K)
        inode_touch(inode_of_statx(&to), INODE_CTIME);
    else if (!no_to)
        inode_name_gone(&to);
    inode_touch_parent(from_dir, old);
    inode_touch_parent(to_dir, new);
    return 0;
}

i64 sys_rename(struct trap *c) { return rename_at(c, AT_FDCWD_K, AT_FDCWD_K, 0); }
i64 sys_renameat(struct trap *c) { return rename_at(c, (i32)c->a[0], (i32)c->a[2], 0); }
i64 sys_renameat2(struct trap *c) { return rename_at(c, (i32)c->a[0], (i32)c->a[2], (u32)c->a[4]); }

/* ---- where names start ---- */
static i64 change_directory(struct trap *c)
{
    i64 result = pass(c);
    if (has_plan())
        faults_directory_changed();
    return result;
}

i64 sys_chdir(struct trap *c) { return change_directory(c); }
i64 sys_fchdir(struct trap *c) { return change_directory(c); }

i64 sys_chroot(struct trap *c)
{
    i64 result = pass(c);
    if (has_plan())
        faults_names_changed();
    return result;
}

/* ---- modes, owners, sizes ---- */
static i64 changed_at(struct trap *c, i64 dirfd, u32 flags, u32 what)
{
    i64 result = pass(c);
    if (!result && c->path[0])
        inode_touch(inode_of_path(dirfd, c->path[0], flags & PATH_FLAGS), what);
    return result;
}

static i64 changed_fd(struct trap *c, u32 what)
{
    i64 result = pass(c);
    if (!result)
        inode_touch(inode_of_descriptor(c->p, (i32)c->a[0]), what);
    return result;
}

i64 sys_chmod(struct trap *c) { return changed_at(c, AT_FDCWD_K, 0, INODE_CTIME); }
i64 sys_fchmod(struct trap *c) { return changed_fd(c, INODE_CTIME); }
i64 sys_fchmodat(struct trap *c) { return changed_at(c, (i32)c->a[0], 0, INODE_CTIME); }
i64 sys_fchmodat2(struct trap *c) { return changed_at(c, (i32)c->a[0], (u32)c->a[3], INODE_CTIME); }
i64 sys_chown(struct trap *c) { return changed_at(c, AT_FDCWD_K, 0, INODE_CTIME); }
i64 sys_lchown(struct trap *c)
{
    return changed_at(c, AT_FDCWD_K, AT_SYMLINK_NOFOLLOW_K, INODE_CTIME);
}
i64 sys_fchown(struct trap *c) { return changed_fd(c, INODE_CTIME); }
i64 sys_fchownat(struct trap *c) { return changed_at(c, (i32)c->a[0], (u32)c->a[4], INODE_CTIME); }
i64 sys_truncate(struct trap *c) { return changed_at(c, AT_FDCWD_K, 0, INODE_WRITTEN); }
i64 sys_ftruncate(struct trap *c) { return changed_fd(c, INODE_WRITTEN); }
i64 sys_fallocate(struct trap *c) { return changed_fd(c, INODE_WRITTEN); }

/* ---- times that the program sets ----
 *
 * Given ones go to the kernel and are remembered as it keeps them (a file system may round), "now"
 * goes to the kernel as it is, because that needs less permission, and is the virtual clock's. */
enum time_how { TIME_NOW, TIME_GIVEN, TIME_OMITTED };

static void remember_times(const struct statx_k *st, const u8 how[2])
{
    struct inode *e = inode_seen(st);
    u32 index = (u32)(e - WORLD->inodes);
    u32 now = INODE_CTIME;
    now |= how[0] == TIME_NOW ? INODE_ATIME : 0u;
    now |= how[1] == TIME_NOW ? INODE_MTIME : 0u;
    inode_touch(index, now);
    if (how[0] == TIME_GIVEN) {
        e->atime_ns = time_ns(&st->atime);
        e->touched |= INODE_ATIME;
    }
    if (how[1] == TIME_GIVEN) {
        e->mtime_ns = e->real_mtime_ns = time_ns(&st->mtime);
        e->touched |= INODE_MTIME;
    }
}

static i64 set_times(struct trap *c, i64 dirfd, u32 flags, const u8 how[2])
{
    struct statx_k st;
    i64 result = pass(c);
    if (result || (how[0] == TIME_OMITTED && how[1] == TIME_OMITTED))
        return result;
    if (!statx_of_path(dirfd, c->path[0], flags & PATH_FLAGS, &st))
        remember_times(&st, how);
    return 0;
}

/* utime, utimes, futimesat: both times are given, or there is no struct and both are now. */
static i64 set_both(struct trap *c, i64 dirfd, u64 times)
{
    u8 how = times ? TIME_GIVEN : TIME_NOW;
    return set_times(c, dirfd, 0, (u8[2]){how, how});
}

i64 sys_utime(struct trap *c) { return set_both(c, AT_FDCWD_K, c->a[1]); }
i64 sys_utimes(struct trap *c) { return set_both(c, AT_FDCWD_K, c->a[1]); }
i64 sys_futimesat(struct trap *c) { return set_both(c, (i32)c->a[0], c->a[2]); }

i64 sys_utimensat(struct trap *c)
{
    struct timespec_k times[2] = {{0, UTIME_NOW_K}, {0, UTIME_NOW_K}};
    u8 how[2];
    if (c->a[2] && copy_in(times, c->a[2], sizeof times))
        return -EFAULT;
    for (int i = 0; i < 2; i++)
        how[i] = times[i].nsec == UTIME_NOW_K    ? TIME_NOW
                 : times[i].nsec == UTIME_OMIT_K ? TIME_OMITTED
                                                 : TIME_GIVEN;
    return set_times(c, (i32)c->a[0], (u32)c->a[3], how);
}

/* ---- access ---- */
/* The loader asks whether there is an /etc/ld.so.preload before it opens it: there is, ours. */
static i64 may_access(struct trap *c, u64 mode)
{
    if (unlikely(preload_is_served(c->path[0])) && !(mode & 3))
        return 0;
    return pass(c);
}

i64 sys_access(struct trap *c) { return may_access(c, c->a[1]); }
i64 sys_faccessat(struct trap *c) { return may_access(c, c->a[2]); }
i64 sys_faccessat2(struct trap *c) { return may_access(c, c->a[2]); }

/* ---- readlink ---- */
static char *find_bracket(char *text)
{
    while (*text && *text != '[')
        text++;
    return *text && text[1] >= '0' && text[1] <= '9' ? text : 0;
}

/* "pipe:[123]", "socket:[123]", "net:[123]": the number is the kernel's. Only in /proc: a link of
 * the program's own may say what it likes. */
static i64 rewrite_number(i64 dirfd, const char *path, char *text, i64 n)
{
    struct statx_k link, target;
    char *bracket = find_bracket(text), *end = text + PATH_BYTES_MAX;
    if (!bracket || text[0] == '/' || bracket == text || bracket[-1] != ':')
        return n;
    if (statx_of_path(dirfd, path, AT_SYMLINK_NOFOLLOW_K | AT_EMPTY_PATH_K, &link) ||
        statx_dev(&link) != WORLD->config.proc_dev || statx_of_path(dirfd, path, 0, &target))
        return n;
    char *to = number_append(bracket + 1, end, inode_seen(&target)->number);
    return string_append(to, end, "]") - text;
}

/* "/memfd:/proc/uptime (deleted)" is a virtual file of /proc. */
static i64 rewrite_memfd(char *text, i64 n)
{
    static const char prefix[] = "/memfd:", suffix[] = " (deleted)";
    u64 cut = sizeof prefix - 1, tail = sizeof suffix - 1;
    if (!string_starts(text, "/memfd:/") || (u64)n <= cut + tail)
        return n;
    u64 length = (u64)n - cut - tail;
    for (u64 i = 0; i < length; i++)
        text[i] = text[cut + i];
    text[length] = 0;
    return (i64)length;
}

static i64 read_link(struct trap *c, i64 dirfd, u64 out, i64 room)
{
    char *text = (char *)c->t->scratch;
    if (room <= 0)
        return -EINVAL;
    if (!c->path[0])
        return pass(c);
    i64 n = raw(__NR_readlinkat, dirfd, c->path[0], text, LINK_BYTES_MAX);
    if (n < 0)
        return n;
    text[n] = 0;
    n = rewrite_memfd(text, n);
    n = rewrite_number(dirfd, c->path[0], text, n);
    n = (i64)min_u64((u64)n, (u64)room);
    return copy_out(out, text, (u64)n) ? -EFAULT : n;
}

i64 sys_readlink(struct trap *c) { return read_link(c, AT_FDCWD_K, c->a[1], (i32)c->a[2]); }
i64 sys_readlinkat(struct trap *c) { return read_link(c, (i32)c->a[0], c->a[2], (i32)c->a[3]); }
