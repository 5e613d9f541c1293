/* procfs_process.c: /proc/PID/... of the simulation's processes.
 *
 * Memory figures are the sizes of mappings: what is resident follows the page cache. All writable
 * private memory counts as resident. The shim's own mappings are in no figure and in no list.
 */
#include "procfs.h"
#include "urgency.h"

#define TICK_NS 10000000ul
#define MAP_NAME_COLUMN 73u
#define MOUNTS_MAX 256u
#define ROLLUP_LINE                                                                        \
    "555555554000-7ffffffff000 ---p 00000000 00:00 0                          [rollup]\n"
#define FIRST_MOUNT 20u
#define O_NONBLOCK_OCTAL 04000ul

/* ---- mappings ---- */
struct mapping {
    u64 start, end, offset, dev, ino;
    char perms[8];
    const char *name;
};

static void parse_mapping(struct mapping *m, const char *at)
{
    u64 n;
    m->start = scan_number(&at, 16);
    at += *at == '-';
    m->end = scan_number(&at, 16);
    scan_spaces(&at);
    n = min_u64(word_length(at), sizeof m->perms - 1);
    memcpy(m->perms, at, n);
    m->perms[n] = 0;
    at = word_skip(at);
    m->offset = scan_number(&at, 16);
    scan_spaces(&at);
    u32 major = (u32)scan_number(&at, 16);
    at += *at == ':';
    m->dev = dev_make(major, (u32)scan_number(&at, 16));
    scan_spaces(&at);
    m->ino = scan_number(&at, 10);
    scan_spaces(&at);
    m->name = at;
}

static int is_ours(u64 address) { return address >= OURS_START && address < OURS_END; }

/* As seq_file writes it: the name, if any, begins at a fixed column. */
static void write_mapping(struct text *o, const struct mapping *m)
{
    u64 dev = m->ino ? dev_virtual(m->dev) : 0;
    text_hex(o, m->start, 8);
    text(o, "-");
    text_hex(o, m->end, 8);
    text(o, " ");
    text(o, m->perms);
    text(o, " ");
    text_hex(o, m->offset, 8);
    text(o, " ");
    text_hex(o, dev >> 8 & 0xfff, 2);
    text(o, ":");
    text_hex(o, (dev & 0xff) | (dev >> 12 & 0xfff00), 2);
    text(o, " ");
    text_number(o, m->ino ? inode_number(m->dev, m->ino) : 0);
    text(o, " ");
    if (*m->name) {
        text_column(o, MAP_NAME_COLUMN);
        text(o, m->name);
    }
    text(o, "\n");
}

static void view_maps(struct view *v)
{
    struct lines l;
    struct mapping m;
    char line[PATH_BYTES_MAX + 128];
    lines_start(&l, v->real);
    while (line_next(&l, line, sizeof line)) {
        parse_mapping(&m, line);
        if (!is_ours(m.start))
            write_mapping(&v->out, &m);
    }
}

/* "Rss:    8 kB" and its kin: all of a private writable mapping counts, nothing of any other. */
static void write_smaps_line(struct text *o, const char *line, u64 resident_kb)
{
    static const char *const kept[] = {"Size:", "KernelPageSize:", "MMUPageSize:",
                                       "THPeligible:", "VmFlags:"};
    static const char *const counted[] = {"Rss:",           "Pss:",        "Pss_Dirty:",
                                          "Private_Dirty:", "Pss_Anon:",   "Referenced:",
                                          "Anonymous:"};
    u64 kb = 0, name = word_length(line);
    for (u64 i = 0; i < sizeof kept / sizeof *kept; i++)
        if (string_starts(line, kept[i])) {
            text(o, line);
            text(o, "\n");
            return;
        }
    for (u64 i = 0; i < sizeof counted / sizeof *counted; i++)
        if (string_starts(line, counted[i]))
            kb = resident_kb;
    text_bytes(o, line, name);
    text_column(o, 16);
    text_padded(o, kb, 8, ' ');
    text(o, " kB\n");
}

static int is_mapping_line(const char *line)
{
    const char *at = line;
    scan_number(&at, 16);
    return at > line && *at == '-';
}

static u64 resident_kb(const struct mapping *m)
{
    return m->perms[1] == 'w' && m->perms[3] == 'p' ? (m->end - m->start) / 1024 : 0;
}

static void view_smaps(struct view *v)
{
    struct lines l;
    struct mapping m = {0};
    char line[PATH_BYTES_MAX + 128];
    lines_start(&l, v->real);
    while (line_next(&l, line, sizeof line)) {
        if (is_mapping_line(line)) {
            parse_mapping(&m, line);
            if (!is_ours(m.start))
                write_mapping(&v->out, &m);
        } else if (!is_ours(m.start)) {
            write_smaps_line(&v->out, line, resident_kb(&m));
        }
    }
}

/* ---- sums of memory ---- */
struct memory { /* kB */
    u64 total, data, stack, exe, lib, resident;
};

static void add_mapping(struct memory *sum, const struct mapping *m)
{
    u64 kb = (m->end - m->start) / 1024;
    if (is_ours(m->start) || string_equal(m->name, "[vsyscall]"))
        return;
    sum->total += kb;
    sum->resident += resident_kb(m);
    if (string_equal(m->name, "[stack]"))
        sum->stack += kb;
    else if (m->perms[1] == 'w' && m->perms[3] == 'p')
        sum->data += kb;
    else if (m->perms[2] == 'x' && !sum->exe)
        sum->exe = kb; /* the lowest is the program's own */
    else if (m->perms[2] == 'x')
        sum->lib += kb;
}

static struct memory memory_of(const struct view *v)
{
    struct memory sum = {0};
    struct lines l;
    struct mapping m;
    char path[48], line[PATH_BYTES_MAX + 128], *end = path + sizeof path;
    string_append(number_append(string_append(path, end, "/proc/"), end, v->pid), end, "/maps");
    i64 fd = raw(__NR_openat, AT_FDCWD_K, path, O_RDONLY_FLAG | O_CLOEXEC_FLAG);
    if (fd < 0)
        return sum;
    lines_start(&l, fd);
    while (line_next(&l, line, sizeof line)) {
        parse_mapping(&m, line);
        add_mapping(&sum, &m);
    }
    raw(__NR_close, fd);
    return sum;
}

static void view_smaps_rollup(struct view *v)
{
    struct lines l;
    char line[256];
    u64 kb = memory_of(v).resident;
    lines_start(&l, v->real);
    for (int first = 1; line_next(&l, line, sizeof line); first = 0) {
        if (first)
            text(&v->out, ROLLUP_LINE);
        else
            write_smaps_line(&v->out, line, kb);
    }
}

/* "ADDRESS policy key=value ...": how many pages lie where is left out. */
static void view_numa_maps(struct view *v)
{
    struct lines l;
    char line[PATH_BYTES_MAX + 256];
    lines_start(&l, v->real);
    while (line_next(&l, line, sizeof line)) {
        const char *at = line;
        if (is_ours(scan_number(&at, 16)))
            continue;
        text_bytes(&v->out, line, (u64)(at - line));
        text(&v->out, " default");
        for (at = word_skip(word_skip(line)); *at; at = word_skip(at))
            if (string_starts(at, "file=") || string_starts(at, "heap") ||
                string_starts(at, "stack")) {
                text(&v->out, " ");
                text_bytes(&v->out, at, word_length(at));
            }
        text(&v->out, "\n");
    }
}

static void view_statm(struct view *v)
{
    struct memory m = memory_of(v);
    u64 values[7] = {m.total / 4, (m.resident + m.exe) / 4,  m.exe / 4, m.exe / 4, 0,
                     (m.data + m.stack) / 4, 0};
    for (int i = 0; i < 7; i++) {
        text(&v->out, i ? " " : "");
        text_number(&v->out, values[i]);
    }
    text(&v->out, "\n");
}

/* ---- the process itself ---- */
static char state_of(const struct view *v)
{
    if (v->p->state == PROC_ZOMBIE)
        return 'Z';
    if (v->t && (v->t->trace_flags & TRACEE_STOPPED))
        return 't';
    if (v->p->state == PROC_STOPPED)
        return 'T';
    return v->t && (v->t->state == TASK_RUNNING || v->t->state == TASK_READY) ? 'R' : 'S';
}

static u64 parent_pid(const struct view *v)
{
    struct world *w = WORLD;
    if (v->p->parent)
        return w->procs[v->p->parent].pid;
    if (w->config.flags & CONFIG_PID_NS)
        return 1;
    return v->p == v->c->p ? (u64)raw(__NR_getppid) : 1;
}

/* Bits of actions that are `handler`; with 0, of all that have one of the program's own. */
static u64 actions_mask(const struct proc *p, u64 handler)
{
    u64 mask = 0;
    for (int i = 1; i <= 64; i++) {
        u64 h = p->actions[i].handler;
        if (handler ? h == handler : h > HANDLER_IGNORE)
            mask |= SIG_BIT(i);
    }
    return mask;
}

/* Words of the kernel's line behind the name; word n is field n + 3 of proc(5). */
static u64 stat_word(const char *words, u32 field)
{
    for (u32 i = 3; i < field; i++)
        words = word_skip(words);
    return scan_number(&words, 10);
}

/* Of a zombie nobody knows any more. */
static const struct urgency *urgency_of(const struct view *v)
{
    return &WORLD->tasks[v->t ? v->t->index : v->p->first_task].urgency;
}

/* The kernel's number: higher is lower; negative for the real-time policies. */
static i32 stat_priority(const struct urgency *u)
{
    if (u->policy == POLICY_DEADLINE)
        return -101;
    return u->priority ? -1 - (i32)u->priority : 20 + u->nice;
}

static u64 stat_field(const struct view *v, u32 field, const struct memory *m, const char *words)
{
    const struct proc *p = v->p;
    u64 low = 0x7fffffff; /* signals above 31 are in status only */
    switch (field) {
    case 4:
        return parent_pid(v);
    case 5:
        return p->pgid;
    case 6:
        return p->sid;
    case 7:
        return p->tty ? dev_make(PTS_MAJOR, WORLD->tty.ttys[p->tty].number - 1) : 0;
    case 8:
        return WORLD->tty.ttys[p->tty].group;
    case 9:
        return 4194304;
    case 14:
        return p->cpu_ns / TICK_NS;
    case 16:
        return p->children_cpu_ns / TICK_NS;
    case 20:
        return p->tasks_live;
    case 22:
        return p->start_ns / TICK_NS;
    case 23:
        return m->total * 1024;
    case 24:
        return (m->resident + m->exe) / 4;
    case 25:
        return ~0ul;
    case 31:
        return v->t ? v->t->sig_pending & low : 0;
    case 32:
        return v->t ? v->t->sigmask & low : 0;
    case 33:
        return actions_mask(p, HANDLER_IGNORE) & low;
    case 34:
        return actions_mask(p, 0) & low;
    case 38:
        return p->exit_signal;
    case 39:
        return v->t ? urgency_cpu(v->t) : 0;
    case 40:
        return urgency_of(v)->priority;
    case 41:
        return urgency_of(v)->policy;
    case 26:
    case 27:
    case 28:
    case 45:
    case 46:
    case 47:
    case 48:
    case 49:
    case 50:
    case 51:
    case 52:
        return stat_word(words, field);
    default:
        return 0; /* faults, terminal, waiting channel, processor ...: the machine's */
    }
}

static void view_stat(struct view *v)
{
    struct text *o = &v->out;
    struct memory m = memory_of(v);
    struct lines l;
    char line[1024], state[3] = {state_of(v), ' ', 0};
    lines_start(&l, v->real);
    if (!line_next(&l, line, sizeof line))
        return;
    char *words = line + string_length(line);
    while (words > line && *words != ')')
        words--;
    words += 2; /* behind "PID (name) " */
    text_bytes(o, line, (u64)(words - line));
    text(o, state);
    for (u32 field = 4; field <= 52; field++) {
        i32 sign = field == 18 ? stat_priority(urgency_of(v))
                   : field == 19 ? urgency_of(v)->nice
                   : field == 8 && !v->p->tty ? -1 : 0;
        text(o, sign < 0 ? "-" : "");
        text_number(o, sign ? (u64)(sign < 0 ? -sign : sign) : stat_field(v, field, &m, words));
        text(o, field == 52 ? "\n" : " ");
    }
}

/* ---- status ---- */
static void status_kb(struct text *o, const char *key, u64 kb)
{
    text(o, key);
    text(o, ":\t");
    text_padded(o, kb, 8, ' ');
    text(o, " kB\n");
}

static void status_mask(struct text *o, const char *key, u64 mask)
{
    text(o, key);
    text(o, ":\t");
    text_hex(o, mask, 16);
    text(o, "\n");
}

static const char *state_text(char state)
{
    switch (state) {
    case 'R':
        return "State:\tR (running)\n";
    case 'T':
        return "State:\tT (stopped)\n";
    case 't':
        return "State:\tt (tracing stop)\n";
    case 'Z':
        return "State:\tZ (zombie)\n";
    default:
        return "State:\tS (sleeping)\n";
    }
}

/* The keys of memory come together: all are written at the first, false for any other key. */
static int status_memory(struct view *v, const char *line)
{
    struct text *o = &v->out;
    if (!string_starts(line, "Vm") && !string_starts(line, "Rss"))
        return 0;
    if (!string_starts(line, "VmPeak:"))
        return 1;
    struct memory m = memory_of(v);
    u64 resident = m.resident + m.exe;
    status_kb(o, "VmPeak", m.total);
    status_kb(o, "VmSize", m.total);
    status_kb(o, "VmLck", 0);
    status_kb(o, "VmPin", 0);
    status_kb(o, "VmHWM", resident);
    status_kb(o, "VmRSS", resident);
    status_kb(o, "RssAnon", m.resident);
    status_kb(o, "RssFile", m.exe);
    status_kb(o, "RssShmem", 0);
    status_kb(o, "VmData", m.data);
    status_kb(o, "VmStk", m.stack);
    status_kb(o, "VmExe", m.exe);
    status_kb(o, "VmLib", m.lib);
    status_kb(o, "VmPTE", 64);
    status_kb(o, "VmSwap", 0);
    return 1;
}

static int status_signals(struct view *v, const char *line)
{
    struct text *o = &v->out;
    if (string_starts(line, "SigQ:"))
        text(o, "SigQ:\t0/63000\n");
    else if (string_starts(line, "SigPnd:"))
        status_mask(o, "SigPnd", v->t ? v->t->sig_pending : 0);
    else if (string_starts(line, "ShdPnd:"))
        status_mask(o, "ShdPnd", v->p->sig_pending);
    else if (string_starts(line, "SigBlk:"))
        status_mask(o, "SigBlk", v->t ? v->t->sigmask : 0);
    else if (string_starts(line, "SigIgn:"))
        status_mask(o, "SigIgn", actions_mask(v->p, HANDLER_IGNORE));
    else if (string_starts(line, "SigCgt:"))
        status_mask(o, "SigCgt", actions_mask(v->p, 0));
    else
        return 0;
    return 1;
}

static int status_other(struct view *v, const char *line)
{
    struct text *o = &v->out;
    if (string_starts(line, "State:")) {
        text(o, state_text(state_of(v)));
    } else if (string_starts(line, "PPid:")) {
        text(o, "PPid:\t");
        text_number(o, parent_pid(v));
        text(o, "\n");
    } else if (string_starts(line, "TracerPid:")) {
        text(o, "TracerPid:\t");
        text_number(o, v->t && v->t->tracer ? task_at(v->t->tracer)->tid : 0);
        text(o, "\n");
    } else if (string_starts(line, "FDSize:")) {
        text(o, "FDSize:\t256\n"); /* how far the table grew is the shim's doing as well */
    } else if (string_starts(line, "Threads:")) {
        text(o, "Threads:\t");
        text_number(o, v->p->tasks_live);
        text(o, "\n");
    } else if (string_starts(line, "Cpus_allowed:")) {
        text(o, "Cpus_allowed:\t");
        text_cpu_mask(o, urgency_of(v)->cpus);
    } else if (string_starts(line, "Cpus_allowed_list:")) {
        text(o, "Cpus_allowed_list:\t");
        text_cpu_list(o, urgency_of(v)->cpus);
    } else if (string_starts(line, "voluntary_ctxt") || string_starts(line, "nonvoluntary_ctxt")) {
        text_bytes(o, line, word_length(line));
        text(o, "\t0\n");
    } else {
        return 0;
    }
    return 1;
}

static void view_status(struct view *v)
{
    struct lines l;
    char line[1024];
    lines_start(&l, v->real);
    while (line_next(&l, line, sizeof line)) {
        if (status_memory(v, line) || status_signals(v, line) || status_other(v, line))
            continue;
        text(&v->out, line);
        text(&v->out, "\n");
    }
}

/* ---- smaller files ---- */
static void view_limits(struct view *v)
{
    static const struct {
        const char *label, *unit;
    } rows[3] = {{"Max stack size", "bytes"},
                 {"Max open files", "files"},
                 {"Max address space", "bytes"}};
    const struct proc *p = v->p ? v->p : v->c->p; /* init, whose are anybody's */
    const u64 *values[3] = {p->rlimit_stack, p->rlimit_nofile, p->rlimit_as};
    struct text *o = &v->out;
    struct lines l;
    char line[256];
    lines_start(&l, v->real);
    while (line_next(&l, line, sizeof line)) {
        int row = 0;
        while (row < 3 && !string_starts(line, rows[row].label))
            row++;
        if (row == 3) {
            text(o, line);
            text(o, "\n");
            continue;
        }
        text(o, rows[row].label);
        for (u32 i = 0; i < 2; i++) {
            text_column(o, 26 + 21 * i);
            if (values[row][i] == ~0ul)
                text(o, "unlimited");
            else
                text_number(o, values[row][i]);
        }
        text_column(o, 68);
        text(o, rows[row].unit);
        text_column(o, 78);
        text(o, "\n");
    }
}

static void view_io(struct view *v)
{
    text(&v->out, "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
                  "cancelled_write_bytes: 0\n");
}

static void view_sched(struct view *v)
{
    text(&v->out, v->p->comm);
    text(&v->out, " (");
    text_number(&v->out, v->tid);
    text(&v->out, ", #threads: ");
    text_number(&v->out, v->p->tasks_live);
    text(&v->out, ")\n---------------------------------------------------------\n");
}

static void view_schedstat(struct view *v)
{
    text_number(&v->out, v->p->cpu_ns);
    text(&v->out, " 0 0\n");
}

static void view_children(struct view *v)
{
    struct world *w = WORLD;
    for (u32 i = v->p->first_child; i; i = w->procs[i].next_sibling) {
        text_number(&v->out, w->procs[i].pid);
        text(&v->out, " ");
    }
}

static void view_cgroup(struct view *v) { text(&v->out, "0::/\n"); }
static void view_root(struct view *v) { text(&v->out, "/\n"); }
static void view_running(struct view *v) { text(&v->out, "running\n"); }
static void view_autogroup(struct view *v) { text(&v->out, "/autogroup-1 nice 0\n"); }
static void view_no_id(struct view *v) { text(&v->out, "4294967295"); }
static void view_no_channel(struct view *v) { text(&v->out, "0"); }

/* ---- fdinfo ---- */
static void fd_file(const struct view *v, u64 fd, struct statx_k *st)
{
    char path[64], *end = path + sizeof path;
    char *at = number_append(string_append(path, end, "/proc/"), end, v->pid);
    number_append(string_append(at, end, "/fd/"), end, fd);
    if (statx_of_path(AT_FDCWD_K, path, 0, st))
        memset(st, 0, sizeof *st);
    else
        statx_virtual(st);
}

static void write_flags(struct view *v, u64 fd, const char *value)
{
    u32 object = fd_object(v->p, (i64)fd);
    u64 flags = scan_number(&value, 8);
    if (object) {
        flags &= ~O_NONBLOCK_OCTAL;
        flags |= WORLD->objects[object].nonblock ? O_NONBLOCK_OCTAL : 0;
    }
    text(&v->out, "flags:\t0");
    char digits[24];
    u32 n = 0;
    for (; flags; flags >>= 3)
        digits[n++] = (char)('0' + (flags & 7));
    while (n)
        text_bytes(&v->out, &digits[--n], 1);
    text(&v->out, "\n");
}

void view_fdinfo(struct view *v)
{
    struct text *o = &v->out;
    struct statx_k st;
    struct lines l;
    char line[512];
    const char *at = v->name + sizeof "fdinfo/" - 1;
    u64 fd = scan_number(&at, 10);
    fd_file(v, fd, &st);
    lines_start(&l, v->real);
    while (line_next(&l, line, sizeof line)) {
        const char *value = word_skip(line);
        if (string_starts(line, "flags:")) {
            write_flags(v, fd, value);
            continue;
        }
        text_bytes(o, line, (u64)(value - line));
        if (string_starts(line, "mnt_id:"))
            text_number(o, st.mnt_id);
        else if (string_starts(line, "ino:"))
            text_number(o, st.ino);
        else if (string_starts(line, "eventfd-id:"))
            text(o, "0");
        else /* members of epoll and inotify name inodes and devices at their end */
            while (*value && !string_starts(value, "ino:") && !string_starts(value, "pos:"))
                text_bytes(o, value++, 1);
        text(o, "\n");
    }
}

/* ---- mounts ---- */
/* Where overlays lie and how large a tmpfs may be differs from run to run and is no business of the
 * program's. */
static void write_options(struct text *o, const char *at, u64 n)
{
    static const char *const left_out[] = {
        "lowerdir=",     "lowerdir+=", "upperdir=", "workdir=", "index=", "metacopy=",
        "redirect_dir=", "userxattr",  "xino=",     "size=",    "fd=",    "nr_inodes=",
        "pgrp="};
    int first = 1;
    for (u64 i = 0; i < n;) {
        u64 length = 0;
        while (i + length < n && at[i + length] != ',')
            length++;
        int keep = length > 0;
        for (u64 k = 0; k < sizeof left_out / sizeof *left_out; k++)
            keep &= !string_starts(at + i, left_out[k]);
        if (keep) {
            text(o, first ? "" : ",");
            text_bytes(o, at + i, length);
            first = 0;
        }
        i += length + 1;
    }
}

/* The run's own views are left out: the list is then that of before they were mounted. */
static void mount_lines(struct lines *l, const struct view *v, const char *before, u32 bytes)
{
    if (bytes)
        lines_of_text(l, before, bytes);
    else
        lines_start(l, v->real);
}

/* "source target type options 0 0" */
void view_mounts(struct view *v)
{
    struct text *o = &v->out;
    struct lines l;
    char line[8192];
    mount_lines(&l, v, WORLD->views.mounts, WORLD->views.mounts_bytes);
    while (line_next(&l, line, sizeof line)) {
        const char *options = word_skip(word_skip(word_skip(line)));
        text_bytes(o, line, (u64)(options - line));
        write_options(o, options, word_length(options));
        text(o, " 0 0\n");
    }
}

/* Numbers of mounts are given anew, in the order of the list. */
static u64 mount_number(u32 ids[MOUNTS_MAX], u32 *used, u32 id)
{
    u32 i = 0;
    while (i < *used && ids[i] != id)
        i++;
    if (i == *used && i < MOUNTS_MAX)
        ids[(*used)++] = id;
    return FIRST_MOUNT + i;
}

/* "id parent major:minor root target options [shared:1 ...] - type source options" */
static void write_mountinfo(struct text *o, const char *at, u32 ids[MOUNTS_MAX], u32 *used)
{
    u32 id = (u32)scan_number(&at, 10);
    scan_spaces(&at);
    u32 parent = (u32)scan_number(&at, 10);
    scan_spaces(&at);
    u32 major = (u32)scan_number(&at, 10);
    at += *at == ':';
    u64 dev = dev_virtual(dev_make(major, (u32)scan_number(&at, 10)));
    scan_spaces(&at);
    text_number(o, mount_number(ids, used, id));
    text(o, " ");
    text_number(o, mount_number(ids, used, parent));
    text(o, " 0:");
    text_number(o, (dev & 0xff) | (dev >> 12 & 0xfff00));
    text(o, " ");
    const char *options = word_skip(word_skip(at));
    text_bytes(o, at, (u64)(options - at));
    text_bytes(o, options, word_length(options));
    at = word_skip(options);
    while (*at && !(at[0] == '-' && at[1] == ' '))
        at = word_skip(at); /* peer groups are numbered by the machine */
    const char *super = word_skip(word_skip(word_skip(at)));
    text(o, " ");
    text_bytes(o, at, (u64)(super - at));
    write_options(o, super, word_length(super));
    text(o, "\n");
}

void view_mountinfo(struct view *v)
{
    struct lines l;
    char line[8192];
    u32 ids[MOUNTS_MAX], used = 0;
    mount_lines(&l, v, WORLD->views.mountinfo, WORLD->views.mountinfo_bytes);
    while (line_next(&l, line, sizeof line))
        write_mountinfo(&v->out, line, ids, &used);
}

/* ---- which files there are ---- */
const struct view_row views_of_process[] = {
    {"stat", view_stat},
    {"status", view_status},
    {"statm", view_statm},
    {"maps", view_maps},
    {"smaps", view_smaps},
    {"smaps_rollup", view_smaps_rollup},
    {"numa_maps", view_numa_maps},
    {"io", view_io},
    {"sched", view_sched},
    {"schedstat", view_schedstat},
    {"limits", view_limits},
    {"mounts", view_mounts},
    {"mountinfo", view_mountinfo},
    {"cgroup", view_cgroup},
    {"cpuset", view_root},
    {"children", view_children},
    {"autogroup", view_autogroup},
    {"fdinfo/#", view_fdinfo},
    {"oom_score", view_zero},
    {"ksm_merging_pages", view_zero},
    {"ksm_stat", view_empty},
    {"stack", view_empty},
    {"syscall", view_running},
    {"wchan", view_no_channel},
    {"sessionid", view_no_id},
    {"loginuid", view_no_id},
    {"arch_status", 0},
    {"attr/*", 0},
    {"auxv", 0}, /* addresses are the same in every run */
    {"clear_refs", 0},
    {"cmdline", 0},
    {"comm", 0},
    {"coredump_filter", 0},
    {"environ", 0},
    {"gid_map", 0},
    {"make-it-fail", 0},
    {"mem", 0},
    {"mountstats", 0},
    {"net/tcp", view_tcp},
    {"net/tcp6", view_tcp6},
    {"net/udp", view_udp},
    {"net/udp6", view_udp6},
    {"net/*", 0}, /* a network of the simulation's own; with --net host it is a hole */
    {"oom_adj", 0},
    {"oom_score_adj", 0},
    {"patch_state", 0},
    {"personality", 0},
    {"projid_map", 0},
    {"setgroups", 0},
    {"timens_offsets", 0},
    {"timers", 0},
    {"timerslack_ns", 0},
    {"uid_map", 0},
    {0, 0},
};

/* ---- init, that is dstrun's own ---- */
static void stranger_stat(struct view *v)
{
    text_number(&v->out, v->pid);
    text(&v->out, " (init) S 0 0 0 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0 "
                  "18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

static void stranger_status(struct view *v)
{
    text(&v->out, "Name:\tinit\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t");
    text_number(&v->out, v->pid);
    text(&v->out, "\nNgid:\t0\nPid:\t");
    text_number(&v->out, v->pid);
    text(&v->out, "\nPPid:\t0\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
                  "FDSize:\t64\nThreads:\t1\n");
}

static void stranger_comm(struct view *v) { text(&v->out, "init\n"); }
static void stranger_cmdline(struct view *v) { text_bytes(&v->out, "init", 5); }
static void stranger_statm(struct view *v) { text(&v->out, "0 0 0 0 0 0 0\n"); }

const struct view_row views_of_stranger[] = {
    {"stat", stranger_stat},
    {"status", stranger_status},
    {"statm", stranger_statm},
    {"comm", stranger_comm},
    {"cmdline", stranger_cmdline},
    {"cgroup", view_cgroup},
    {"mounts", view_mounts},
    {"mountinfo", view_mountinfo},
    {"environ", view_empty},
    {"limits", view_limits},
    {0, 0},
};
