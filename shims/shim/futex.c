/* futex.c: the queues behind futex(2), emulated whole.
 *
 * A private futex is known by memory and address; a shared one by device, inode and offset, which
 * the kernel is asked for (PROCMAP_QUERY, or /proc/self/maps). Waiters of a word queue oldest first.
 * One task runs at a time, so looking at the word and queueing cannot be parted.
 */
#include "futex.h"

#include "decisions.h"
#include "files.h"

#define PROCMAP_QUERY_CMD 0xc0686611ul /* _IOWR('f', 17, struct procmap_query) */
#define PROCMAP_QUERY_SHARED 8ul
#define FUTEX_TID_BITS 0x3fffffffu

struct procmap_query_k {
    u64 size, flags, address;
    u64 vma_start, vma_end, vma_flags, page_size, offset, inode;
    u32 dev_major, dev_minor, name_size, build_id_size;
    u64 name, build_id;
};

/* ---- keys ---- */
static int query_mapping(const struct proc *p, u64 address, u64 key[2])
{
    struct procmap_query_k q;
    char path[48] = "/proc/self/maps", *end = path + sizeof path;
    if (p != proc_of(current_task()))
        string_append(number_append(string_append(path, end, "/proc/"), end, p->pid), end, "/maps");
    memset(&q, 0, sizeof q);
    q.size = sizeof q;
    q.address = address;
    i64 fd = raw(__NR_openat, AT_FDCWD_VALUE, path, O_CLOEXEC_FLAG, 0);
    if (fd < 0)
        return 0;
    i64 error = raw(__NR_ioctl, fd, PROCMAP_QUERY_CMD, &q);
    raw(__NR_close, fd);
    if (error)
        return 0;
    if (!(q.vma_flags & PROCMAP_QUERY_SHARED))
        return 0;
    key[0] = 1ul << 63 | (u64)q.dev_major << 44 | (u64)q.dev_minor << 32 | (q.inode >> 32);
    key[1] = q.inode << 32 ^ (q.offset + (address - q.vma_start));
    return 1;
}

void futex_key(const struct proc *p, u64 address, int shared, u64 key[2])
{
    if (shared && query_mapping(p, address, key))
        return;
    key[0] = p->mm;
    key[1] = address;
}

static struct futex_bucket *bucket_of(const u64 key[2])
{
    return &WORLD->futex_buckets[hash_mix(key[0], key[1]) % FUTEX_BUCKETS];
}

u32 futex_queue(const u64 key[2])
{
    return bucket_of(key)->first;
}

/* ---- queues ---- */
static void enqueue(u32 slot)
{
    struct world *w = WORLD;
    struct futex_waiter *me = &w->futexes[slot];
    struct futex_bucket *b = bucket_of(me->key);
    me->next = 0;
    me->prev = b->last;
    if (b->last)
        w->futexes[b->last].next = slot;
    else
        b->first = slot;
    b->last = slot;
}

static void unlink_waiter(u32 slot)
{
    struct world *w = WORLD;
    struct futex_waiter *me = &w->futexes[slot];
    struct futex_bucket *b = bucket_of(me->key);
    if (me->prev)
        w->futexes[me->prev].next = me->next;
    else
        b->first = me->next;
    if (me->next)
        w->futexes[me->next].prev = me->prev;
    else
        b->last = me->prev;
}

u32 futex_add(struct task *t, u64 address, int shared, u32 bitset, u32 index)
{
    struct world *w = WORLD;
    u32 slot = w->free_futex;
    if (slot)
        w->free_futex = w->futexes[slot].next;
    else if (w->used_futexes + 1 < FUTEX_WAITERS_MAX)
        slot = ++w->used_futexes;
    else
        fatal("too many waits on futexes at once; the limit is", FUTEX_WAITERS_MAX);
    struct futex_waiter *me = &w->futexes[slot];
    memset(me, 0, sizeof *me);
    futex_key(proc_of(t), address, shared, me->key);
    me->task = t->index;
    me->address = address;
    me->bitset = bitset;
    me->index = index;
    me->next_of_task = t->first_futex;
    t->first_futex = slot;
    enqueue(slot);
    return slot;
}

void futex_drop(struct task *t)
{
    struct world *w = WORLD;
    while (t->first_futex) {
        u32 slot = t->first_futex;
        t->first_futex = w->futexes[slot].next_of_task;
        unlink_waiter(slot);
        if (w->futexes[slot].pi_lock)
            futex_pi_leave(slot);
        w->futexes[slot].task = 0;
        w->futexes[slot].next = w->free_futex;
        w->free_futex = slot;
    }
}

void futex_move(u32 slot, const u64 key[2], u64 address)
{
    struct futex_waiter *me = &WORLD->futexes[slot];
    unlink_waiter(slot);
    me->key[0] = key[0];
    me->key[1] = key[1];
    me->address = address;
    enqueue(slot);
}

void futex_wake_waiter(u32 slot)
{
    struct futex_waiter *me = &WORLD->futexes[slot];
    struct task *t = task_at(me->task);
    t->futex_woken = me->index;
    futex_drop(t);
    wake(t, WAKE_DONE);
}

static int is_meant(const struct futex_waiter *me, const u64 key[2], u32 bitset)
{
    return futex_same_key(me->key, key) && (me->bitset & bitset);
}

static u32 count_meant(const u64 key[2], u32 bitset)
{
    const struct futex_waiter *waiters = WORLD->futexes;
    u32 n = 0;
    for (u32 slot = futex_queue(key); slot; slot = waiters[slot].next)
        n += (u32)is_meant(&waiters[slot], key, bitset);
    return n;
}

static u32 nth_meant(const u64 key[2], u32 bitset, u32 n)
{
    const struct futex_waiter *waiters = WORLD->futexes;
    u32 slot = futex_queue(key);
    while (slot && !(is_meant(&waiters[slot], key, bitset) && n-- == 0))
        slot = waiters[slot].next;
    return slot;
}

i64 futex_wake_key(const u64 key[2], u32 most, u32 bitset)
{
    struct world *w = WORLD;
    i64 woken = 0;
    int newest = current_task()->call_fault == CALL_WAKES_NEWEST && count_meant(key, bitset);
    int all = !sched_chooses_waiters(w) || most >= count_meant(key, bitset); /* in their order */
    for (u32 slot; woken < (i64)most; woken++) {
        u32 n = unlikely(newest) ? count_meant(key, bitset) - 1
                : all            ? 0u
                                 : choose_waiter(count_meant(key, bitset));
        if (!(slot = nth_meant(key, bitset, n)))
            break;
        futex_wake_waiter(slot);
    }
    return woken;
}

i64 futex_wake_bits(struct proc *p, u64 address, int shared, u32 most, u32 bitset)
{
    u64 key[2];
    if (WORLD->used_futexes == 0)
        return 0; /* nobody ever waited */
    futex_key(p, address, shared, key);
    return futex_wake_key(key, most, bitset);
}

i64 futex_wake_word(struct proc *p, u64 address, int shared, u32 most)
{
    return futex_wake_bits(p, address, shared, most, ~0u);
}

static u64 count_waiters(const u64 key[2])
{
    u64 n = 0;
    for (u32 slot = bucket_of(key)->first; slot; slot = WORLD->futexes[slot].next)
        n += (u64)futex_same_key(WORLD->futexes[slot].key, key);
    return n;
}

/* Wakes `most` waiters of one word and moves up to `moved_max` others to another. */
i64 futex_requeue(struct proc *p, u64 from, u64 to, int shared, u32 most, u32 moved_max, i64 *moved)
{
    struct world *w = WORLD;
    u64 a[2], b[2];
    futex_key(p, from, shared, a);
    futex_key(p, to, shared, b);
    i64 woken = futex_wake_key(a, most, ~0u);
    *moved = 0;
    if (futex_same_key(a, b)) { /* they stay where they are */
        *moved = (i64)min_u64(count_waiters(a), moved_max);
        return woken;
    }
    for (u32 slot = bucket_of(a)->first, next; slot && *moved < (i64)moved_max; slot = next) {
        struct futex_waiter *me = &w->futexes[slot];
        next = me->next;
        if (!futex_same_key(me->key, a))
            continue;
        /* Another process may have the word elsewhere. */
        futex_move(slot, b, proc_of(task_at(me->task))->mm == p->mm ? to : 0);
        (*moved)++;
    }
    return woken;
}

/* ---- words of other processes ---- */
i64 futex_word_in(const struct proc *p, void *to, u64 address, u64 n)
{
    struct iovec_k here = {(u64)to, n}, there = {address, n};
    if (p == proc_of(current_task()))
        return copy_in(to, address, n);
    return raw(__NR_process_vm_readv, p->pid, &here, 1, &there, 1, 0) == (i64)n ? 0 : -EFAULT;
}

i64 futex_word_out(const struct proc *p, u64 address, u32 value)
{
    struct iovec_k here = {(u64)&value, 4}, there = {address, 4};
    if (p == proc_of(current_task()))
        return copy_out(address, &value, 4);
    return raw(__NR_process_vm_writev, p->pid, &here, 1, &there, 1, 0) == 4 ? 0 : -EFAULT;
}
