/* sys_shm.c: System V shared memory. The segments are the kernel's; their times are virtual, so who
 * has what attached is kept: an exit, an exec and a fork move those times, too. */
#include "ipc.h"

#define SHM_LOCK_CMD 11
#define SHM_UNLOCK_CMD 12
#define SHM_STAT_CMD 13
#define SHM_STAT_ANY_CMD 15

struct shmid_ds_k {
    u64 perm[6];
    u64 bytes;
    i64 atime_s, dtime_s, ctime_s;
    i32 creator, last;
    u64 attached, unused4, unused5;
};
_Static_assert(sizeof(struct shmid_ds_k) == 112, "struct shmid64_ds");

static void attach(struct proc *p, i32 id, u64 address)
{
    struct world *w = WORLD;
    u32 slot = w->free_shm_attachment;
    if (slot)
        w->free_shm_attachment = w->shm_attachments[slot].next;
    else if (w->used_shm_attachments + 1 < SHM_ATTACHMENTS_MAX)
        slot = ++w->used_shm_attachments;
    else
        fatal("too many attachments of shared memory at once; the limit is", SHM_ATTACHMENTS_MAX);
    w->shm_attachments[slot] = (struct shm_attachment){
        .address = address, .id = id, .next = p->first_shm};
    p->first_shm = slot;
    ipc_times(IPC_SHM, id)->first_s = ipc_now_s();
}

static void detach(u32 *link)
{
    struct world *w = WORLD;
    u32 slot = *link;
    struct shm_attachment *a = &w->shm_attachments[slot];
    ipc_times(IPC_SHM, a->id)->second_s = ipc_now_s();
    *link = a->next;
    a->next = w->free_shm_attachment;
    w->free_shm_attachment = slot;
}

void shm_detach_all(struct proc *p)
{
    while (p->first_shm)
        detach(&p->first_shm);
}

void shm_forked(const struct proc *parent, struct proc *child)
{
    for (u32 i = parent->first_shm; i; i = WORLD->shm_attachments[i].next)
        attach(child, WORLD->shm_attachments[i].id, WORLD->shm_attachments[i].address);
}

i64 sys_shmget(struct trap *c) { return ipc_get(c, IPC_SHM); }

i64 sys_shmat(struct trap *c)
{
    struct shmid_ds_k ds;
    ipc_count(c);
    if (c->a[1] && !raw(__NR_shmctl, c->a[0], IPC_STAT_CMD, &ds) && c->a[1] < OURS_END &&
        c->a[1] + ds.bytes > OURS_START)
        return -EINVAL;
    i64 address = pass(c);
    if ((u64)address < (u64)-4095l)
        attach(&WORLD->procs[c->p->mm], (i32)c->a[0], (u64)address);
    return address;
}

i64 sys_shmdt(struct trap *c)
{
    struct proc *p = &WORLD->procs[c->p->mm];
    ipc_count(c);
    i64 error = pass(c);
    u32 *link = &p->first_shm;
    while (*link && WORLD->shm_attachments[*link].address != c->a[0])
        link = &WORLD->shm_attachments[*link].next;
    if (!error && *link)
        detach(link);
    return error;
}

static i64 stat_out(struct trap *c)
{
    struct shmid_ds_k ds;
    i64 result = raw(__NR_shmctl, c->a[0], c->a[1], &ds);
    if (result < 0)
        return result;
    const struct ipc_times *times = ipc_times(IPC_SHM,
                                              (u32)c->a[1] == IPC_STAT_CMD ? (i32)c->a[0] : result);
    ds.atime_s = times->first_s;
    ds.dtime_s = times->second_s;
    ds.ctime_s = times->change_s;
    return copy_out(c->a[2], &ds, sizeof ds) ? -EFAULT : result;
}

i64 sys_shmctl(struct trap *c)
{
    u32 cmd = (u32)c->a[1];
    ipc_count(c);
    switch (cmd) {
    case IPC_STAT_CMD:
    case SHM_STAT_CMD:
    case SHM_STAT_ANY_CMD:
        return stat_out(c);
    case SHM_LOCK_CMD: /* locked memory is no part of the simulation, as with mlock */
    case SHM_UNLOCK_CMD:
    default:
        break;
    }
    i64 result = pass(c);
    if (!result && cmd == IPC_SET_CMD)
        ipc_times(IPC_SHM, (i32)c->a[0])->change_s = ipc_now_s();
    return result;
}
