/* procfs_net.c: /proc/PID/net/{tcp,tcp6,udp,udp6}: the sockets of the simulated network.
 *
 * The kernel's own tables are empty: it knows these sockets as idle ones. Listening sockets come
 * first, then connections, then those in TIME_WAIT.
 */
#include "inet.h"
#include "procfs.h"

#define TCP_LINE 149u
#define UDP_LINE 127u
#define TICKS_PER_SECOND 100u
#define UDP_ESTABLISHED 1u
#define UDP_CLOSE 7u
#define TIMER_TIME_WAIT 3u

#define ADDRESSES4 "  sl  local_address rem_address   "
#define ADDRESSES6 "  sl  local_address                         remote_address                        "
#define COLUMNS "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define UDP_COLUMNS " ref pointer drops"

/* ---- which inode a socket is: that of a descriptor, of whatever process ---- */
static void learn_inode(const struct proc *p, u32 fd, struct object *o)
{
    char path[64], *end = path + sizeof path;
    struct statx_k st;
    char *at = number_append(string_append(path, end, "/proc/"), end, p->pid);
    number_append(string_append(at, end, "/fd/"), end, fd);
    if (!statx_of_path(AT_FDCWD_K, path, 0, &st))
        o->inode = inode_of_statx(&st);
}

static void learn_inodes(void)
{
    struct world *w = WORLD;
    for (u32 i = 1; i <= w->used_procs; i++) {
        const struct proc *p = &w->procs[i];
        if (p->state != PROC_LIVE && p->state != PROC_STOPPED)
            continue;
        for (u32 fd = 0; fd < w->fd_tables[p->fd_table].fds_used; fd++) {
            struct object *o = &w->objects[fd_known(p, fd)];
            if (o->kind == OBJECT_INET && !o->inode)
                learn_inode(p, fd, o);
        }
    }
}

static u64 inode_of_sock(const struct sock *s)
{
    u32 inode = WORLD->objects[s->object].inode;
    return s->object && inode ? WORLD->inodes[inode].number : 0;
}

/* ---- one line ---- */
static void hex(struct text *o, u64 v, u32 digits)
{
    while (digits-- > 0)
        text_bytes(o, &"0123456789ABCDEF"[v >> (4 * digits) & 15], 1);
}

/* Words in the machine's byte order, as the kernel prints them. */
static void address(struct text *o, const struct net_address *a, int v6)
{
    for (u32 i = v6 ? 0 : 12; i < 16; i++)
        hex(o, a->ip[(i & ~3u) + 3 - (i & 3)], 2);
    text(o, ":");
    hex(o, a->port, 4);
    text(o, " ");
}

struct row {
    const struct net_address *local, *peer;
    u32 state, timer, uid;
    u64 sends, receives, ticks, inode;
};

static void write_row(struct view *v, u32 number, u32 width, int v6, const struct row *r)
{
    struct text *o = &v->out;
    text_padded(o, number, width, ' ');
    text(o, ": ");
    address(o, r->local, v6);
    address(o, r->peer, v6);
    hex(o, r->state, 2);
    text(o, " ");
    hex(o, r->sends, 8);
    text(o, ":");
    hex(o, r->receives, 8);
    text(o, " ");
    hex(o, r->timer, 2);
    text(o, ":");
    hex(o, r->ticks, 8);
    text(o, " 00000000 ");
    text_padded(o, r->uid, 5, ' ');
    text(o, "        0 ");
    text_number(o, r->inode);
}

static struct row row_of(const struct sock *s, u32 state, u64 receives)
{
    return (struct row){.local = &s->local, .peer = &s->peer_address, .state = state, .uid = s->uid,
                        .inode = inode_of_sock(s), .receives = receives};
}

/* ---- TCP ---- */
static u32 tcp_sockets(struct view *v, u32 number, u32 family, int listening)
{
    struct world *w = WORLD;
    int v6 = family == AF_INET6_K;
    for (u32 i = 1; i <= w->used_socks; i++) {
        const struct sock *s = sock_at(i);
        if (s->type != SOCK_STREAM_K || s->family != family || s->state == SOCK_CLOSED ||
            (s->state == SOCK_LISTENING) != listening || (!s->object && s->state == SOCK_WAITING))
            continue;
        struct row r = row_of(s, tcp_state(s), listening ? s->queued : s->bytes);
        r.sends = listening ? 0 : stream_unsent(s);
        write_row(v, number++, 4, v6, &r);
        text(&v->out, " 1 0000000000000000 ");
        text(&v->out, listening ? "100 0 0 10 0" : "20 4 30 10 -1");
        text_column(&v->out, v6 ? 0 : TCP_LINE);
        text(&v->out, "\n");
    }
    return number;
}

static void tcp_time_waits(struct view *v, u32 number, u32 family)
{
    struct world *w = WORLD;
    int v6 = family == AF_INET6_K;
    time_waits_expire(w);
    for (u32 i = w->host.first_time_wait; i; i = w->time_waits[i].next) {
        const struct time_wait *t = &w->time_waits[i];
        struct row r = {.local = &t->local, .peer = &t->peer, .timer = TIMER_TIME_WAIT,
                        .state = t->other ? TCP_FIN_WAIT2_K : TCP_TIME_WAIT_K};
        if (t->family != family)
            continue;
        r.ticks = (t->until_ns - w->now_ns) / (NS_PER_SECOND / TICKS_PER_SECOND);
        write_row(v, number++, 4, v6, &r);
        text(&v->out, " 1 0000000000000000");
        text_column(&v->out, v6 ? 0 : TCP_LINE);
        text(&v->out, "\n");
    }
}

static void view_tcp_of(struct view *v, u32 family)
{
    learn_inodes();
    text(&v->out, family == AF_INET6_K ? ADDRESSES6 COLUMNS : ADDRESSES4 COLUMNS);
    text_column(&v->out, family == AF_INET6_K ? 0 : TCP_LINE);
    text(&v->out, "\n");
    u32 number = tcp_sockets(v, 0, family, 1);
    tcp_time_waits(v, tcp_sockets(v, number, family, 0), family);
}

void view_tcp(struct view *v) { view_tcp_of(v, AF_INET_K); }
void view_tcp6(struct view *v) { view_tcp_of(v, AF_INET6_K); }

/* ---- UDP: what has a port ---- */
static void view_udp_of(struct view *v, u32 family)
{
    struct world *w = WORLD;
    int v6 = family == AF_INET6_K;
    learn_inodes();
    text(&v->out, v6 ? ADDRESSES6 COLUMNS UDP_COLUMNS : " " ADDRESSES4 COLUMNS UDP_COLUMNS);
    text_column(&v->out, v6 ? 0 : UDP_LINE);
    text(&v->out, "\n");
    for (u32 i = 1; i <= w->used_socks; i++) {
        const struct sock *s = sock_at(i);
        if (s->type != SOCK_DGRAM_K || s->family != family || s->port_use == PORT_NONE)
            continue;
        u32 state = s->state == SOCK_CONNECTED ? UDP_ESTABLISHED : UDP_CLOSE;
        struct row r = row_of(s, state, s->charge);
        write_row(v, s->local.port, 5, v6, &r);
        text(&v->out, " 2 0000000000000000 ");
        text_number(&v->out, s->drops);
        text_column(&v->out, v6 ? 0 : UDP_LINE);
        text(&v->out, "\n");
    }
}

void view_udp(struct view *v) { view_udp_of(v, AF_INET_K); }
void view_udp6(struct view *v) { view_udp_of(v, AF_INET6_K); }
