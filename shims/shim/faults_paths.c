/* faults_paths.c: paths as fault rules see them: as the program gives them, made absolute, and as the
 * kernel names what is there, links resolved. */
#include "arg_kind.h"
#include "core/glob.h"
#include "faults.h"
#include "files.h"
#include "unix.h"

#define DELETED " (deleted)"
#define SUN_PATH_OFFSET 2
#define NO_FILE (-1000) /* instead of a directory: an abstract name */

static u64 append(char *to, u64 used, const char *from, u64 n)
{
    n = min_u64(n, PATH_BYTES_MAX - 1 - used);
    memcpy(to + used, from, n);
    to[used + n] = 0;
    return used + n;
}

/* What /proc/self/fd calls a descriptor; its length, 0: it has no name in the file system. */
static u64 kernel_name(i64 fd, char to[PATH_BYTES_MAX])
{
    char link[32], *end = link + sizeof link;
    number_append(string_append(link, end, "/proc/self/fd/"), end, (u64)fd);
    i64 n = raw(__NR_readlink, link, to, PATH_BYTES_MAX - 1);
    to[n > 0 ? n : 0] = 0;
    if (n <= 0 || to[0] != '/') {
        to[0] = 0;
        return 0;
    }
    u64 tail = sizeof DELETED - 1, bytes = (u64)n;
    if (bytes > tail && string_equal(to + bytes - tail, DELETED))
        to[bytes -= tail] = 0;
    return bytes;
}

static u64 start_directory(i64 dirfd, char to[PATH_BYTES_MAX])
{
    if (dirfd != AT_FDCWD_VALUE)
        return kernel_name(dirfd, to);
    i64 n = raw(__NR_getcwd, to, PATH_BYTES_MAX);
    return n > 1 ? (u64)n - 1 : 0;
}

/* Absolute, without "." and "..", as far as names tell: links are not followed. */
void faults_absolute(i64 dirfd, const char *path, char to[PATH_BYTES_MAX])
{
    u64 used = path[0] == '/' ? 0 : start_directory(dirfd, to);
    if (used == 1)
        used = 0; /* "/" */
    while (*path) {
        const char *end = path;
        while (*end && *end != '/')
            end++;
        u64 n = (u64)(end - path);
        if (n == 2 && path[0] == '.' && path[1] == '.') {
            while (used && to[--used] != '/')
                ;
        } else if (n && !(n == 1 && path[0] == '.')) {
            used = append(to, append(to, used, "/", 1), path, n);
        }
        path = *end ? end + 1 : end;
    }
    if (!used)
        used = append(to, 0, "/", 1);
    to[used] = 0;
}

/* Calls that are about the link itself, and not about what it leads to. */
int faults_follows(const struct trap *c)
{
    const struct syscall_row *row = &syscall_rows[c->nr];
    switch (c->nr) {
    case __NR_lstat: case __NR_unlink: case __NR_unlinkat: case __NR_rename: case __NR_renameat:
    case __NR_renameat2: case __NR_readlink: case __NR_readlinkat: case __NR_symlink:
    case __NR_symlinkat: case __NR_link: case __NR_linkat: case __NR_lchown: case __NR_rmdir:
    case __NR_mkdir: case __NR_mkdirat: case __NR_mknod: case __NR_mknodat:
        return 0;
    default:
        for (int i = 0; i < row->args; i++)
            if (row->kinds[i] == ARG_AT_FLAGS && (c->a[i] & AT_SYMLINK_NOFOLLOW_K))
                return 0;
        return 1;
    }
}

/* The name of what does not exist: its directory's, and its own in there. */
static void resolve_parent(i64 dirfd, const char *given, char to[PATH_BYTES_MAX])
{
    char parent[PATH_BYTES_MAX];
    u64 n = string_length(given), used = 0;
    while (n && given[n - 1] != '/')
        n--;
    append(parent, 0, given, n > 1 ? n - 1 : n);
    i64 fd = raw(__NR_openat, dirfd, parent, O_PATH_FLAG | O_CLOEXEC_FLAG, 0);
    if (fd >= 0) {
        used = kernel_name(fd, to);
        raw(__NR_close, fd);
    }
    if (!used) {
        to[0] = 0;
        return;
    }
    append(to, used == 1 ? 0 : used, given + n - 1, string_length(given + n - 1));
}

static void look_at_path(const struct trap *c, const struct target *t, struct path_names *to)
{
    const char *path = c->path[t->path];
    struct statx_k st;
    const u64 nofollow = 0400000ul;
    to->mode = 0;
    to->resolved[0] = 0;
    if (t->dirfd == NO_FILE) {
        append(to->given, 0, path, string_length(path));
        return;
    }
    faults_absolute(t->dirfd, path, to->given);
    i64 fd = raw(__NR_openat, t->dirfd, path,
                 O_PATH_FLAG | O_CLOEXEC_FLAG | (faults_follows(c) ? 0 : nofollow), 0);
    if (fd < 0) {
        resolve_parent(t->dirfd, to->given, to->resolved);
        return;
    }
    kernel_name(fd, to->resolved);
    if (!raw(__NR_statx, fd, "", AT_EMPTY_PATH_FLAG, STATX_BASIC_K, &st))
        to->mode = st.mode;
    raw(__NR_close, fd);
}

static void name_path(const struct trap *c, const struct target *t, struct path_names *to)
{
    look_at_path(c, t, to);
    memset(&to->rules, 0, sizeof to->rules);
    if (!FAULTS->has_paths)
        return;
    set_join(&to->rules, faults_rules_of_name(to->given));
    if (to->resolved[0])
        set_join(&to->rules, faults_rules_of_name(to->resolved));
    if (string_equal(to->given, to->resolved))
        faults_is_plain(c, to->given);
}

struct path_names *faults_path(struct faulting *f, const struct target *t)
{
    struct path_names *names = (struct path_names *)f->c->t->polls + t->path;
    if (!(f->paths_known & 1u << t->path))
        name_path(f->c, t, names);
    f->paths_known |= 1u << t->path;
    return names;
}

/* ---- AF_UNIX names ---- */
/* The name in the call, as its first path; abstract ones begin with "@". */
int faults_take_address(struct trap *c, i64 *dirfd)
{
    struct unix_address a = {.bytes = 0};
    struct message m;
    int to_given = c->nr == __NR_connect || c->nr == __NR_bind;
    if (to_given ? unix_address_in(c->a[1], c->a[2], &a)
                 : message_of_call(c, &m) || !m.name || unix_address_in(m.name, m.name_bytes, &a))
        return 0;
    if (a.bytes <= SUN_PATH_OFFSET)
        return 0;
    *dirfd = a.path[0] ? AT_FDCWD_VALUE : NO_FILE;
    append(c->t->path[0], a.path[0] ? 0 : append(c->t->path[0], 0, "@", 1), a.path + !a.path[0],
           string_length(a.path + !a.path[0]));
    c->path[0] = c->t->path[0];
    return 1;
}

/* ---- descriptors ---- */
static int address_of_socket(i64 nr, i64 fd, char to[PATH_BYTES_MAX])
{
    u8 name[UNIX_ADDRESS_BYTES + 2];
    u32 bytes = UNIX_ADDRESS_BYTES;
    if (raw(nr, fd, name, &bytes) || bytes <= SUN_PATH_OFFSET)
        return 0;
    bytes = bytes > UNIX_ADDRESS_BYTES ? UNIX_ADDRESS_BYTES : bytes;
    name[bytes] = 0;
    char *path = (char *)name + SUN_PATH_OFFSET;
    if (!path[0]) {
        append(to, append(to, 0, "@", 1), path + 1, bytes - SUN_PATH_OFFSET - 1);
        return 1;
    }
    faults_absolute(AT_FDCWD_VALUE, path, to);
    return 1;
}

void faults_fd_path(i64 fd, const struct object *o, char to[PATH_BYTES_MAX])
{
    to[0] = 0;
    if (o->kind == OBJECT_UNIX) {
        if (!address_of_socket(__NR_getsockname, fd, to))
            address_of_socket(__NR_getpeername, fd, to);
        return;
    }
    if (o->kind != OBJECT_INET && o->kind != OBJECT_SOCKET)
        kernel_name(fd, to);
}

/* After an open that has made the object: its name is that of the first of the call's paths. */
void faults_opened(struct trap *c, i64 dirfd, u32 object)
{
    struct target t = {.fd = -1, .path = 0, .dirfd = dirfd};
    char name[PATH_BYTES_MAX];
    if (!FAULTS->has_paths)
        return;
    const struct fault_set *rules = faults_rules_of_plain(c, &t);
    if (!rules) {
        faults_absolute(dirfd, c->path[0], name);
        rules = faults_rules_of_name(name);
    }
    set_join(&FAULTS->objects[object].opened, rules);
}
