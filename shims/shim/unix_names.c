/* unix_names.c: the names of AF_UNIX sockets: whom a connect or a sendto means.
 *
 * A file's socket is known by its inode, which lives as long as the socket has it: unlinked or
 * renamed, it is found as the kernel finds it. Sockets of the machine are outside.
 */
#include "unix.h"

#define W_OK_MODE 2
#define AT_EACCESS_FLAG 0x200u
#define AUTOBIND_NAMES 0x100000u
#define AUTOBIND_BYTES 8u /* family, NUL, five digits */

i64 unix_address_in(u64 user, u64 bytes, struct unix_address *a)
{
    u8 name[UNIX_ADDRESS_BYTES];
    memset(a, 0, sizeof *a);
    if ((u32)bytes < 2 || (u32)bytes > SOCKADDR_BYTES_MAX)
        return 0; /* the kernel will say so */
    if (copy_in(name, user, min_u64((u32)bytes, sizeof name)))
        return -EFAULT;
    a->family = (u16)(name[0] | name[1] << 8);
    if (a->family != AF_UNIX_K || (u32)bytes > sizeof name)
        return 0;
    a->bytes = (u32)bytes;
    memcpy(a->path, name + 2, a->bytes - 2);
    return 0;
}

/* ---- the table ---- */
static void key_of_file(struct unix_name *key, const struct statx_k *st)
{
    memset(key, 0, sizeof *key);
    key->dev = statx_dev(st);
    key->ino = st->ino;
}

static void key_of_abstract(struct unix_name *key, u32 type, const struct unix_address *a)
{
    memset(key, 0, sizeof *key);
    key->type = (u16)type;
    key->bytes = (u16)(a->bytes - 2);
    memcpy(key->text, a->path, key->bytes);
}

static u32 *bucket_of(const struct unix_name *key)
{
    u64 hash = hash_mix(key->dev, key->ino);
    if (key->type)
        hash = hash_bytes(key->text, key->bytes, key->type);
    return &WORLD->af_unix.name_buckets[hash % UNIX_NAME_BUCKETS];
}

static int is_same(const struct unix_name *a, const struct unix_name *b)
{
    return a->type == b->type && a->dev == b->dev && a->ino == b->ino && a->bytes == b->bytes &&
           !memcmp(a->text, b->text, a->bytes);
}

static struct unix_end *look_up(const struct unix_name *key)
{
    struct unix_name *names = WORLD->af_unix.names;
    u32 i = *bucket_of(key);
    while (i && !is_same(&names[i], key))
        i = names[i].next;
    return i ? end_at(names[i].end) : 0;
}

static void name_add(struct unix_end *e, const struct unix_name *key)
{
    u32 *first = bucket_of(key);
    e->name = unix_name_alloc();
    struct unix_name *n = &WORLD->af_unix.names[e->name];
    *n = *key;
    n->end = end_index(e);
    n->next = *first;
    *first = e->name;
}

void unix_name_drop(struct unix_end *e)
{
    struct unix_name *names = WORLD->af_unix.names;
    u32 *link;
    if (!e->name)
        return;
    link = bucket_of(&names[e->name]);
    while (*link != e->name)
        link = &names[*link].next;
    *link = names[e->name].next;
    names[e->name].next = WORLD->af_unix.free_name;
    WORLD->af_unix.free_name = e->name;
    e->name = 0;
}

/* ---- whose name it is ---- */
static int names_are_ours(void) /* the abstract ones: each network has its own */
{
    return (WORLD->config.flags & (CONFIG_PID_NS | CONFIG_NET_HOST)) == CONFIG_PID_NS;
}

/* A socket that no one of the simulation has. */
static i64 of_outside(struct trap *c, i64 refused, int *outside)
{
    if (!(WORLD->config.flags & CONFIG_NET_HOST))
        return refused ? refused : -ECONNREFUSED;
    count_uncontrolled(c);
    *outside = 1;
    return 0;
}

i64 unix_find(struct trap *c, const struct unix_end *e, const struct unix_address *a,
              struct unix_end **found, int *outside)
{
    struct unix_name key;
    struct statx_k st;
    *found = 0;
    *outside = 0;
    if (a->bytes <= 2)
        return 0; /* no name: the kernel knows the error */
    if (!a->path[0]) {
        key_of_abstract(&key, e->type, a);
        *found = look_up(&key);
        return *found || names_are_ours() ? 0 : of_outside(c, 0, outside);
    }
    u64 is_there = !statx_of_path(AT_FDCWD_VALUE, a->path, 0, &st) && statx_is(&st, S_IFSOCK_BITS);
    if (is_there) {
        key_of_file(&key, &st);
        *found = look_up(&key);
    }
    if (*found)
        return 0;
    if (WORLD->config.flags & CONFIG_NET_HOST)
        is_there = outside_word(c->t, is_there);
    if (!is_there)
        return 0;
    i64 refused = raw(__NR_faccessat2, AT_FDCWD_VALUE, a->path, W_OK_MODE, AT_EACCESS_FLAG);
    return of_outside(c, refused, outside);
}

/* ---- bind ---- */
static void file_made(struct unix_end *e, char *path)
{
    struct statx_k st;
    struct unix_name key;
    if (statx_of_path(AT_FDCWD_VALUE, path, AT_SYMLINK_NOFOLLOW_K, &st))
        return;
    inode_touch(inode_of_statx(&st), INODE_ALL_TIMES);
    inode_touch_parent(AT_FDCWD_VALUE, path);
    key_of_file(&key, &st);
    name_add(e, &key);
}

i64 unix_autobind(struct unix_end *e, i64 fd)
{
    static const char digits[] = "0123456789abcdef";
    struct unix_address a = {.bytes = AUTOBIND_BYTES, .family = AF_UNIX_K};
    struct unix_name key;
    for (u32 tries = 0; tries < AUTOBIND_NAMES; tries++) {
        u32 number = ++WORLD->af_unix.names_given;
        u8 name[AUTOBIND_BYTES] = {AF_UNIX_K};
        for (int i = 0; i < 5; i++)
            a.path[1 + i] = digits[number >> (16 - 4 * i) & 15];
        memcpy(name + 2, a.path, sizeof name - 2);
        i64 error = raw(__NR_bind, fd, name, sizeof name);
        if (error == -EADDRINUSE)
            continue;
        if (error)
            return error;
        key_of_abstract(&key, e->type, &a);
        name_add(e, &key);
        e->flags |= UNIX_NAMED;
        return 0;
    }
    return -ENOSPC;
}

i64 unix_bind(struct trap *c, struct object *o)
{
    struct unix_end *e = end_of(o);
    struct unix_address a;
    struct unix_name key;
    i64 error = unix_address_in(c->a[1], c->a[2], &a);
    if (error)
        return error;
    if (a.bytes == 2)
        return e->flags & UNIX_NAMED ? 0 : unix_autobind(e, (i32)c->a[0]);
    error = pass(c);
    if (error)
        return error;
    e->flags |= UNIX_NAMED;
    if (a.path[0]) {
        file_made(e, a.path);
    } else {
        key_of_abstract(&key, e->type, &a);
        name_add(e, &key);
    }
    return 0;
}
