/* faults_match.c: which rules a call concerns.
 *
 * What a rule asks of a descriptor, a thread and a process is looked at once and kept as a set of
 * rules with each of them, until something of it changes. So a call that no rule concerns costs a
 * few words of sets.
 */
#include "arg_kind.h"
#include "core/glob.h"
#include "faults.h"
#include "inet.h"

const char *faults_text(u32 place) { return FAULTS->text + place; }

static int asks_for_target(const struct fault_rule *r)
{
    return r->paths || r->kinds || r->peers || r->locals || r->fd_from > 0 || r->fd_to != -1;
}

/* ---- descriptors ---- */
u32 faults_kind(const struct object *o)
{
    static const u8 kinds[] = {
        [OBJECT_FILE] = KIND_FILE, [OBJECT_DIR] = KIND_DIR, [OBJECT_PIPE_R] = KIND_PIPE,
        [OBJECT_PIPE_W] = KIND_PIPE, [OBJECT_PIPE_RW] = KIND_PIPE, [OBJECT_UNIX] = KIND_UNIX,
        [OBJECT_SOCKET] = KIND_SOCKET, [OBJECT_EVENTFD] = KIND_EVENTFD,
        [OBJECT_TIMERFD] = KIND_TIMERFD, [OBJECT_SIGNALFD] = KIND_SIGNALFD,
        [OBJECT_EPOLL] = KIND_EPOLL, [OBJECT_PIDFD] = KIND_PIDFD, [OBJECT_TTY] = KIND_TTY,
        [OBJECT_RANDOM] = KIND_RANDOM, [OBJECT_DEVICE] = KIND_DEVICE,
        [OBJECT_OUTSIDE] = KIND_OUTSIDE, [OBJECT_OTHER] = KIND_OTHER,
        [OBJECT_INOTIFY] = KIND_INOTIFY, [OBJECT_MQ] = KIND_MQ};
    if (o->kind == OBJECT_INET)
        return is_stream(sock_of(o)) ? KIND_TCP : KIND_UDP;
    return kinds[o->kind];
}

static u32 kind_of_mode(u32 mode)
{
    switch (mode & S_IFMT_BITS) {
    case S_IFDIR_BITS:
        return KIND_DIR;
    case S_IFIFO_BITS:
        return KIND_PIPE;
    case S_IFSOCK_BITS:
        return KIND_UNIX;
    case S_IFCHR_BITS:
    case S_IFBLK_BITS:
        return KIND_DEVICE;
    default:
        return KIND_FILE;
    }
}

/* An fsync that failed is over for all who have the file (faults_has_forgotten). */
static u64 slots_of_syncs(void)
{
    return slot_bit(__NR_fsync) | slot_bit(__NR_fdatasync);
}

static void look_at_object(struct fault_object *fo, struct object *o, i64 fd)
{
    char path[PATH_BYTES_MAX];
    u32 kind = faults_kind(o);
    struct fault_set named = fo->opened;
    memset(&fo->rules, 0, sizeof fo->rules);
    if (FAULTS->has_paths) {
        faults_fd_path(fd, o, path);
        if (path[0])
            set_join(&named, faults_rules_of_name(path));
    }
    o->fault_calls = slots_of_syncs();
    for (u32 i = 0; i < FAULTS->rules_count; i++) {
        const struct fault_rule *r = &FAULTS->rules[i];
        if ((r->kinds && !(r->kinds >> kind & 1)) || (r->paths && !set_has(&named, i)) ||
            !faults_addresses_may_match(r, o, fd))
            continue;
        set_add(&fo->rules, i);
        o->fault_calls |= FAULTS->rule_slots[i];
    }
    o->fault_epoch = FAULTS->epoch;
}

static const struct fault_set *rules_of_object(u32 object, i64 fd)
{
    struct fault_object *fo = &FAULTS->objects[object];
    if (!object)
        return &FAULTS->no_object;
    if (unlikely(WORLD->objects[object].fault_epoch != FAULTS->epoch))
        look_at_object(fo, &WORLD->objects[object], fd);
    return &fo->rules;
}

/* ---- who calls ---- */
static int process_matches(const struct fault_rule *r, const struct proc *p)
{
    u64 order = FAULTS->procs[p->index].order;
    if (order < r->process_from || order > r->process_to)
        return 0;
    if (!r->processes)
        return 1;
    const char *last = p->exe;
    for (const char *s = p->exe; *s; s++)
        last = *s == '/' ? s + 1 : last;
    const char *globs = faults_text(r->processes);
    return glob_any(globs, p->comm) || glob_any(globs, last) || glob_any(globs, p->exe) ||
           glob_any(globs, FAULTS->procs[p->index].exe);
}

static const struct fault_set *rules_of_proc(const struct proc *p)
{
    struct fault_proc *fp = &FAULTS->procs[p->index];
    if (likely(fp->epoch == FAULTS->epoch))
        return &fp->rules;
    memset(&fp->rules, 0, sizeof fp->rules);
    for (u32 i = 0; i < FAULTS->rules_count; i++)
        if (process_matches(&FAULTS->rules[i], p))
            set_add(&fp->rules, i);
    fp->epoch = FAULTS->epoch;
    return &fp->rules;
}

static const struct fault_set *rules_of_task(struct task *t)
{
    struct fault_task *ft = &FAULTS->tasks[t->index];
    if (likely(t->fault_epoch == FAULTS->epoch))
        return &ft->rules;
    ft->rules = *rules_of_proc(proc_of(t));
    t->fault_calls = 0;
    for (u32 i = 0; i < FAULTS->rules_count; i++) {
        const struct fault_rule *r = &FAULTS->rules[i];
        int is_one = ft->order >= r->thread_from && ft->order <= r->thread_to;
        if (!is_one || (r->threads && !glob_any(faults_text(r->threads), t->comm)))
            ft->rules.words[i / 64] &= ~(1ul << i % 64);
        else if (set_has(&ft->rules, i))
            t->fault_calls |= FAULTS->rule_slots[i];
    }
    t->fault_epoch = FAULTS->epoch;
    return &ft->rules;
}

int faults_task_passes(struct task *t, u32 rule)
{
    return set_has(rules_of_task(t), rule);
}

/* ---- the call ---- */
static void add_target(struct trap *c, struct targets *to, i64 fd, u32 path, i64 dirfd)
{
    if (to->count == TARGETS_MAX)
        return;
    struct target *t = &to->list[to->count++];
    t->fd = fd;
    t->path = path;
    t->dirfd = dirfd;
    t->object = fd >= 0 ? fd_object(c->p, fd) : 0;
}

/* A path that is empty stands for the descriptor that it starts from. */
static int add_path(struct trap *c, struct targets *to, int arg, u32 path)
{
    int has_dir = arg && syscall_rows[c->nr].kinds[arg - 1] == ARG_DIRFD;
    i64 dirfd = has_dir ? (i32)c->a[arg - 1] : -100 /* AT_FDCWD */;
    int is_path = c->path[path] && c->path[path][0];
    if (is_path)
        add_target(c, to, -1, path, dirfd);
    else if (has_dir && dirfd >= 0)
        add_target(c, to, dirfd, 0, 0);
    return is_path;
}

/* Calls that may have another socket's name in them, or a new one. */
static int names_socket(u64 nr)
{
    return nr == __NR_connect || nr == __NR_bind || nr == __NR_sendto || nr == __NR_sendmsg;
}

static int is_unix(u32 object)
{
    return WORLD->objects[object].kind == OBJECT_UNIX;
}

/* Whether there are paths among them. */
static int find_targets(struct trap *c, struct targets *to)
{
    const struct syscall_row *row = &syscall_rows[c->nr];
    int has_paths = 0;
    i64 dirfd;
    u32 paths = 0;
    for (int i = 0; i < row->args; i++) {
        if (row->kinds[i] == ARG_FD && (i32)c->a[i] >= 0)
            add_target(c, to, (i32)c->a[i], 0, 0);
        else if (row->strings && arg_kinds[row->kinds[i]].how == HOW_STRING && paths < 2)
            has_paths |= add_path(c, to, i, paths++);
    }
    if (names_socket(c->nr) && to->count && is_unix(to->list[0].object) && faults_take_address(c, &dirfd)) {
        add_target(c, to, -1, 0, dirfd);
        has_paths = 1;
    }
    return has_paths;
}

static int may_concern_fd(const struct trap *c, i64 fd, u64 bit)
{
    u32 object = fd >= 0 ? fd_known(c->p, fd) : 0;
    const struct object *o = &WORLD->objects[object];
    if (!object || (is_unix(object) && names_socket(c->nr)))
        return 1;
    return o->fault_epoch != FAULTS->epoch || (o->fault_calls & bit) != 0;
}

static int may_concern_path(const struct trap *c, const struct syscall_row *row, u64 bit)
{
    const char *path = c->path[0];
    int arg = row->kinds[0] == ARG_DIRFD;
    i64 dirfd = arg ? (i32)c->a[0] : AT_FDCWD_VALUE;
    if (!path || row->kinds[arg] != ARG_PATH)
        return 1;
    if (!path[0])
        return may_concern_fd(c, dirfd, bit);
    if (FAULTS->other_slots & bit)
        return 1;
    const struct fault_name *n = faults_plain_name(c, path, dirfd);
    return !n || (n->calls & bit);
}

/* By the bits that the task keeps, and the object or the name. */
int faults_may_concern(const struct trap *c)
{
    const struct syscall_row *row = &syscall_rows[c->nr];
    u64 bit = slot_bit(c->nr);
    if (c->t->fault_epoch != FAULTS->epoch)
        return 1;
    if (!(c->t->fault_calls & bit))
        return 0;
    if (row->strings == 1 && !row->fds)
        return may_concern_path(c, row, bit);
    if (row->kinds[0] != ARG_FD || row->fds != 1 || row->strings)
        return 1;
    return may_concern_fd(c, (i32)c->a[0], bit);
}

/* Of rules that select by path: out with those that take none of the names. */
static void drop_other_paths(struct trap *c, const struct targets *targets, struct fault_set *from)
{
    struct fault_set taken = {{0}};
    for (u32 i = 0; i < targets->count; i++) {
        const struct target *t = &targets->list[i];
        const struct fault_set *more = t->fd >= 0 ? rules_of_object(t->object, t->fd) : faults_rules_of_plain(c, t);
        if (!more)
            return;
        set_join(&taken, more);
    }
    for (u32 i = 0; i < FAULT_WORDS; i++)
        from->words[i] &= ~FAULTS->path_rules.words[i] | taken.words[i];
}

static int is_empty(const struct fault_set *s)
{
    u64 any = 0;
    for (u32 i = 0; i < FAULT_WORDS; i++)
        any |= s->words[i];
    return !any;
}

int faults_candidates(struct trap *c, struct targets *targets, struct fault_set *to)
{
    const struct fault_set *named = &FAULTS->call_rules[c->nr];
    const struct fault_set *whose = rules_of_task(c->t);
    targets->count = 0;
    for (u32 i = 0; i < FAULT_WORDS; i++) {
        to->words[i] = named->words[i] & whose->words[i];
        if (c->is_part) /* strace sees the whole only */
            to->words[i] &= ~FAULTS->strace_rules.words[i];
    }
    if (is_empty(to))
        return 0;
    if (find_targets(c, targets)) {
        drop_other_paths(c, targets, to);
        return !is_empty(to);
    }
    const struct fault_set *first = &FAULTS->no_object, *second = first;
    if (targets->count)
        first = second = rules_of_object(targets->list[0].object, targets->list[0].fd);
    if (targets->count > 1)
        second = rules_of_object(targets->list[1].object, targets->list[1].fd);
    for (u32 i = 0; i < FAULT_WORDS; i++)
        to->words[i] &= first->words[i] | second->words[i];
    return !is_empty(to);
}

/* ---- one rule, exactly ---- */
static int path_matches(struct faulting *f, u32 rule, const struct target *t)
{
    const struct fault_rule *r = &FAULTS->rules[rule];
    if (r->peers || r->locals || r->fd_from > 0 || r->fd_to != -1)
        return 0;
    const struct path_names *names = faults_path(f, t);
    return (!r->kinds || (r->kinds >> kind_of_mode(names->mode) & 1)) &&
           (!r->paths || set_has(&names->rules, rule));
}

static int target_matches(struct faulting *f, u32 rule, const struct target *t)
{
    const struct fault_rule *r = &FAULTS->rules[rule];
    if (t->fd < 0)
        return path_matches(f, rule, t);
    return t->object && t->fd >= r->fd_from && (r->fd_to < 0 || t->fd <= r->fd_to) &&
           set_has(rules_of_object(t->object, t->fd), rule) &&
           faults_addresses_match(f->c, r, t);
}

static int size_matches(struct faulting *f, const struct fault_rule *r)
{
    if (!r->size_from && r->size_to == FAULT_NO_END)
        return 1;
    u64 size = faults_size(f);
    return size != SIZE_NONE && size >= r->size_from && size <= r->size_to;
}

/* Open from when the first mark was first written until the second is, after it. */
static int marks_are_open(const struct fault_rule *r)
{
    const struct fault_mark *from = &FAULTS->marks[r->from_mark], *to = &FAULTS->marks[r->to_mark];
    if (r->from_mark && !from->seen)
        return 0;
    return !r->to_mark || !to->seen || (r->from_mark && to->last_at < from->first_at);
}

int faults_window_is_open(const struct fault_rule *r)
{
    u64 since = WORLD->now_ns - WORLD->config.boot_ns;
    return since >= r->not_before_ns && since < r->not_after_ns && marks_are_open(r);
}

int faults_matches(struct faulting *f, u32 rule)
{
    const struct fault_rule *r = &FAULTS->rules[rule];
    if (!faults_window_is_open(r) || !size_matches(f, r))
        return 0;
    if (!asks_for_target(r))
        return 1;
    for (u32 i = 0; i < f->targets.count; i++)
        if (target_matches(f, rule, &f->targets.list[i]))
            return 1;
    return 0;
}

/* ---- tables: what is made anew ---- */
void faults_task_made(const struct proc *p, struct task *t)
{
    struct fault_task *ft = &FAULTS->tasks[t->index];
    memset(ft, 0, sizeof *ft);
    t->fault_epoch = 0;
    ft->order = ++FAULTS->procs[p->index].threads_made;
}

void faults_proc_made(const struct proc *p)
{
    struct fault_proc *fp = &FAULTS->procs[p->index];
    memset(fp, 0, sizeof *fp);
    fp->order = ++FAULTS->processes_made;
}

void faults_object_made(u32 object)
{
    memset(&FAULTS->objects[object], 0, sizeof(struct fault_object));
}

void faults_object_changed(u32 object)
{
    WORLD->objects[object].fault_epoch = 0;
}

/* The caller has become another program. */
void faults_program_began(const struct proc *p)
{
    struct fault_proc *fp = &FAULTS->procs[p->index];
    i64 n = raw(__NR_readlink, "/proc/self/exe", fp->exe, sizeof fp->exe - 1);
    fp->exe[n > 0 ? n : 0] = 0;
    faults_proc_renamed(p);
}

/* Of any file that is open: a directory's new name is one of all that lies below. */
void faults_names_changed(void)
{
    if (!FAULTS->has_paths)
        return;
    FAULTS->epoch++;
    faults_link_made();
    faults_directory_changed();
}

void faults_proc_renamed(const struct proc *p)
{
    FAULTS->procs[p->index].epoch = 0;
    for (u32 i = p->first_task; i; i = task_at(i)->next_in_proc)
        task_at(i)->fault_epoch = 0;
}
