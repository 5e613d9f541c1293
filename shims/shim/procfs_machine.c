/* procfs_machine.c: /proc/... and /sys/... that tell of the machine.
 *
 * A machine with the configuration's CPUs and memory, which has been up since the virtual clock's
 * zero and does nothing but this run. Settings (/proc/sys, most of /sys) are the real ones: they
 * are the machine's but not the moment's.
 */
#include "procfs.h"
#include "urgency.h"

#define TICK_NS 10000000ul
#define CPU_KHZ "2000000\n"

/* ---- shared with the per-process files ---- */
void view_empty(struct view *v) { (void)v; }
void view_zero(struct view *v) { text(&v->out, "0\n"); }

void text_cpu_list(struct text *o, u64 cpus)
{
    const char *before = "";
    for (u32 first = 0, last; first < 64; first = last + 1) {
        last = first;
        if (!(cpus >> first & 1))
            continue;
        while (last < 63 && (cpus >> (last + 1) & 1))
            last++;
        text(o, before);
        text_number(o, first);
        if (last > first) {
            text(o, "-");
            text_number(o, last);
        }
        before = ",";
    }
    text(o, "\n");
}

void text_cpu_mask(struct text *o, u64 cpus)
{
    u32 digits = (WORLD->config.cpus + 3) / 4;
    if (digits > 8) { /* in words of 32 bits */
        text_hex(o, cpus >> 32, digits - 8);
        text(o, ",");
        cpus &= 0xffffffff;
        digits = 8;
    }
    text_hex(o, cpus, digits);
    text(o, "\n");
}

static void line_of(struct view *v, const char *s)
{
    text(&v->out, s);
    text(&v->out, "\n");
}

/* ---- time and load ---- */
static void write_seconds(struct text *o, u64 ns)
{
    text_number(o, ns / NS_PER_SECOND);
    text(o, ".");
    text_padded(o, ns % NS_PER_SECOND / TICK_NS, 2, '0');
}

static void view_uptime(struct view *v)
{
    u64 now = clock_shown(CLOCK_BOOTTIME_ID);
    write_seconds(&v->out, now);
    text(&v->out, " ");
    write_seconds(&v->out, now * WORLD->config.cpus); /* idle time */
    text(&v->out, "\n");
}

static void view_loadavg(struct view *v)
{
    text(&v->out, "0.00 0.00 0.00 1/");
    text_number(&v->out, WORLD->live_tasks);
    text(&v->out, " ");
    text_number(&v->out, v->c->p->pid);
    text(&v->out, "\n");
}

static void write_cpu(struct text *o, u64 ticks)
{
    text(o, " 0 0 0 ");
    text_number(o, ticks);
    text(o, " 0 0 0 0 0 0\n");
}

static void view_machine_stat(struct view *v)
{
    struct world *w = WORLD;
    struct text *o = &v->out;
    u64 since_boot = clock_shown(CLOCK_BOOTTIME_ID), ticks = since_boot / TICK_NS;
    text(o, "cpu ");
    write_cpu(o, ticks * w->config.cpus);
    for (u32 i = 0; i < w->config.cpus; i++) {
        text(o, "cpu");
        text_number(o, i);
        write_cpu(o, ticks);
    }
    text(o, "intr 0\nctxt 0\nbtime ");
    text_number(o, (wall_ns() - since_boot) / NS_PER_SECOND);
    text(o, "\nprocesses ");
    text_number(o, w->forks + 1);
    text(o, "\nprocs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
}

/* ---- memory ---- */
static void write_kb(struct view *v, const char *before, const char *key, u64 kb)
{
    struct text *o = &v->out;
    text(o, before);
    text(o, key);
    text(o, ":");
    text_column(o, (u32)string_length(before) + 16);
    text_padded(o, kb, 8, ' ');
    text(o, " kB\n");
}

static void write_meminfo(struct view *v, const char *before)
{
    static const char *const zero[] = {
        "Buffers",      "SwapCached",     "Active",       "Inactive",     "Active(anon)",
        "Active(file)", "Inactive(anon)", "Inactive(file)", "Unevictable", "Mlocked",
        "SwapTotal",    "SwapFree",       "Dirty",        "Writeback",    "AnonPages",
        "Mapped",       "Shmem",          "KReclaimable", "Slab",         "SReclaimable",
        "SUnreclaim",   "KernelStack",    "PageTables",   "NFS_Unstable", "Bounce",
        "WritebackTmp"};
    u64 kb = WORLD->config.memory_bytes / 1024;
    write_kb(v, before, "MemTotal", kb);
    write_kb(v, before, "MemFree", kb / 4 * 3); /* as sysinfo says */
    write_kb(v, before, "MemAvailable", kb / 8 * 7);
    write_kb(v, before, "Cached", kb / 8);
    for (u64 i = 0; i < sizeof zero / sizeof *zero; i++)
        write_kb(v, before, zero[i], 0);
    write_kb(v, before, "CommitLimit", kb / 2);
    write_kb(v, before, "Committed_AS", 0);
    write_kb(v, before, "VmallocTotal", 34359738367);
    write_kb(v, before, "VmallocUsed", 0);
    write_kb(v, before, "VmallocChunk", 0);
    write_kb(v, before, "AnonHugePages", 0);
    line_of(v, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
               "HugePages_Surp:        0");
    write_kb(v, before, "Hugepagesize", 2048);
    write_kb(v, before, "Hugetlb", 0);
}

static void view_meminfo(struct view *v) { write_meminfo(v, ""); }
static void view_node_meminfo(struct view *v) { write_meminfo(v, "Node 0 "); }

static void view_vmstat(struct view *v)
{
    text(&v->out, "nr_free_pages ");
    text_number(&v->out, WORLD->config.memory_bytes / 4096 / 4 * 3);
    text(&v->out, "\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\npgfault 0\npgmajfault 0\n"
                  "oom_kill 0\n");
}

/* ---- CPUs ---- */
static const char *value_of(const char *line)
{
    while (*line && *line != ':')
        line++;
    return *line ? line + 1 + (line[1] == ' ') : line;
}

/* Instructions that would draw from the machine's own entropy are not offered. */
static void write_flags(struct text *o, const char *at)
{
    for (; *at; at = word_skip(at)) {
        u64 n = word_length(at);
        if ((n == 6 && string_starts(at, "rdrand")) || (n == 6 && string_starts(at, "rdseed")))
            continue;
        text(o, " ");
        text_bytes(o, at, n);
    }
}

static void write_cpuinfo_line(struct text *o, const char *line, u32 cpu)
{
    static const char *const counted[] = {"processor\t", "core id\t", "apicid\t",
                                          "initial apicid\t"};
    const char *value = value_of(line);
    u64 head = (u64)(value - line);
    for (u64 i = 0; i < sizeof counted / sizeof *counted; i++)
        if (string_starts(line, counted[i])) {
            text_bytes(o, line, head);
            text_number(o, cpu);
            text(o, "\n");
            return;
        }
    if (string_starts(line, "flags\t")) {
        text(o, "flags\t\t:");
        write_flags(o, value);
    } else if (string_starts(line, "cpu MHz\t")) {
        text(o, "cpu MHz\t\t: 2000.000");
    } else if (string_starts(line, "physical id\t")) {
        text(o, "physical id\t: 0");
    } else if (string_starts(line, "siblings\t") || string_starts(line, "cpu cores\t")) {
        text_bytes(o, line, head);
        text_number(o, WORLD->config.cpus);
    } else {
        text(o, line);
    }
    text(o, "\n");
}

/* Every CPU is as the machine's first one. */
static void view_cpuinfo(struct view *v)
{
    struct lines l;
    char line[4096];
    for (u32 cpu = 0; cpu < WORLD->config.cpus; cpu++) {
        lines_start(&l, v->real);
        while (line_next(&l, line, sizeof line) && *line)
            write_cpuinfo_line(&v->out, line, cpu);
        text(&v->out, "\n");
    }
}

static u64 cpu_of_name(const struct view *v)
{
    const char *at = v->name + sizeof "devices/system/cpu/cpu" - 1;
    return scan_number(&at, 10);
}

static void view_cpu_list(struct view *v) { text_cpu_list(&v->out, cpu_mask()); }
static void view_cpu_mask(struct view *v) { text_cpu_mask(&v->out, cpu_mask()); }
static void view_cpu_frequency(struct view *v) { text(&v->out, CPU_KHZ); }
static void view_one(struct view *v) { line_of(v, "1"); }
static void view_newline(struct view *v) { line_of(v, ""); }

static void view_this_cpu(struct view *v)
{
    text_number(&v->out, cpu_of_name(v));
    text(&v->out, "\n");
}

static void view_this_cpu_mask(struct view *v)
{
    text_hex(&v->out, 1ul << (cpu_of_name(v) & 63), 1);
    text(&v->out, "\n");
}

/* ---- columns of CPUs ---- */
static void view_cpu_columns(struct view *v)
{
    text(&v->out, "           ");
    for (u32 i = 0; i < WORLD->config.cpus; i++) {
        text(&v->out, "CPU");
        text_number(&v->out, i);
        text(&v->out, "       ");
    }
    text(&v->out, "\n");
}

/* ---- names and fixed texts ---- */
static void view_version(struct view *v)
{
    line_of(v, "Linux version 6.6.0-dstrun (dstrun@dstrun) (gcc) #1 SMP");
}

static void view_release(struct view *v) { line_of(v, "6.6.0-dstrun"); }
static void view_kernel_version(struct view *v) { line_of(v, "#1 SMP"); }
static void view_cmdline(struct view *v) { line_of(v, "quiet"); }
static void view_hostname(struct view *v) { line_of(v, WORLD->config.hostname); }
static void view_pid_max(struct view *v) { line_of(v, "4194304"); }
static void view_threads_max(struct view *v) { line_of(v, "63000"); }
static void view_entropy(struct view *v) { line_of(v, "256"); }
static void view_boot_id(struct view *v) { line_of(v, WORLD->config.boot_id); }
static void view_file_nr(struct view *v) { line_of(v, "1024\t0\t9223372036854775807"); }
static void view_inode_nr(struct view *v) { line_of(v, "10000\t1000"); }
static void view_inode_state(struct view *v) { line_of(v, "10000\t1000\t0\t0\t0\t0\t0"); }
static void view_dentry_state(struct view *v) { line_of(v, "10000\t5000\t45\t0\t1000\t0"); }
static void view_partitions(struct view *v) { line_of(v, "major minor  #blocks  name\n"); }
static void view_schedstat(struct view *v) { line_of(v, "version 15\ntimestamp 0"); }

static void view_cgroups(struct view *v)
{
    line_of(v, "#subsys_name\thierarchy\tnum_cgroups\tenabled");
}

static void view_swaps(struct view *v)
{
    line_of(v, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority");
}

static void view_domainname(struct view *v)
{
    line_of(v, WORLD->domainname[0] ? WORLD->domainname : "(none)");
}

static void view_last_pid(struct view *v)
{
    text_number(&v->out, v->c->p->pid);
    text(&v->out, "\n");
}

static void view_pressure(struct view *v)
{
    line_of(v, "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
               "full avg10=0.00 avg60=0.00 avg300=0.00 total=0");
}

static void view_numastat(struct view *v)
{
    line_of(v, "numa_hit 0\nnuma_miss 0\nnuma_foreign 0\n"
               "interleave_hit 0\nlocal_node 0\nother_node 0");
}

/* A version 4 UUID, a new one at each open. */
static void view_uuid(struct view *v)
{
    u8 bytes[16];
    entropy_fill(v->c->t, bytes, sizeof bytes);
    bytes[6] = (u8)(0x40 | (bytes[6] & 0x0f));
    bytes[8] = (u8)(0x80 | (bytes[8] & 0x3f));
    for (u32 i = 0; i < 16; i++) {
        text(&v->out, i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "");
        text_hex(&v->out, bytes[i], 2);
    }
    text(&v->out, "\n");
}

/* ---- which files there are; the first pattern that matches counts ---- */
const struct view_row views_of_proc[] = {
    {"uptime", view_uptime},
    {"loadavg", view_loadavg},
    {"stat", view_machine_stat},
    {"meminfo", view_meminfo},
    {"vmstat", view_vmstat},
    {"cpuinfo", view_cpuinfo},
    {"version", view_version},
    {"cmdline", view_cmdline},
    {"interrupts", view_cpu_columns},
    {"softirqs", view_cpu_columns},
    {"cgroups", view_cgroups},
    {"partitions", view_partitions},
    {"swaps", view_swaps},
    {"schedstat", view_schedstat},
    {"pressure/*", view_pressure},
    {"diskstats", view_empty},
    {"zoneinfo", view_empty},
    {"buddyinfo", view_empty},
    {"pagetypeinfo", view_empty},
    {"slabinfo", view_empty},
    {"vmallocinfo", view_empty},
    {"modules", view_empty},
    {"kallsyms", view_empty},
    {"iomem", view_empty},
    {"ioports", view_empty},
    {"keys", view_empty},
    {"key-users", view_empty},
    {"locks", view_empty},
    {"sysvipc/sem", view_sysvipc_sem},
    {"sysvipc/msg", view_sysvipc_msg},
    {"sysvipc/shm", view_sysvipc_shm},
    {"timer_list", view_empty},
    {"sys/kernel/random/boot_id", view_boot_id},
    {"sys/kernel/random/uuid", view_uuid},
    {"sys/kernel/random/entropy_avail", view_entropy},
    {"sys/kernel/hostname", view_hostname},
    {"sys/kernel/domainname", view_domainname},
    {"sys/kernel/osrelease", view_release},
    {"sys/kernel/version", view_kernel_version},
    {"sys/kernel/pid_max", view_pid_max},
    {"sys/kernel/threads-max", view_threads_max},
    {"sys/kernel/ns_last_pid", view_last_pid},
    {"sys/kernel/pty/nr", view_zero},
    {"sys/fs/file-nr", view_file_nr},
    {"sys/fs/inode-nr", view_inode_nr},
    {"sys/fs/inode-state", view_inode_state},
    {"sys/fs/dentry-state", view_dentry_state},
    {"sys/fs/aio-nr", view_zero},
    {"sys/net/netfilter/nf_conntrack_count", view_zero},
    {"sys/*", 0},
    {"filesystems", 0},
    {"devices", 0},
    {"misc", 0},
    {"crypto", 0},
    {"config.gz", 0},
    {"consoles", 0},
    {"dma", 0},
    {"execdomains", 0},
    {"fb", 0},
    {"mdstat", 0},
    {"mtrr", 0},
    {"bootconfig", 0},
    {"tty/*", 0},
    {0, 0},
};

const struct view_row views_of_sys[] = {
    {"devices/system/cpu/online", view_cpu_list},
    {"devices/system/cpu/possible", view_cpu_list},
    {"devices/system/cpu/present", view_cpu_list},
    {"devices/system/cpu/enabled", view_cpu_list},
    {"devices/system/cpu/offline", view_newline},
    {"devices/system/cpu/isolated", view_newline},
    {"devices/system/cpu/smt/active", view_zero},
    {"devices/system/cpu/cpu#/online", view_one},
    {"devices/system/cpu/cpu#/topology/core_id", view_this_cpu},
    {"devices/system/cpu/cpu#/topology/physical_package_id", view_zero},
    {"devices/system/cpu/cpu#/topology/die_id", view_zero},
    {"devices/system/cpu/cpu#/topology/cluster_id", view_zero},
    {"devices/system/cpu/cpu#/topology/thread_siblings_list", view_this_cpu},
    {"devices/system/cpu/cpu#/topology/thread_siblings", view_this_cpu_mask},
    {"devices/system/cpu/cpu#/topology/core_cpus_list", view_this_cpu},
    {"devices/system/cpu/cpu#/topology/core_cpus", view_this_cpu_mask},
    {"devices/system/cpu/cpu#/topology/cluster_cpus_list", view_this_cpu},
    {"devices/system/cpu/cpu#/topology/cluster_cpus", view_this_cpu_mask},
    {"devices/system/cpu/cpu#/topology/*_list", view_cpu_list},
    {"devices/system/cpu/cpu#/topology/*", view_cpu_mask},
    {"devices/system/cpu/cpu#/cache/index#/shared_cpu_list", view_this_cpu},
    {"devices/system/cpu/cpu#/cache/index#/shared_cpu_map", view_this_cpu_mask},
    {"devices/system/cpu/*cur_freq", view_cpu_frequency},
    {"devices/system/cpu/cpu#/cpuidle/*", view_zero},
    {"devices/system/cpu/*", 0},
    {"devices/system/node/online", view_zero},
    {"devices/system/node/possible", view_zero},
    {"devices/system/node/has_*", view_zero},
    {"devices/system/node/node#/cpulist", view_cpu_list},
    {"devices/system/node/node#/cpumap", view_cpu_mask},
    {"devices/system/node/node#/meminfo", view_node_meminfo},
    {"devices/system/node/node#/numastat", view_numastat},
    {"devices/system/node/node#/vmstat", view_vmstat},
    {"devices/system/node/node#/distance", 0},
    {"devices/system/node/node#/hugepages/*", view_zero},
    {"devices/system/clocksource/*", 0},
    {"devices/virtual/dmi/*", 0},
    {"devices/virtual/net/*", 0}, /* a network of the simulation's own */
    {"devices/*/uevent", 0},
    {"devices/*/dev", 0},
    {"devices/*/size", 0},
    {"devices/*/ro", 0},
    {"devices/*/removable", 0},
    {"devices/*/queue/*", 0},
    {"devices/*/vendor", 0},
    {"devices/*/device", 0},
    {"devices/*/type", 0},
    {"firmware/*", 0},
    {"hypervisor/*", 0},
    {"kernel/uevent_seqnum", view_zero},
    {"kernel/mm/*", 0},
    {"kernel/cpu_byteorder", 0},
    {"kernel/address_bits", 0},
    {"kernel/notes", 0},
    {"kernel/profiling", 0},
    {"kernel/security/*", 0},
    {"module/*/parameters/*", 0},
    {"power/*", 0},
    {0, 0},
};
