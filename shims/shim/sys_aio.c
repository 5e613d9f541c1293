/* sys_aio.c: the kernel's AIO (io_submit), emulated.
 *
 * A request is carried out as it is submitted, as the kernel does with most, and its completion
 * queues in the world. The context's identifier is the address of a mapping: there the kernel keeps
 * a ring of completions, which libaio reads when it finds its magic number. It does not find it.
 */
#include "channel.h"
#include "files.h"

#define AIO_RING_BYTES 32u  /* the kernel's header, and one completion: they decide how many fit */
#define AIO_EVENT_BYTES 32u
#define PAGE_BYTES 4096u
#define IOCB_FLAG_RESFD_BIT 1u
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22

enum aio_command {
    AIO_PREAD = 0,
    AIO_PWRITE = 1,
    AIO_FSYNC = 2,
    AIO_FDSYNC = 3,
    AIO_PREADV = 7,
    AIO_PWRITEV = 8
};

struct iocb_k {
    u64 data;
    u32 key;
    i32 rw_flags;
    u16 command;
    i16 priority;
    u32 fd;
    u64 buffer, bytes;
    i64 offset;
    u64 reserved;
    u32 flags, event_fd;
};
_Static_assert(sizeof(struct iocb_k) == 64, "struct iocb");

i64 sys_io_getevents(struct trap *c) HIDDEN;

/* ---- contexts ---- */
static u32 *find(const struct trap *c)
{
    u32 *link = &WORLD->procs[c->p->mm].first_aio;
    while (*link && WORLD->aio_contexts[*link].address != c->a[0])
        link = &WORLD->aio_contexts[*link].next;
    return link;
}

static u32 context_alloc(void)
{
    struct world *w = WORLD;
    u32 slot = w->free_aio_context;
    if (slot)
        w->free_aio_context = w->aio_contexts[slot].next;
    else if (w->used_aio_contexts + 1 < AIO_CONTEXTS_MAX)
        slot = ++w->used_aio_contexts;
    return slot;
}

static void drop(u32 *link)
{
    struct world *w = WORLD;
    u32 slot = *link;
    struct aio_context *x = &w->aio_contexts[slot];
    while (x->first) {
        u32 done = x->first;
        x->first = w->aio_completions[done].next;
        w->aio_completions[done].next = w->free_aio_completion;
        w->free_aio_completion = done;
    }
    w->aio_requests -= x->requests_max;
    channel_wake(x->channel, SIDE_READ);
    channel_unref(x->channel);
    *link = x->next;
    x->serial = 0;
    x->next = w->free_aio_context;
    w->free_aio_context = slot;
}

void aio_drop_all(struct proc *p)
{
    while (p->first_aio)
        drop(&p->first_aio);
}

/* How many completions the kernel's ring would hold. */
static void measure(struct aio_context *x)
{
    u64 slots = (x->requests_max < 4 ? 4 : x->requests_max) * 2ul + 2;
    x->bytes = (AIO_RING_BYTES + slots * AIO_EVENT_BYTES + PAGE_BYTES - 1) & ~(u64)(PAGE_BYTES - 1);
    x->capacity = (u32)((x->bytes - AIO_RING_BYTES) / AIO_EVENT_BYTES - 1);
}

i64 sys_io_setup(struct trap *c)
{
    struct world *w = WORLD;
    u64 id, requests = (u32)c->a[0];
    if (copy_in(&id, c->a[1], sizeof id))
        return -EFAULT;
    if (id || !requests || requests > 0x10000000 / AIO_EVENT_BYTES)
        return -EINVAL;
    u32 slot = w->aio_requests + requests > AIO_REQUESTS_MAX ? 0 : context_alloc();
    if (!slot)
        return -EAGAIN;
    struct aio_context *x = &w->aio_contexts[slot];
    *x = (struct aio_context){.requests_max = (u32)requests,
                              .serial = ++w->aio_serial,
                              .channel = channel_alloc(),
                              .next = w->procs[c->p->mm].first_aio};
    measure(x);
    w->procs[c->p->mm].first_aio = slot;
    w->aio_requests += (u32)requests;
    i64 address = raw(__NR_mmap, 0, x->bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
    x->address = address > 0 ? (u64)address : 0;
    if (address > 0 && !copy_out(c->a[1], &address, sizeof address))
        return 0;
    if (address > 0)
        raw(__NR_munmap, address, x->bytes);
    drop(&w->procs[c->p->mm].first_aio);
    return address > 0 ? -EFAULT : -ENOMEM;
}

i64 sys_io_destroy(struct trap *c)
{
    u32 *link = find(c);
    if (!*link)
        return -EINVAL;
    u64 bytes = WORLD->aio_contexts[*link].bytes;
    drop(link);
    raw(__NR_munmap, c->a[0], bytes);
    return 0;
}

/* ---- submission ---- */
static u32 completion_alloc(void)
{
    struct world *w = WORLD;
    u32 slot = w->free_aio_completion;
    if (slot)
        w->free_aio_completion = w->aio_completions[slot].next;
    else if (w->used_aio_completions + 1 < AIO_COMPLETIONS_MAX)
        slot = ++w->used_aio_completions;
    return slot;
}

static void complete(struct aio_context *x, u32 slot, u64 request, u64 data, i64 result)
{
    struct world *w = WORLD;
    w->aio_completions[slot] = (struct aio_completion){
        .data = data, .request = request, .result = result == -ERESTARTSYS ? -EINTR : result};
    if (x->first)
        w->aio_completions[x->last].next = slot;
    else
        x->first = slot;
    x->last = slot;
    x->completed++;
    channel_wake(x->channel, SIDE_READ);
}

/* As a call of its own, which fault rules see. */
static i64 do_part(struct trap *c, struct trap *one, u64 nr)
{
    one->nr = nr;
    one->is_part = 1;
    i64 result = trap_call(one);
    c->injected |= one->injected;
    return result;
}

/* By the plain calls; a stream has no offset. */
static i64 transfer(struct trap *c, const struct iocb_k *q)
{
    struct trap one = *c;
    struct iovec_k v = {q->buffer, q->bytes};
    const struct object *o = &WORLD->objects[fd_object(c->p, (i32)q->fd)];
    int writes = q->command == AIO_PWRITE || q->command == AIO_PWRITEV;
    int vector = q->command == AIO_PREADV || q->command == AIO_PWRITEV;
    int plain = !vector && !q->rw_flags && o->kind == OBJECT_FILE;
    u64 position = o->kind == OBJECT_FILE ? (u64)q->offset : ~0ul; /* of preadv2: where it stands */
    if (o->kind == OBJECT_DIR || q->offset < 0)
        return -EINVAL;
    one.a[0] = q->fd;
    one.a[1] = plain || vector ? q->buffer : (u64)&v;
    one.a[2] = plain || vector ? q->bytes : 1;
    one.a[3] = position;
    one.a[4] = 0;
    one.a[5] = (u64)q->rw_flags;
    if (plain)
        return do_part(c, &one, writes ? __NR_pwrite64 : __NR_pread64);
    if (!q->rw_flags && o->kind != OBJECT_FILE)
        return do_part(c, &one, writes ? __NR_writev : __NR_readv);
    return do_part(c, &one, writes ? __NR_pwritev2 : __NR_preadv2);
}

static i64 sync(struct trap *c, const struct iocb_k *q)
{
    struct trap one = *c;
    one.a[0] = q->fd;
    return do_part(c, &one, q->command == AIO_FSYNC ? __NR_fsync : __NR_fdatasync);
}

/* `*refused`: the request was none, and has no completion. */
static i64 carry_out(struct trap *c, const struct iocb_k *q, int *refused)
{
    i64 result;
    switch (q->command) {
    case AIO_PREAD:
    case AIO_PWRITE:
    case AIO_PREADV:
    case AIO_PWRITEV:
        result = transfer(c, q);
        *refused = result == -EBADF || (result == -EINVAL && q->offset < 0);
        return result;
    case AIO_FSYNC:
    case AIO_FDSYNC:
        *refused = q->buffer || q->offset || q->bytes || q->rw_flags;
        if (*refused)
            return -EINVAL;
        result = sync(c, q);
        *refused = result == -EINVAL;
        return result;
    default:
        *refused = 1;
        return -EINVAL;
    }
}

static i64 event_object(const struct trap *c, const struct iocb_k *q, struct object **o)
{
    u32 object = q->flags & IOCB_FLAG_RESFD_BIT ? fd_object(c->p, (i32)q->event_fd) : 0;
    *o = object ? &WORLD->objects[object] : 0;
    if (!(q->flags & IOCB_FLAG_RESFD_BIT))
        return 0;
    return !object ? -EBADF : (*o)->kind == OBJECT_EVENTFD ? 0 : -EINVAL;
}

static i64 submit(struct trap *c, struct aio_context *x, u64 request)
{
    struct iocb_k q;
    struct object *event;
    u64 one = 1;
    u32 key = 0;
    int refused = 0;
    if (copy_in(&q, request, sizeof q))
        return -EFAULT;
    if (q.reserved || (i64)q.bytes < 0)
        return -EINVAL;
    u32 slot = x->completed < x->capacity ? completion_alloc() : 0;
    if (!slot)
        return -EAGAIN;
    i64 error = fd_object(c->p, (i32)q.fd) ? event_object(c, &q, &event) : -EBADF;
    if (!error && copy_out(request + __builtin_offsetof(struct iocb_k, key), &key, sizeof key))
        error = -EFAULT;
    u64 serial = x->serial;
    i64 result = error ? 0 : carry_out(c, &q, &refused);
    if (error || refused || x->serial != serial) { /* or the context went while it waited */
        WORLD->aio_completions[slot].next = WORLD->free_aio_completion;
        WORLD->free_aio_completion = slot;
        return error ? error : refused ? result : -EINVAL;
    }
    complete(x, slot, request, q.data, result);
    if (event) {
        raw(__NR_write, q.event_fd, &one, sizeof one);
        channel_wake(event->channel, SIDE_READ);
    }
    return 0;
}

i64 sys_io_submit(struct trap *c)
{
    i64 count = (i64)c->a[1], done = 0, error = 0;
    u64 request;
    u32 slot = *find(c);
    if (count < 0 || !slot)
        return -EINVAL;
    while (done < count && !error) {
        error = copy_in(&request, c->a[2] + (u64)done * 8, sizeof request);
        if (!error)
            error = submit(c, &WORLD->aio_contexts[slot], request);
        done += !error;
    }
    return done ? done : error;
}

/* All is complete before it could be cancelled. */
i64 sys_io_cancel(struct trap *c)
{
    u32 key;
    if (copy_in(&key, c->a[1] + __builtin_offsetof(struct iocb_k, key), sizeof key))
        return -EFAULT;
    return -EINVAL;
}

/* ---- completions ---- */
static i64 fetch(struct aio_context *x, u64 user)
{
    struct world *w = WORLD;
    u32 slot = x->first;
    if (copy_out(user, &w->aio_completions[slot], AIO_EVENT_BYTES))
        return -EFAULT;
    x->first = w->aio_completions[slot].next;
    x->completed--;
    w->aio_completions[slot].next = w->free_aio_completion;
    w->free_aio_completion = slot;
    return 0;
}

static i64 fetch_all(struct trap *c, u64 deadline_ns)
{
    i64 least = (i64)c->a[1], most = (i64)c->a[2], done = 0, error = 0;
    struct aio_context *x = &WORLD->aio_contexts[*find(c)];
    u64 serial = x->serial;
    if (!serial || least < 0 || least > most)
        return -EINVAL;
    for (;;) {
        while (x->serial == serial && x->first && done < most && !error) {
            error = fetch(x, c->a[3] + (u64)done * AIO_EVENT_BYTES);
            done += !error;
        }
        if (x->serial != serial)
            error = -EINVAL;
        if (error || done >= least || is_over(c->t, deadline_ns))
            return done ? done : error;
        error = park_on_channel(c->t, x->channel, SIDE_READ, deadline_ns);
        if (error == -ETIMEDOUT)
            error = 0;
    }
}

static i64 get_events(struct trap *c)
{
    u64 ns = 0, deadline = ~0ul;
    if (c->a[4]) {
        i64 error = timespec_in(c->a[4], &ns);
        if (error)
            return error;
        deadline = deadline_after(1, ns);
    }
    return fetch_all(c, deadline);
}

i64 sys_io_getevents(struct trap *c)
{
    i64 result = get_events(c);
    return result == -ERESTARTSYS ? -EINTR : result;
}

i64 sys_io_pgetevents(struct trap *c)
{
    u64 sigset[2] = {0, 0}, set;
    if (c->a[5] && copy_in(sigset, c->a[5], sizeof sigset))
        return -EFAULT;
    if (sigset[0]) {
        if (sigset[1] != 8)
            return -EINVAL;
        if (copy_in(&set, sigset[0], sizeof set))
            return -EFAULT;
        mask_for_wait(c->t, set);
    }
    i64 result = get_events(c);
    return result == -ERESTARTSYS ? -ERESTARTNOHAND : result;
}
