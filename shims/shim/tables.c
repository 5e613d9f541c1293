/* tables.c: slots of the world's tables. Freed slots are used again, last freed first. */
#include "channel.h"

/* Takes a slot from a free list whose links are at `link_offset` in each slot, or a fresh one. */
static u32 take_slot(u32 *free_head, u32 *used, u32 max, void *base, u64 stride, u64 link_offset, const char *full)
{
    u32 slot = *free_head;
    if (slot) {
        *free_head = *(u32 *)((u8 *)base + slot * stride + link_offset);
    } else {
        if (*used + 1 >= max)
            fatal(full, max);
        slot = ++*used;
    }
    return slot;
}

#define TAKE_FROM(place, table, kind, type, link, max)                                          \
    take_slot(&(place)->free_##kind, &(place)->used_##table, max, (place)->table,              \
              sizeof (place)->table[0], __builtin_offsetof(struct type, link),                  \
              "too many " #table " at once; the limit is")
#define TAKE(table, kind, link, max) TAKE_FROM(WORLD, table, kind, kind, link, max)

struct task *task_alloc(void)
{
    u32 slot = TAKE(tasks, task, next_in_proc, TASKS_MAX);
    struct task *t = task_at(slot);
    memset(t, 0, __builtin_offsetof(struct task, path)); /* not the buffers: pages each */
    memset(WORLD->spin_registers[slot], 0, WORLD->points_count * 8);
    t->self = (u64)t;
    t->index = slot;
    t->state = TASK_STARTING;
    WORLD->live_tasks++;
    return t;
}

void task_free(struct task *t)
{
    struct world *w = WORLD;
    if (w->task_of_tid[t->tid] == t->index)
        w->task_of_tid[t->tid] = 0;
    channel_unref(t->pidfd_channel);
    t->state = TASK_FREE;
    t->next_in_proc = w->free_task;
    w->free_task = t->index;
}

struct proc *proc_alloc(void)
{
    u32 slot = TAKE(procs, proc, next_sibling, PROCS_MAX);
    struct proc *p = &WORLD->procs[slot];
    memset(p, 0, sizeof *p);
    p->index = slot;
    p->state = PROC_LIVE;
    if (has_plan())
        faults_proc_made(p);
    return p;
}

void proc_free(struct proc *p)
{
    struct world *w = WORLD;
    if (w->proc_of_pid[p->pid] == p->index)
        w->proc_of_pid[p->pid] = 0;
    channel_unref(p->pidfd_channel);
    p->state = PROC_FREE;
    p->next_sibling = w->free_proc;
    w->free_proc = p->index;
}

struct proc *proc_by_pid(u32 pid)
{
    struct world *w = WORLD;
    u32 slot = pid < PIDS_MAX ? w->proc_of_pid[pid] : 0;
    return slot ? &w->procs[slot] : 0;
}

struct task *task_by_tid(u32 tid)
{
    struct world *w = WORLD;
    u32 slot = tid < PIDS_MAX ? w->task_of_tid[tid] : 0;
    return slot ? &w->tasks[slot] : 0;
}

u32 fd_table_alloc(void)
{
    u32 slot = TAKE(fd_tables, fd_table, fds_used, FD_TABLES_MAX);
    WORLD->fd_tables[slot].refs = 1;
    WORLD->fd_tables[slot].fds_used = 0;
    return slot;
}

u32 object_alloc(u32 kind)
{
    u32 slot = TAKE(objects, object, refs, OBJECTS_MAX);
    struct object *o = &WORLD->objects[slot];
    memset(o, 0, sizeof *o);
    o->kind = (u8)kind;
    o->refs = 1;
    if (has_plan())
        faults_object_made(slot);
    return slot;
}

u32 channel_alloc(void)
{
    u32 slot = TAKE(channels, channel, first, CHANNELS_MAX);
    memset(&WORLD->channels[slot], 0, sizeof(struct channel));
    WORLD->channels[slot].refs = 1;
    return slot;
}

u32 epoll_alloc(void)
{
    u32 slot = TAKE(epolls, epoll, first_item, EPOLLS_MAX);
    memset(&WORLD->epolls[slot], 0, sizeof(struct epoll));
    return slot;
}

u32 epoll_item_alloc(void)
{
    u32 slot = TAKE(epoll_items, epoll_item, next_of_epoll, EPOLL_ITEMS_MAX);
    memset(&WORLD->epoll_items[slot], 0, sizeof(struct epoll_item));
    return slot;
}

u32 sock_alloc(void)
{
    u32 slot = TAKE(socks, sock, next_queued, SOCKETS_MAX);
    memset(&WORLD->socks[slot], 0, sizeof(struct sock));
    return slot;
}

u32 hold_alloc(void)
{
    return TAKE(holds, hold, next, HOLDS_MAX);
}

/* AF_UNIX's */
#define TAKE_UNIX(table, kind, type, link, max) \
    TAKE_FROM(&WORLD->af_unix, table, kind, type, link, max)

u32 flight_alloc(void)
{
    u32 slot = TAKE_UNIX(flights, flight, flight, next, FLIGHTS_MAX);
    memset(&WORLD->af_unix.flights[slot], 0, sizeof(struct flight));
    return slot;
}

u32 unix_end_alloc(void)
{
    u32 slot = TAKE_UNIX(ends, end, unix_end, refs, UNIX_ENDS_MAX);
    memset(&WORLD->af_unix.ends[slot], 0, sizeof(struct unix_end));
    return slot;
}

u32 unix_name_alloc(void)
{
    u32 slot = TAKE_UNIX(names, name, unix_name, next, UNIX_NAMES_MAX);
    memset(&WORLD->af_unix.names[slot], 0, sizeof(struct unix_name));
    return slot;
}
