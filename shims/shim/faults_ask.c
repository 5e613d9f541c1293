/* faults_ask.c: rules that are functions of the plan's script: the supervisor is asked. */
#include "faults.h"
#include "faults_data.h"
#include "inet.h"

static void tell_paths(struct faulting *f, struct fault_question *q)
{
    u32 used = 0;
    q->path[0][0] = q->path[1][0] = 0;
    for (u32 i = 0; i < f->targets.count && used < 2; i++) {
        const struct target *t = &f->targets.list[i];
        if (t->fd < 0)
            string_append(q->path[used++], q->path[0] + sizeof q->path, faults_path(f, t)->given);
    }
    if (!used && f->targets.count)
        faults_fd_path(f->targets.list[0].fd, &WORLD->objects[f->targets.list[0].object], q->path[0]);
}

static void tell_target(struct faulting *f, struct fault_question *q)
{
    const struct target *t = &f->targets.list[0];
    struct net_address peer, local;
    q->object = q->kind = q->is_sockaddr = q->local_port = 0;
    q->fd = -1;
    if (!f->targets.count || t->fd < 0 || !t->object)
        return;
    const struct object *o = &WORLD->objects[t->object];
    q->fd = t->fd;
    q->object = t->object;
    q->kind = faults_kind(o);
    q->is_sockaddr = (u32)faults_peer(f->c, t, &peer, &local);
    q->local_port = local.port;
    if (q->is_sockaddr) {
        memcpy(q->peer_ip, peer.ip, sizeof peer.ip);
        q->peer_port = peer.port;
    }
}

/* The first bytes of what it writes, or has read. Of several buffers there is no more to be had. */
static void tell_data(struct faulting *f, struct fault_question *q)
{
    struct data d;
    struct data_way w;
    struct iovec_k v;
    q->data = q->data_bytes = q->data_copied = 0;
    if (f->is_timed || !data_of_call(f->c, &d) || d.form == DATA_COUNT || (!d.is_write && !q->after_call))
        return;
    u64 moved = d.is_write ? d.total : q->result > 0 ? (u64)q->result : 0, total = data_bytes(&d, moved);
    data_start(&w, &d, moved);
    while (q->data_copied < min_u64(total, FAULT_DATA_BYTES) && data_next(&w, &v)) {
        u64 n = min_u64(v.len, FAULT_DATA_BYTES - q->data_copied);
        if (copy_in(q->bytes + q->data_copied, v.base, n))
            return;
        q->data = q->data ? q->data : v.base;
        q->data_copied += (u32)n;
    }
    q->data_bytes = d.iov_count == 1 ? total : q->data_copied;
}

int faults_ask(struct faulting *f, struct firing *g, i64 result)
{
    struct fault_question *q = &FAULTS->question;
    struct task *t = current_task();
    q->rule = g->rule;
    q->match = g->match;
    q->after_call = g->phase == PHASE_EXIT;
    q->result = result;
    q->nr = f->is_timed ? ~0u : (u32)f->c->nr;
    q->size = f->is_timed ? SIZE_NONE : faults_size(f);
    for (int i = 0; i < 6; i++)
        q->args[i] = f->is_timed ? 0 : f->c->a[i];
    tell_target(f, q);
    tell_paths(f, q);
    tell_data(f, q);
    FAULTS->states[g->rule].asked++;
    t->place = PLACE_KERNEL;
    i64 error = ask_supervisor(t, REQUEST_FAULT);
    t->place = PLACE_SHIM;
    faults_arm_new(); /* it may have made rules */
    if (error || !FAULTS->answer.act)
        return 0;
    if (f->answers == ANSWERS_MAX)
        fatal("too many functions of the fault plan act at one call; the limit is", ANSWERS_MAX);
    g->action = &f->given[f->answers];
    f->given[f->answers++] = FAULTS->answer.action;
    FAULTS->states[g->rule].decided++;
    return 1;
}
