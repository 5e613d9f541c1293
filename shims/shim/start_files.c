/* start_files.c: what a view's copies show of the files that they stand for (abi_start.h). */
#include "inode.h"

static i64 birth_ns_of(const struct statx_k *st)
{
    return st->mask & STATX_BTIME_K ? st->btime.sec * (i64)NS_PER_SECOND + st->btime.nsec : 0;
}

static void set_time(struct statx_time_k *t, i64 ns)
{
    t->sec = ns / (i64)NS_PER_SECOND;
    t->nsec = (u32)(ns % (i64)NS_PER_SECOND);
}

static const struct start_file *find(const struct statx_k *st)
{
    const struct world *w = WORLD;
    u64 dev = statx_dev(st);
    u32 i = w->start_index[(dev * 31 + st->ino) % START_INDEX_SIZE];
    for (; i; i = w->start_files[i].next) {
        const struct start_file *f = &w->start_files[i];
        if (f->dev == dev && f->ino == st->ino && f->real_birth_ns == birth_ns_of(st))
            return f;
    }
    return 0;
}

static void show_descriptor(struct statx_k *st, const struct start_file *f)
{
    st->dev_major = dev_major(f->shown_dev);
    st->dev_minor = dev_minor(f->shown_dev);
    st->ino = f->shown_ino;
    st->rdev_major = dev_major(f->shown_rdev);
    st->rdev_minor = dev_minor(f->shown_rdev);
    st->nlink = f->shown_links; /* a memfd has no name */
}

static void show_owner(struct statx_k *st, const struct start_file *f)
{
    st->uid = f->shown_uid;
    st->gid = f->shown_gid;
    if (st->mode == f->real_mode)
        st->mode = f->shown_mode;
}

/* Who replays a run of root's without being root: what is not ours is most likely root's. */
static void show_unknown_owner(struct statx_k *st)
{
    const struct views_world *v = &WORLD->views;
    if (likely(!v->unknown_are_roots))
        return;
    if (st->uid == v->unknown_uid)
        st->uid = 0;
    if (st->gid == v->unknown_gid)
        st->gid = 0;
}

void show_start_file(struct statx_k *st)
{
    show_unknown_owner(st);
    if (likely(!WORLD->used_start_files))
        return;
    const struct start_file *f = find(st);
    if (!f)
        return;
    if (time_ns(&st->ctime) == f->real_ctime_ns) {
        set_time(&st->ctime, f->ctime_ns);
        if (f->shown_links)
            st->nlink = f->shown_links;
    }
    set_time(&st->btime, f->birth_ns);
    if (f->owned)
        show_owner(st, f);
    if (f->shown_dev)
        show_descriptor(st, f);
}
