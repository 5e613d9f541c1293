/* futex.c: the queues behind futex(2), emulated whole.
 *
 * A private futex is known by memory and address; a shared one by device, inode and offset, which
 * the kernel is asked for (PROCMAP_QUERY, or /proc/self/maps). Waiters of a word queue oldest first.
 * One task runs at a time, so looking at the word and queueing cannot be parted.
 */
#include "futex.h"

#include "files.h"

#define PROCMAP_QUERY_CMD 0xc0686611ul /* _IOWR('f', 17, struct procmap_query) */
#define PROCMAP_QUERY_SHARED 8ul
#define FUTEX_TID_BITS 0x3fffffffu
#define FUTEX_OWNER_DIED_BIT 0x40000000u
#define FUTEX_WAITERS_BIT 0x80000000u
#define ROBUST_ENTRIES_MAX 2048

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

static void futex_key(const struct proc *p, u64 address, int shared, u64 key[2])
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
        w->futexes[slot].next = w->free_futex;
        w->free_futex = slot;
    }
}

static int same_key(const u64 a[2], const u64 b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

static void wake_waiter(u32 slot)
{
    struct futex_waiter *me = &WORLD->futexes[slot];
    struct task *t = task_at(me->task);
    t->futex_woken = me->index;
    futex_drop(t);
    wake(t, WAKE_DONE);
}

static i64 wake_key(const u64 key[2], u32 most, u32 bitset)
{
    struct world *w = WORLD;
    i64 woken = 0;
    for (u32 slot = bucket_of(key)->first, next; slot && woken < (i64)most; slot = next) {
        struct futex_waiter *me = &w->futexes[slot];
        next = me->next;
        if (!same_key(me->key, key) || !(me->bitset & bitset))
            continue;
        while (next && w->futexes[next].task == me->task)
            next = w->futexes[next].next; /* its other entries go with it */
        wake_waiter(slot);
        woken++;
    }
    return woken;
}

i64 futex_wake_bits(struct proc *p, u64 address, int shared, u32 most, u32 bitset)
{
    u64 key[2];
    if (WORLD->used_futexes == 0)
        return 0; /* nobody ever waited */
    futex_key(p, address, shared, key);
    return wake_key(key, most, bitset);
}

i64 futex_wake_word(struct proc *p, u64 address, int shared, u32 most)
{
    return futex_wake_bits(p, address, shared, most, ~0u);
}

static u64 count_waiters(const u64 key[2])
{
    u64 n = 0;
    for (u32 slot = bucket_of(key)->first; slot; slot = WORLD->futexes[slot].next)
        n += (u64)same_key(WORLD->futexes[slot].key, key);
    return n;
}

/* Wakes `most` waiters of one word and moves up to `moved_max` others to another. */
i64 futex_requeue(struct proc *p, u64 from, u64 to, int shared, u32 most, u32 moved_max, i64 *moved)
{
    struct world *w = WORLD;
    u64 a[2], b[2];
    futex_key(p, from, shared, a);
    futex_key(p, to, shared, b);
    i64 woken = wake_key(a, most, ~0u);
    *moved = 0;
    if (same_key(a, b)) { /* they stay where they are */
        *moved = (i64)min_u64(count_waiters(a), moved_max);
        return woken;
    }
    for (u32 slot = bucket_of(a)->first, next; slot && *moved < (i64)moved_max; slot = next) {
        struct futex_waiter *me = &w->futexes[slot];
        next = me->next;
        if (!same_key(me->key, a))
            continue;
        unlink_waiter(slot);
        me->key[0] = b[0];
        me->key[1] = b[1];
        enqueue(slot);
        (*moved)++;
    }
    return woken;
}

/* ---- priority inheritance: the word holds the owner's tid ---- */
static i64 word_in(u64 address, u32 *value)
{
    return address & 3 ? -EINVAL : copy_in(value, address, 4);
}

i64 futex_lock_pi(struct trap *c, u64 address, int shared, u64 deadline_ns, int try_only)
{
    struct task *t = c->t;
    u32 value;
    i64 error = word_in(address, &value);
    if (error)
        return error;
    if ((value & FUTEX_TID_BITS) == t->tid)
        return -EDEADLK;
    if (!(value & FUTEX_TID_BITS)) {
        u32 mine = t->tid | (value & (FUTEX_OWNER_DIED_BIT | FUTEX_WAITERS_BIT));
        return copy_out(address, &mine, 4);
    }
    if (!task_by_tid(value & FUTEX_TID_BITS))
        return -ESRCH;
    if (try_only)
        return -EAGAIN;
    value |= FUTEX_WAITERS_BIT;
    if (copy_out(address, &value, 4))
        return -EFAULT;
    u32 slot = futex_add(t, address, shared, ~0u, 0);
    WORLD->futexes[slot].pi_word = address;
    park(t, WAIT_FUTEX, address, deadline_ns);
    futex_drop(t);
    if (t->wake_result == WAKE_DONE)
        return 0; /* the one that unlocked made us the owner */
    return t->wake_result == WAKE_TIMEOUT ? -ETIMEDOUT : -ERESTARTSYS;
}

/* The next waiter in line, and whether there are more. */
static u32 first_waiter(const u64 key[2], int *more)
{
    u32 found = 0;
    *more = 0;
    for (u32 slot = bucket_of(key)->first; slot; slot = WORLD->futexes[slot].next) {
        if (!same_key(WORLD->futexes[slot].key, key))
            continue;
        if (found) {
            *more = 1;
            break;
        }
        found = slot;
    }
    return found;
}

i64 futex_unlock_pi(struct proc *p, u64 address, int shared, u32 tid)
{
    u32 value;
    u64 key[2];
    int more;
    i64 error = word_in(address, &value);
    if (error)
        return error;
    if ((value & FUTEX_TID_BITS) != tid)
        return -EPERM;
    futex_key(p, address, shared, key);
    u32 slot = first_waiter(key, &more);
    u32 next = slot ? task_at(WORLD->futexes[slot].task)->tid | (more ? FUTEX_WAITERS_BIT : 0) : 0;
    if (copy_out(address, &next, 4))
        return -EFAULT;
    if (slot)
        wake_waiter(slot);
    return 0;
}

/* A condition's waiters (FUTEX_WAIT_REQUEUE_PI) move on to its lock; the first gets it if free. */
i64 futex_requeue_pi(struct proc *p, u64 from, u64 to, int shared, u32 most)
{
    struct world *w = WORLD;
    u64 a[2], b[2];
    u32 value, next;
    i64 count = 0, error = word_in(to, &value);
    if (error)
        return error;
    futex_key(p, from, shared, a);
    futex_key(p, to, shared, b);
    for (u32 slot = bucket_of(a)->first; slot && count < (i64)most; slot = next) {
        struct futex_waiter *me = &w->futexes[slot];
        next = me->next;
        if (!same_key(me->key, a))
            continue;
        if (me->pi_word != to)
            return -EINVAL;
        int is_free = !(value & FUTEX_TID_BITS);
        value = is_free ? task_at(me->task)->tid : value | FUTEX_WAITERS_BIT;
        if (copy_out(to, &value, 4))
            return -EFAULT;
        count++;
        if (is_free) {
            wake_waiter(slot);
            continue;
        }
        unlink_waiter(slot);
        me->key[0] = b[0];
        me->key[1] = b[1];
        enqueue(slot);
    }
    return count;
}

/* ---- robust lists: a dying owner's locks are marked, and one waiter each is woken ---- */
static i64 peek(const struct proc *p, void *to, u64 address, u64 n)
{
    struct iovec_k here = {(u64)to, n}, there = {address, n};
    if (p == proc_of(current_task()))
        return copy_in(to, address, n);
    return raw(__NR_process_vm_readv, p->pid, &here, 1, &there, 1, 0) == (i64)n ? 0 : -EFAULT;
}

static i64 poke(const struct proc *p, u64 address, u32 value)
{
    struct iovec_k here = {(u64)&value, 4}, there = {address, 4};
    if (p == proc_of(current_task()))
        return copy_out(address, &value, 4);
    return raw(__NR_process_vm_writev, p->pid, &here, 1, &there, 1, 0) == 4 ? 0 : -EFAULT;
}

/* `entry` of the list: the lowest bit tells a priority-inheriting lock. */
static void robust_word_died(struct task *t, u64 entry, i64 word_offset, int pending,
                             struct robust_undo *undo)
{
    struct proc *p = proc_of(t);
    u64 address = (entry & ~1ul) + (u64)word_offset, key[2];
    u32 value, next, slot = 0;
    int more = 0;
    if ((address & 3) || peek(p, &value, address, 4))
        return;
    if (pending && !(entry & 1) && !value)
        futex_wake_word(p, address, 1, 1); /* it died between its unlock and its wake */
    if ((value & FUTEX_TID_BITS) != t->tid)
        return;
    futex_key(p, address, 1, key);
    next = (value & FUTEX_WAITERS_BIT) | FUTEX_OWNER_DIED_BIT;
    if (entry & 1) {
        slot = first_waiter(key, &more);
        next = FUTEX_OWNER_DIED_BIT | (more ? FUTEX_WAITERS_BIT : 0);
        next |= slot ? task_at(WORLD->futexes[slot].task)->tid : 0;
    }
    if (poke(p, address, next))
        return;
    if (undo && undo->count < ROBUST_UNDO_MAX) {
        undo->address[undo->count] = address;
        undo->value[undo->count++] = value;
    }
    if (slot)
        wake_waiter(slot);
    else if (!(entry & 1) && (value & FUTEX_WAITERS_BIT) && !wake_key(key, 1, ~0u))
        futex_wake_word(p, address, 0, 1);
}

/* The task may be another process's, which is about to be killed. */
void futex_robust_exit(struct task *t, struct robust_undo *undo)
{
    struct proc *p = proc_of(t);
    struct robust_head head;
    u64 list = t->program_robust_list, entry, next;
    if (!list || peek(p, &head, list, sizeof head))
        return;
    entry = head.first;
    for (int i = 0; i < ROBUST_ENTRIES_MAX && (entry & ~1ul) != list; i++, entry = next) {
        if (peek(p, &next, entry & ~1ul, 8))
            return;
        if (entry != head.pending)
            robust_word_died(t, entry, head.word_offset, 0, undo);
    }
    if (head.pending)
        robust_word_died(t, head.pending, head.word_offset, 1, undo);
}

/* The exec failed after all: the locks are held as before. Who was woken meanwhile looks again. */
void futex_robust_undo(const struct robust_undo *undo)
{
    for (u32 i = 0; i < undo->count; i++)
        copy_out(undo->address[i], &undo->value[i], 4);
}
