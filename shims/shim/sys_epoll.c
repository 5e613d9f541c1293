/* sys_epoll.c: epoll, emulated whole. A real, empty epoll stands for the descriptor.
 *
 * An item hangs on the channel of what it watches. A change there puts it at the end of its epoll's
 * ready list, where it stays until somebody asks and it is found not ready; level-triggered ones go
 * to the end again when they were told, so that all have their turn. As in Linux, an item belongs to
 * an open file, not to a descriptor: it lives until the last descriptor of that file is closed.
 */
#include "channel.h"
#include "files.h"

#define EPOLL_CTL_ADD_OP 1
#define EPOLL_CTL_DEL_OP 2
#define EPOLL_CTL_MOD_OP 3
#define EPOLLEXCLUSIVE_BIT (1u << 28)
#define EPOLLWAKEUP_BIT (1u << 29)
#define EPOLLONESHOT_BIT (1u << 30)
#define EPOLLET_BIT (1u << 31)
#define EPOLL_PRIVATE_BITS (EPOLLEXCLUSIVE_BIT | EPOLLWAKEUP_BIT | EPOLLONESHOT_BIT | EPOLLET_BIT)
#define EPOLL_EXCLUSIVE_OK \
    (POLLIN_BIT | POLLOUT_BIT | POLL_ALWAYS | EPOLLWAKEUP_BIT | EPOLLET_BIT | EPOLLEXCLUSIVE_BIT)
#define EPOLL_NESTS_MAX 4
#define EPOLL_EVENTS_MAX (0x7fffffff / 12)
#define OUTSIDE_ASKED_MAX 64u

struct epoll_event_k {
    u32 events;
    u64 data;
} __attribute__((packed));

static struct epoll_item *item_at(u32 item) { return &WORLD->epoll_items[item]; }
static struct epoll *epoll_of(const struct object *o) { return &WORLD->epolls[o->part]; }
static struct object *epoll_object(const struct epoll_item *it) { return &WORLD->objects[it->epoll]; }

/* ---- the ready list ---- */
static void ready_add(struct epoll *ep, u32 item)
{
    struct epoll_item *it = item_at(item);
    it->is_ready = 1;
    it->next_ready = 0;
    it->prev_ready = ep->last_ready;
    if (ep->last_ready)
        item_at(ep->last_ready)->next_ready = item;
    else
        ep->first_ready = item;
    ep->last_ready = item;
    ep->ready++;
}

static void ready_remove(struct epoll *ep, u32 item)
{
    struct epoll_item *it = item_at(item);
    if (!it->is_ready)
        return;
    if (it->prev_ready)
        item_at(it->prev_ready)->next_ready = it->next_ready;
    else
        ep->first_ready = it->next_ready;
    if (it->next_ready)
        item_at(it->next_ready)->prev_ready = it->prev_ready;
    else
        ep->last_ready = it->prev_ready;
    it->is_ready = 0;
    ep->ready--;
}

static u32 wanted(const struct epoll_item *it)
{
    return it->events & ~EPOLL_PRIVATE_BITS;
}

static void tell_item(u32 item)
{
    struct epoll_item *it = item_at(item);
    struct object *o = epoll_object(it);
    if (!it->is_ready)
        ready_add(epoll_of(o), item);
    channel_wake(o->channel, SIDE_READ);
}

void epoll_tell(u32 channel, u32 events)
{
    for (u32 i = WORLD->channels[channel].first_item; i; i = item_at(i)->next_of_channel)
        if (wanted(item_at(i)) & events)
            tell_item(i);
}

int epoll_wants(u32 channel, u32 events)
{
    for (u32 i = WORLD->channels[channel].first_item; i; i = item_at(i)->next_of_channel)
        if (wanted(item_at(i)) & events)
            return 1;
    return 0;
}

/* ---- items ---- */
static void item_link(u32 item)
{
    struct epoll_item *it = item_at(item);
    struct channel *ch = &WORLD->channels[it->channel];
    struct epoll *ep = epoll_of(epoll_object(it));
    ch->refs++;
    it->next_of_channel = ch->first_item;
    if (ch->first_item)
        item_at(ch->first_item)->prev_of_channel = item;
    ch->first_item = item;
    it->next_of_epoll = ep->first_item;
    if (ep->first_item)
        item_at(ep->first_item)->prev_of_epoll = item;
    ep->first_item = item;
    ep->outside += (u32)is_outside(&WORLD->objects[it->object]);
}

static void item_free(u32 item)
{
    struct world *w = WORLD;
    struct epoll_item *it = item_at(item);
    struct epoll *ep = epoll_of(epoll_object(it));
    ready_remove(ep, item);
    ep->outside -= (u32)is_outside(&w->objects[it->object]);
    if (it->prev_of_channel)
        item_at(it->prev_of_channel)->next_of_channel = it->next_of_channel;
    else
        w->channels[it->channel].first_item = it->next_of_channel;
    if (it->next_of_channel)
        item_at(it->next_of_channel)->prev_of_channel = it->prev_of_channel;
    if (it->prev_of_epoll)
        item_at(it->prev_of_epoll)->next_of_epoll = it->next_of_epoll;
    else
        ep->first_item = it->next_of_epoll;
    if (it->next_of_epoll)
        item_at(it->next_of_epoll)->prev_of_epoll = it->prev_of_epoll;
    channel_unref(it->channel);
    it->next_of_epoll = w->free_epoll_item;
    w->free_epoll_item = item;
}

static u32 item_find(u32 epoll, u32 object, i32 fd)
{
    struct world *w = WORLD;
    u32 channel = w->objects[object].channel;
    for (u32 i = channel ? w->channels[channel].first_item : 0; i; i = item_at(i)->next_of_channel)
        if (item_at(i)->epoll == epoll && item_at(i)->object == object && item_at(i)->fd == fd)
            return i;
    return 0;
}

void epoll_drop(struct object *o)
{
    struct world *w = WORLD;
    struct epoll *ep = epoll_of(o);
    while (ep->first_item)
        item_free(ep->first_item);
    ep->first_item = w->free_epoll;
    w->free_epoll = o->part;
}

void epoll_forget(u32 object)
{
    struct world *w = WORLD;
    u32 channel = w->objects[object].channel, next;
    for (u32 i = channel ? w->channels[channel].first_item : 0; i; i = next) {
        next = item_at(i)->next_of_channel;
        if (item_at(i)->object == object)
            item_free(i);
    }
}

void epoll_now_outside(u32 object)
{
    u32 channel = WORLD->objects[object].channel;
    for (u32 i = WORLD->channels[channel].first_item; i; i = item_at(i)->next_of_channel)
        if (item_at(i)->object == object)
            epoll_of(epoll_object(item_at(i)))->outside++;
}

/* ---- asking ---- */
/* What an item would be told with, now. */
static u32 item_events(struct task *t, const struct epoll_item *it)
{
    if (!wanted(it))
        return 0; /* one-shot, and told */
    struct object *o = &WORLD->objects[it->object];
    return object_ready(t, fd_of_object(proc_of(t), it->object, it->fd), o, wanted(it));
}

/* Readiness of the epoll itself: that of some item. Those that turn out not to be leave the list. */
u32 epoll_ready(struct task *t, struct object *o)
{
    struct epoll *ep = epoll_of(o);
    for (u32 i = ep->first_ready, next; i; i = next) {
        next = item_at(i)->next_ready;
        u32 events = item_events(t, item_at(i));
        if (events == NOT_KNOWN)
            continue; /* another process may know */
        if (events)
            return POLLIN_BIT | POLLRDNORM_BIT;
        ready_remove(ep, i);
    }
    return 0;
}

/* Up to `most` events; level-triggered ones go to the end of the list. */
static i64 collect(struct task *t, struct object *o, u64 user, u64 most)
{
    struct epoll *ep = epoll_of(o);
    u64 told = 0;
    u32 not_known = 0;
    for (u32 left = ep->ready; left && told < most; left--) {
        u32 item = ep->first_ready;
        struct epoll_item *it = item_at(item);
        struct epoll_event_k event = {item_events(t, it), it->data};
        ready_remove(ep, item);
        if (event.events == NOT_KNOWN) { /* another process may know */
            ready_add(ep, item);
            not_known++;
            continue;
        }
        if (!event.events)
            continue;
        if (copy_out(user + told * sizeof event, &event, sizeof event)) {
            ready_add(ep, item);
            return told ? (i64)told : -EFAULT;
        }
        told++;
        if (it->events & EPOLLONESHOT_BIT)
            it->events &= EPOLL_PRIVATE_BITS;
        else if (!(it->events & EPOLLET_BIT))
            ready_add(ep, item);
    }
    if (ep->ready > not_known)
        channel_wake_one(o->channel);
    return (i64)told;
}

/* Members whose changes have no wake-up are looked at each time: those that are ready join the list. */
static void look_outside(struct task *t, struct epoll *ep, i64 timeout_ms)
{
    struct pollfd_k polls[OUTSIDE_ASKED_MAX];
    u32 items[OUTSIDE_ASKED_MAX], n = 0;
    for (u32 i = ep->first_item; i && n < OUTSIDE_ASKED_MAX; i = item_at(i)->next_of_epoll) {
        const struct epoll_item *it = item_at(i);
        i64 fd = is_outside(&WORLD->objects[it->object]) ? fd_of_object(proc_of(t), it->object, it->fd) : -1;
        if (fd < 0 || it->is_ready)
            continue;
        items[n] = i;
        polls[n++] = (struct pollfd_k){.fd = (i32)fd, .events = (i16)wanted(it)};
    }
    poll_outside(t, polls, n, ep->ready ? 0 : timeout_ms);
    for (u32 i = 0; i < n; i++)
        if (polls[i].revents & (i16)(wanted(item_at(items[i])) | POLL_ALWAYS))
            ready_add(ep, items[i]);
}

static i64 epoll_until(struct trap *c, u64 deadline_ns)
{
    struct task *t = c->t;
    u32 index = fd_object(c->p, (i32)c->a[0]);
    struct object *o = &WORLD->objects[index];
    i64 most = (i32)c->a[2], timeout_ms = 0;
    if (most <= 0 || most > EPOLL_EVENTS_MAX)
        return -EINVAL;
    if (!index)
        return -EBADF;
    if (o->kind != OBJECT_EPOLL)
        return -EINVAL;
    for (;;) {
        if (epoll_of(o)->outside)
            look_outside(t, epoll_of(o), timeout_ms);
        i64 n = collect(t, o, c->a[1], (u64)most);
        if (n || is_over(t, deadline_ns))
            return n;
        if (signal_waits(t))
            return -EINTR;
        if (!t->first_hold)
            hold(t, index, -1);
        wait_on_channel(t, o->channel, SIDE_EXCLUSIVE);
        timeout_ms = park_for_events(t, epoll_of(o)->outside != 0, deadline_ns);
        if (t->wake_result == WAKE_SIGNAL)
            return -EINTR;
    }
}

static u64 deadline_of_ms(i64 ms)
{
    return ms < 0 ? ~0ul : ms == 0 ? 0 : deadline_after(1, (u64)ms * 1000000);
}

static i64 with_mask(struct trap *c, u64 deadline_ns)
{
    u64 set;
    if (c->a[4]) {
        if (c->a[5] != 8)
            return -EINVAL;
        if (copy_in(&set, c->a[4], sizeof set))
            return -EFAULT;
        mask_for_wait(c->t, set);
    }
    return epoll_until(c, deadline_ns);
}

i64 sys_epoll_wait(struct trap *c)
{
    return epoll_until(c, deadline_of_ms((i32)c->a[3]));
}

i64 sys_epoll_pwait(struct trap *c)
{
    return with_mask(c, deadline_of_ms((i32)c->a[3]));
}

i64 sys_epoll_pwait2(struct trap *c)
{
    u64 ns, deadline_ns = ~0ul;
    if (c->a[3]) {
        i64 error = timespec_in(c->a[3], &ns);
        if (error)
            return error;
        deadline_ns = ns ? deadline_after(1, ns) : 0;
    }
    return with_mask(c, deadline_ns);
}

/* ---- making and changing ---- */
static i64 create(struct trap *c, u64 flags)
{
    i64 fd = raw(__NR_epoll_create1, flags);
    if (fd < 0)
        return fd;
    u32 index = object_alloc(OBJECT_EPOLL);
    WORLD->objects[index].part = epoll_alloc();
    WORLD->objects[index].channel = channel_alloc();
    fd_install(c->p, fd, index, (flags & O_CLOEXEC_FLAG) != 0);
    return fd;
}

i64 sys_epoll_create(struct trap *c) { return (i32)c->a[0] > 0 ? create(c, 0) : -EINVAL; }
i64 sys_epoll_create1(struct trap *c) { return create(c, (u32)c->a[0]); }

/* How deep epolls are nested below this one; more than the limit: too deep, or `outer` is in there. */
static int depth_below(const struct object *o, u32 outer, int deep)
{
    int most = 0;
    if (deep > EPOLL_NESTS_MAX)
        return deep;
    for (u32 i = epoll_of(o)->first_item; i; i = item_at(i)->next_of_epoll) {
        const struct object *inner = &WORLD->objects[item_at(i)->object];
        if (inner->kind != OBJECT_EPOLL)
            continue;
        int d = item_at(i)->object == outer ? EPOLL_NESTS_MAX : 1 + depth_below(inner, outer, deep + 1);
        most = d > most ? d : most;
    }
    return most;
}

/* How many epolls there are above this one. */
static int depth_above(u32 epoll, int deep)
{
    int most = 0;
    u32 channel = WORLD->objects[epoll].channel;
    u32 first = deep > EPOLL_NESTS_MAX ? 0 : WORLD->channels[channel].first_item;
    for (u32 i = first; i; i = item_at(i)->next_of_channel) {
        int d = item_at(i)->object == epoll ? 1 + depth_above(item_at(i)->epoll, deep + 1) : 0;
        most = d > most ? d : most;
    }
    return most;
}

/* Regular files and the like cannot be watched: the kernel knows, by its own epoll. */
static int can_be_watched(i64 epfd, i64 fd, const struct object *o)
{
    struct epoll_event_k none = {0, 0};
    if (o->kind == OBJECT_FILE || o->kind == OBJECT_DIR)
        return 0;
    if (!is_outside(o))
        return 1;
    if (raw(__NR_epoll_ctl, epfd, EPOLL_CTL_ADD_OP, fd, &none) == -EPERM)
        return 0;
    raw(__NR_epoll_ctl, epfd, EPOLL_CTL_DEL_OP, fd, &none);
    return 1;
}

/* Ready already? Then that is news. */
static void item_armed(struct task *t, u32 item)
{
    u32 events = item_events(t, item_at(item));
    if (events && events != NOT_KNOWN)
        tell_item(item);
}

static i64 item_add(struct trap *c, u32 epoll, u32 object, const struct epoll_event_k *event)
{
    struct world *w = WORLD;
    struct object *o = &w->objects[object];
    if (o->kind == OBJECT_EPOLL &&
        depth_above(epoll, 1) + 1 + depth_below(o, epoll, 1) > EPOLL_NESTS_MAX)
        return -ELOOP;
    if (!o->channel)
        o->channel = channel_alloc(); /* nobody wakes it, but items hang on it */
    u32 item = epoll_item_alloc();
    *item_at(item) = (struct epoll_item){.epoll = epoll, .object = object, .fd = (i32)c->a[2],
                                         .channel = o->channel,
                                         .events = event->events | POLL_ALWAYS, .data = event->data};
    item_link(item);
    item_armed(c->t, item);
    return 0;
}

static i64 item_change(struct trap *c, u32 item, const struct epoll_event_k *event)
{
    struct epoll_item *it = item_at(item);
    if (it->events & EPOLLEXCLUSIVE_BIT)
        return -EINVAL;
    it->events = event->events | POLL_ALWAYS;
    it->data = event->data;
    item_armed(c->t, item);
    return 0;
}

/* The kernel's checks in the kernel's order. */
static i64 check(const struct trap *c, u32 epoll, u32 object, const struct epoll_event_k *event)
{
    const struct object *e = &WORLD->objects[epoll], *o = &WORLD->objects[object];
    if (!epoll || !object || e->path_only || o->path_only)
        return -EBADF;
    if (!can_be_watched((i32)c->a[0], (i32)c->a[2], o))
        return -EPERM;
    if (e->kind != OBJECT_EPOLL || epoll == object)
        return -EINVAL;
    if (c->a[1] == EPOLL_CTL_DEL_OP || !(event->events & EPOLLEXCLUSIVE_BIT))
        return 0;
    int plain = o->kind != OBJECT_EPOLL && !(event->events & ~EPOLL_EXCLUSIVE_OK);
    return c->a[1] == EPOLL_CTL_ADD_OP && plain ? 0 : -EINVAL;
}

i64 sys_epoll_ctl(struct trap *c)
{
    struct epoll_event_k event = {0, 0};
    u32 op = (u32)c->a[1];
    if (op != EPOLL_CTL_DEL_OP && copy_in(&event, c->a[3], sizeof event))
        return -EFAULT;
    u32 epoll = fd_object(c->p, (i32)c->a[0]), object = fd_object(c->p, (i32)c->a[2]);
    i64 error = check(c, epoll, object, &event);
    if (error)
        return error;
    u32 item = item_find(epoll, object, (i32)c->a[2]);
    switch (op) {
    case EPOLL_CTL_ADD_OP:
        return item ? -EEXIST : item_add(c, epoll, object, &event);
    case EPOLL_CTL_MOD_OP:
        return item ? item_change(c, item, &event) : -ENOENT;
    case EPOLL_CTL_DEL_OP:
        if (!item)
            return -ENOENT;
        item_free(item);
        return 0;
    default:
        return -EINVAL;
    }
}
