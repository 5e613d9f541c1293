/* sys_dir.c: directories, read whole and sorted by name.
 *
 * The order in which a file system lists its entries comes from hashes, insertion and leaf splits;
 * the program sees "." and ".." and then all names in byte order (in /proc numbers by value, after
 * the names, as the kernel does). A listing belongs to an open file description and is made by its
 * first read; lseek to 0 (rewinddir) throws it away. As POSIX allows, what is made or removed
 * after that may or may not be seen: it is not.
 *
 * A position is the index of the entry that comes next. When more directories are read at once than
 * there are listings, the least recently used one gives way and is read again when it is needed: it
 * then goes on at the same index, so a directory that was changed meanwhile can repeat or skip
 * entries. Which one gives way follows from the program's calls, so this is the same in every run.
 */
#include "before.h"
#include "files.h"

#define DIR_TOO_LARGE 0xffffffffu /* in object.dir: the kernel's own order is passed through */
#define PROC_ROOT_INO 1ul

struct dirent64_k {
    u64 ino;
    i64 off;
    u16 bytes;
    u8 type;
    char name[];
};

struct dirent_old_k { /* getdents: the type is the record's last byte */
    u64 ino;
    u64 off;
    u16 bytes;
    char name[];
};

#define NAME_AT_64 __builtin_offsetof(struct dirent64_k, name)
#define NAME_AT_OLD __builtin_offsetof(struct dirent_old_k, name)

struct listing { /* a slot, opened */
    u8 *bytes;
    u32 *offsets; /* sorted, of records in `bytes` */
    u32 entries;
    int numbers_last; /* /proc */
};

static struct dirent64_k *entry_at(const struct listing *l, u32 i)
{
    return (struct dirent64_k *)(l->bytes + l->offsets[i]);
}

/* Offsets stand behind the records, aligned. */
static u32 *offsets_of(u8 *slot, u32 record_bytes)
{
    return (u32 *)(slot + ((record_bytes + 7) & ~7u));
}

/* ---- slots ---- */
void dir_listing_drop(u32 slot)
{
    if (slot && slot != DIR_TOO_LARGE) {
        WORLD->dirs[slot].refs = 0;
        WORLD->dirs[slot].object = 0;
    }
}

static u32 slot_take(u32 object)
{
    struct world *w = WORLD;
    u32 best = 1;
    for (u32 i = 1; i < DIRS_MAX; i++) {
        if (!w->dirs[i].refs) {
            best = i;
            break;
        }
        if (w->dirs[i].used_seq < w->dirs[best].used_seq)
            best = i;
    }
    struct dir_listing *d = &w->dirs[best];
    if (d->refs && w->objects[d->object].dir == best)
        w->objects[d->object].dir = 0; /* keeps dir_pos, reads again */
    d->refs = 1;
    d->object = object;
    w->objects[object].dir = best;
    return best;
}

/* ---- what is left out ---- */
static int all_digits(const char *s)
{
    const char *at = s;
    while (*at >= '0' && *at <= '9')
        at++;
    return at > s && !*at;
}

static u64 digits_value(const char *s)
{
    u64 v = 0;
    for (; *s >= '0' && *s <= '9' && v < PIDS_MAX; s++)
        v = v * 10 + (u64)(*s - '0');
    return v;
}

/* map_files: names are "start-end" in hex. */
static int names_our_mapping(const char *s)
{
    u64 v = 0;
    for (; *s != '-'; s++) {
        u32 digit = *s >= '0' && *s <= '9' ? (u32)(*s - '0') : (u32)(*s - 'a' + 10);
        if (digit > 15)
            return 0;
        v = v << 4 | digit;
    }
    return v >= OURS_START && v < OURS_END;
}

static int is_hidden(const struct statx_k *st, const char *name)
{
    struct world *w = WORLD;
    u64 dev = statx_dev(st);
    if (dev == w->config.proc_dev) {
        if (st->ino == PROC_ROOT_INO && all_digits(name))
            return digits_value(name) != 1 && !proc_by_pid((u32)digits_value(name));
        return names_our_mapping(name);
    }
    if (dev == w->config.sys_dev && string_starts(name, "cpu") && all_digits(name + 3))
        return digits_value(name + 3) >= w->config.cpus;
    return is_own_file(st, name);
}

/* ---- sorting: by heap, needs no memory and no recursion ---- */
static int name_rank(const struct listing *l, const char *name)
{
    if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
        return name[1] ? 1 : 0;
    return l->numbers_last && all_digits(name) ? 3 : 2;
}

static int comes_before(const struct listing *l, u32 a, u32 b)
{
    const char *x = ((struct dirent64_k *)(l->bytes + a))->name;
    const char *y = ((struct dirent64_k *)(l->bytes + b))->name;
    int rank_x = name_rank(l, x), rank_y = name_rank(l, y);
    if (rank_x != rank_y)
        return rank_x < rank_y;
    if (rank_x == 3) {
        u64 n = string_length(x), m = string_length(y);
        if (n != m)
            return n < m;
    }
    while (*x && *x == *y) {
        x++;
        y++;
    }
    return (u8)*x < (u8)*y;
}

static void sift_down(struct listing *l, u32 root, u32 count)
{
    u32 moved = l->offsets[root];
    for (;;) {
        u32 child = 2 * root + 1;
        if (child >= count)
            break;
        if (child + 1 < count && comes_before(l, l->offsets[child], l->offsets[child + 1]))
            child++;
        if (!comes_before(l, moved, l->offsets[child]))
            break;
        l->offsets[root] = l->offsets[child];
        root = child;
    }
    l->offsets[root] = moved;
}

static void sort(struct listing *l)
{
    for (u32 i = l->entries / 2; i-- > 0;)
        sift_down(l, i, l->entries);
    for (u32 last = l->entries; last-- > 1;) {
        u32 largest = l->offsets[0];
        l->offsets[0] = l->offsets[last];
        l->offsets[last] = largest;
        sift_down(l, 0, last);
    }
}

/* ---- reading ---- */
/* Bytes of records read into the slot; -EFBIG when they and their offsets do not fit. */
static i64 read_whole(struct trap *c, i64 fd, u8 *slot)
{
    u64 used = 0, room = DIR_BYTES_MAX / 24 * 20; /* a record has 24 bytes or more, an offset 4 */
    i64 n = raw(__NR_lseek, fd, 0, 0);
    if (n < 0)
        return n == -ESPIPE ? -ENOTDIR : n;
    do {
        if (room - used < 32768)
            return -EFBIG;
        c->t->place = PLACE_KERNEL;
        n = raw(__NR_getdents64, fd, slot + used, min_u64(room - used, 262144));
        c->t->place = PLACE_SHIM;
        if (n < 0)
            return n;
        used += (u64)n;
    } while (n);
    return (i64)used;
}

static void index_records(struct listing *l, const struct statx_k *st, u32 bytes)
{
    l->entries = 0;
    for (u32 at = 0; at < bytes; at += ((struct dirent64_k *)(l->bytes + at))->bytes)
        if (!is_hidden(st, ((struct dirent64_k *)(l->bytes + at))->name))
            l->offsets[l->entries++] = at;
}

/* The kernel does not look above where a file system is mounted: for ".." we do. */
static void renumber(struct listing *l, const struct statx_k *st, i64 fd)
{
    u64 dev = statx_dev(st);
    struct statx_k up;
    for (u32 i = 0; i < l->entries; i++) {
        struct dirent64_k *d = entry_at(l, i);
        int is_up = string_equal(d->name, "..") && !statx_of_path(fd, "..", 0, &up);
        d->ino = is_up ? inode_number(statx_dev(&up), up.ino) : inode_number(dev, d->ino);
    }
}

/* What the run depends on, as it was before the run. */
static void keep_names(const struct listing *l, const struct statx_k *st, i64 fd, u64 bytes)
{
    if (!before_listed(fd, st, bytes))
        return;
    for (u32 i = 0; i < l->entries; i++)
        if (name_rank(l, entry_at(l, i)->name) >= 2) /* not "." and ".." */
            before_listed_name(entry_at(l, i)->name);
    before_listed_name("");
}

/* Makes the listing of an object that has none. */
static i64 listing_make(struct trap *c, i64 fd, u32 object)
{
    struct world *w = WORLD;
    struct statx_k st;
    i64 error = statx_of_fd(fd, &st);
    if (error)
        return error;
    if (!statx_is(&st, S_IFDIR_BITS))
        return -ENOTDIR;
    u32 slot = slot_take(object);
    u8 *bytes = w->dir_bytes[slot];
    i64 n = read_whole(c, fd, bytes);
    if (n < 0) {
        dir_listing_drop(slot);
        w->objects[object].dir = 0;
        return n;
    }
    struct listing l = {.bytes = bytes, .offsets = offsets_of(bytes, (u32)n)};
    l.numbers_last = statx_dev(&st) == w->config.proc_dev;
    index_records(&l, &st, (u32)n);
    sort(&l);
    keep_names(&l, &st, fd, (u64)n);
    inode_seen(&st);
    renumber(&l, &st, fd);
    w->dirs[slot].entries = l.entries;
    w->dirs[slot].bytes = (u32)n;
    return 0;
}

/* ---- serving ---- */
static u32 pack_64(u8 *to, const struct dirent64_k *from, u64 next)
{
    u64 name = string_length(from->name) + 1, bytes = (NAME_AT_64 + name + 7) & ~7ul;
    struct dirent64_k *d = (struct dirent64_k *)to;
    memset(to, 0, bytes);
    d->ino = from->ino;
    d->off = (i64)next;
    d->bytes = (u16)bytes;
    d->type = from->type;
    memcpy(d->name, from->name, name);
    return (u32)bytes;
}

static u32 pack_old(u8 *to, const struct dirent64_k *from, u64 next)
{
    u64 name = string_length(from->name) + 1, bytes = (NAME_AT_OLD + name + 1 + 7) & ~7ul;
    struct dirent_old_k *d = (struct dirent_old_k *)to;
    memset(to, 0, bytes);
    d->ino = from->ino;
    d->off = next;
    d->bytes = (u16)bytes;
    memcpy(d->name, from->name, name);
    to[bytes - 1] = from->type;
    return (u32)bytes;
}

static i64 serve(struct object *o, u64 user, u64 room, int old)
{
    struct world *w = WORLD;
    struct dir_listing *d = &w->dirs[o->dir];
    struct listing l = {.bytes = w->dir_bytes[o->dir], .entries = d->entries};
    u8 record[4160]; /* a name is shorter than a path */
    u64 given = 0;
    l.offsets = offsets_of(l.bytes, d->bytes);
    d->used_seq = ++w->dirs_seq;
    while (o->dir_pos < l.entries) {
        const struct dirent64_k *from = entry_at(&l, o->dir_pos);
        u64 next = o->dir_pos + 1u;
        u32 n = old ? pack_old(record, from, next) : pack_64(record, from, next);
        if (given + n > room)
            return given ? (i64)given : -EINVAL;
        if (copy_out(user + given, record, n))
            return given ? (i64)given : -EFAULT;
        given += n;
        o->dir_pos++;
    }
    return (i64)given;
}

static i64 list(struct trap *c, int old)
{
    i64 fd = (i32)c->a[0];
    u32 object = fd_object(c->p, fd);
    struct object *o = &WORLD->objects[object];
    if (!object || o->dir == DIR_TOO_LARGE)
        return pass(c);
    if (!o->dir) {
        i64 error = listing_make(c, fd, object);
        if (error == -EFBIG) {
            count_hole(HOLE_DIRECTORY_TOO_LARGE);
            o->dir = DIR_TOO_LARGE;
            raw(__NR_lseek, fd, 0, 0);
            return pass(c);
        }
        if (error)
            return error;
    }
    return serve(o, c->a[1], (u32)c->a[2], old);
}

i64 sys_getdents(struct trap *c) { return list(c, 1); }
i64 sys_getdents64(struct trap *c) { return list(c, 0); }

/* The new position; entries are counted, so d_off of an entry is the index of the one after it. */
i64 dir_seek(struct object *o, i64 offset, int whence)
{
    if (whence == 1)
        offset += o->dir_pos;
    else if (whence == 2)
        offset += o->dir && o->dir != DIR_TOO_LARGE ? WORLD->dirs[o->dir].entries : 0;
    else if (whence != 0)
        return -EINVAL;
    if (offset < 0 || offset > 0x7fffffff)
        return -EINVAL;
    if (!offset) {
        dir_listing_drop(o->dir);
        o->dir = 0;
    }
    o->dir_pos = (u32)offset;
    return offset;
}
