/* ipc.c: what the three kinds of System V IPC share: a namespace, and times that are virtual. */
#include "ipc.h"

void ipc_count(const struct trap *c)
{
    if (!(WORLD->config.flags & CONFIG_PID_NS)) /* namespaces are made together, or none is */
        count_uncontrolled(c);
}

struct ipc_times *ipc_times(u32 kind, i64 id)
{
    struct ipc_times *e = &WORLD->ipc_times[kind * IPC_INDICES_MAX + (u64)id % IPC_INDICES_MAX];
    if (!e->known || e->id != (i32)id)
        *e = (struct ipc_times){.id = (i32)id, .known = 1, .change_s = ipc_now_s()};
    return e;
}

i64 ipc_get(struct trap *c, u32 kind)
{
    ipc_count(c);
    i64 id = pass(c);
    if (id >= 0)
        ipc_times(kind, id);
    return id;
}
