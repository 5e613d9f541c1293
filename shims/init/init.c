/* init.c: dstrun-init, pid 1 of a simulation, and the process that becomes the program.
 *
 * dstrun could do all this itself, but each fork of a Python costs milliseconds. So it starts this
 * program, which clones itself into the new namespaces, as dstrun's child like itself, and is gone.
 * The clone sets the namespaces up, forks the program's process and stays: it reaps orphans, and it
 * dies with dstrun, by PDEATHSIG and by the end of a pipe as a second string.
 *
 * argv: our name, the descriptor of a socket to dstrun, and the program's argv; its environment is
 * ours. The request lies in the socket already (struct init_request).
 */
#include "own.h"
#include "shim/memory.h"
#include "shim/raw.h"

#define CLONE_PARENT 0x8000ul
#define CLONE_NEWNS 0x20000ul
#define CLONE_NEWUSER 0x10000000ul
#define CLONE_NEWPID 0x20000000ul
#define CLONE_NEWNET 0x40000000ul
#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGKILL 9
#define SIGTERM 15
#define SIGCHLD 17
#define SIGSTOP 19
#define SIGNALS 64
#define SIG_SETMASK 2
#define HANDLER_DEFAULT 0ul
#define HANDLER_IGNORE 1ul
#define PR_SET_PDEATHSIG 1
#define PR_SET_CHILD_SUBREAPER 36
#define MS_NOSUID_NOEXEC 10
#define MS_NOSUID_NODEV_NOEXEC 14
#define MS_REC_PRIVATE 0x44000
#define AT_FDCWD (-100)
#define AT_RECURSIVE 0x8000
#define MOUNT_ATTR_NOSUID 2
#define O_WRONLY 1
#define O_CLOEXEC 02000000
#define F_SETFD 2
#define FD_CLOEXEC 1
#define AF_INET 2
#define SOCK_DGRAM 2
#define SIOCSIFFLAGS 0x8914
#define IFF_UP_RUNNING 0x41
#define SFD_CLOEXEC 02000000
#define MSG_NOSIGNAL 0x4000
#define POLLIN 1
#define WNOHANG 1
#define WALL 0x40000000
#define ADDR_NO_RANDOMIZE 0x40000
#define CPUS_MAX 8192
#define BAD_START 125
#define NO_EXEC 127

#define NORETURN __attribute__((noreturn))

struct pollfd {
    i32 fd;
    i16 events, revents;
};

struct interface_flags { /* struct ifreq */
    char name[16];
    u16 flags;
    char rest[22];
};

struct stat_k {
    u64 dev, rest[17];
};

struct self {
    struct init_request request;
    i64 control;
    char **argv, **envp;
    u32 proc_refused;
    i32 shm_error;
};

static void leave(i64 status) NORETURN;
static void leave(i64 status)
{
    for (;;)
        raw(__NR_exit_group, status);
}

/* ---- talking with dstrun ---- */
static void tell(const struct self *s, const struct init_report *report)
{
    raw(__NR_sendto, s->control, report, sizeof *report, MSG_NOSIGNAL, 0, 0);
}

static void give_up(const struct self *s, u32 kind, const char *what, i64 error) NORETURN;
static void give_up(const struct self *s, u32 kind, const char *what, i64 error)
{
    struct init_report report;
    memset(&report, 0, sizeof report);
    report.kind = kind;
    report.error = (i32)-error;
    string_append(report.what, report.what + sizeof report.what, what);
    tell(s, &report);
    leave(BAD_START);
}

static void must(const struct self *s, u32 kind, const char *what, i64 result)
{
    if (result < 0)
        give_up(s, kind, what, result);
}

/* Anything it sends will do; when it is gone, so are we. */
static void wait_for_dstrun(const struct self *s)
{
    char byte;
    if (raw(__NR_recvfrom, s->control, &byte, 1, 0, 0, 0) <= 0)
        leave(BAD_START);
}

/* ---- the namespaces ---- */
static void write_file(const struct self *s, const char *path, const char *text)
{
    i64 fd = raw(__NR_open, path, O_WRONLY | O_CLOEXEC, 0);
    must(s, INIT_REFUSED, path, fd);
    must(s, INIT_REFUSED, path, raw(__NR_write, fd, text, string_length(text)));
    raw(__NR_close, fd);
}

static void map_id(const struct self *s, const char *path, u64 shown, u64 id)
{
    char line[64], *end = line + sizeof line;
    char *at = number_append(line, end, shown);
    at = number_append(string_append(at, end, " "), end, id);
    string_append(at, end, " 1");
    write_file(s, path, line);
}

static void map_ids(const struct self *s)
{
    write_file(s, "/proc/self/setgroups", "deny");
    map_id(s, "/proc/self/uid_map", s->request.shown_uid, s->request.uid);
    map_id(s, "/proc/self/gid_map", s->request.shown_gid, s->request.gid);
}

static void bring_up_loopback(const struct self *s)
{
    struct interface_flags lo = {.name = "lo", .flags = IFF_UP_RUNNING};
    i64 fd = raw(__NR_socket, AF_INET, SOCK_DGRAM, 0);
    must(s, INIT_REFUSED, "a socket", fd);
    must(s, INIT_REFUSED, "the loopback interface", raw(__NR_ioctl, fd, SIOCSIFFLAGS, &lo));
    raw(__NR_close, fd);
}

/* Terminals of the run's own, numbered from 0. A user namespace may not have the group tty (5). */
static void mount_terminals(void)
{
    static const char *const options[] = {"mode=620,ptmxmode=666,gid=5", "mode=620,ptmxmode=666"};
    for (int i = 0; i < 2; i++)
        if (!raw(__NR_mount, "devpts", "/dev/pts", "devpts", MS_NOSUID_NOEXEC, options[i]))
            return;
}

/* The exec of a set-user-ID program brings address randomisation back, for it and for all that it
 * starts, even where the user stays the same. Programs that would gain by it are refused anyway. */
static void ignore_set_user_id(void)
{
    const u64 attributes[4] = {MOUNT_ATTR_NOSUID};
    raw(__NR_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, attributes, sizeof attributes);
}

static void set_up(struct self *s)
{
    u64 namespaces = s->request.namespaces;
    if (namespaces & CLONE_NEWUSER)
        map_ids(s);
    if (namespaces & CLONE_NEWNS)
        must(s, INIT_REFUSED, "mounts of its own",
             raw(__NR_mount, "none", "/", 0, MS_REC_PRIVATE, 0));
    if (namespaces & CLONE_NEWNET)
        bring_up_loopback(s);
    tell(s, &(struct init_report){.kind = INIT_UP});
    if (s->request.overlays) {
        wait_for_dstrun(s);
        /* Perhaps there is a view over "/" now, which does not reach those who were there. */
        must(s, INIT_FAILED, "chroot", raw(__NR_chroot, "/.."));
    }
    if (namespaces & CLONE_NEWNS) {
        mount_terminals();
        ignore_set_user_id();
    }
    if (s->request.own_ipc)
        s->shm_error = (i32)-mount_own(s->request.epoch_ns, s->request.own_shm != 0);
    if (namespaces & CLONE_NEWPID)
        s->proc_refused =
            raw(__NR_mount, "proc", "/proc", "proc", MS_NOSUID_NODEV_NOEXEC, 0) != 0;
    else
        raw(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

/* ---- the program's process: everything that execve keeps and the program could notice ---- */
static void set_action(u64 signo, u64 handler)
{
    u64 action[4] = {handler};
    raw(__NR_rt_sigaction, signo, action, 0, 8);
}

static void set_limits(const struct self *s)
{
    for (u32 i = 0; i < INIT_LIMITS; i++)
        must(s, INIT_FAILED, "setrlimit",
             raw(__NR_setrlimit, s->request.limits[i].resource, &s->request.limits[i].soft));
}

static void set_cpu(const struct self *s)
{
    u64 cpus[CPUS_MAX / 64];
    memset(cpus, 0, sizeof cpus);
    cpus[s->request.cpu / 64 % (CPUS_MAX / 64)] = 1ul << s->request.cpu % 64;
    must(s, INIT_FAILED, "sched_setaffinity", raw(__NR_sched_setaffinity, 0, sizeof cpus, cpus));
}

static u32 device_of(const struct self *s, const char *path)
{
    struct stat_k st;
    must(s, INIT_FAILED, path, raw(__NR_stat, path, &st));
    return (u32)st.dev;
}

static void become_program(const struct self *s) NORETURN;
static void become_program(const struct self *s)
{
    const struct init_request *q = &s->request;
    raw(__NR_setpgid, 0, 0);
    for (u64 i = 1; i <= SIGNALS; i++)
        set_action(i, q->ignored >> (i - 1) & 1 ? HANDLER_IGNORE : HANDLER_DEFAULT);
    raw(__NR_rt_sigprocmask, SIG_SETMASK, &q->sigmask, 0, 8);
    must(s, INIT_FAILED, q->cwd, raw(__NR_chdir, q->cwd));
    set_limits(s);
    set_cpu(s);
    must(s, INIT_FAILED, "personality", raw(__NR_personality, ADDR_NO_RANDOMIZE));
    struct init_report report = {.kind = INIT_READY, .proc_refused = s->proc_refused,
                                 .shm_error = s->shm_error};
    report.proc_dev = device_of(s, "/proc");
    report.sys_dev = device_of(s, "/sys");
    tell(s, &report);
    wait_for_dstrun(s);
    i64 error = raw(__NR_execve, q->program, s->argv, s->envp);
    tell(s, &(struct init_report){.kind = INIT_NO_EXEC, .error = (i32)-error});
    leave(NO_EXEC);
}

/* ---- pid 1 ---- */
static void kill_all(const char *pids)
{
    for (u64 pid = 0; *pids; pids++) {
        if (*pids != ' ') {
            pid = pid * 10 + (u64)(*pids - '0');
            continue;
        }
        raw(__NR_kill, pid, SIGKILL);
        pid = 0;
    }
}

/* Without a pid namespace: all that we, a subreaper, have below us. Whose parent dies is our child
 * next. */
static void kill_descendants(void)
{
    char pids[4096];
    i64 n, fd = raw(__NR_open, "/proc/thread-self/children", O_CLOEXEC, 0);
    do {
        n = raw(__NR_pread64, fd, pids, sizeof pids - 1, 0);
        pids[n > 0 ? n : 0] = 0;
        kill_all(pids);
    } while (n > 0 && raw(__NR_wait4, -1, 0, WALL, 0) > 0);
}

static void reap_all(const struct self *s, i64 program)
{
    i32 status;
    i64 pid;
    while ((pid = raw(__NR_wait4, -1, &status, WNOHANG, 0)) > 0)
        if (pid == program)
            tell(s, &(struct init_report){.kind = INIT_ENDED, .status = (u32)status});
}

static void be_init(const struct self *s, i64 program, u64 deaths) NORETURN;
static void be_init(const struct self *s, i64 program, u64 deaths)
{
    struct pollfd fds[2] = {{.fd = s->request.life, .events = POLLIN}, {.events = POLLIN}};
    char info[128];
    fds[1].fd = (i32)raw(__NR_signalfd4, -1, &deaths, sizeof deaths, SFD_CLOEXEC);
    must(s, INIT_FAILED, "signalfd", fds[1].fd);
    for (;;) {
        raw(__NR_poll, fds, 2, -1);
        if (fds[0].revents) /* dstrun is gone, or wants us to be */
            break;
        if (fds[1].revents)
            raw(__NR_read, fds[1].fd, info, sizeof info);
        reap_all(s, program);
    }
    if (!(s->request.namespaces & CLONE_NEWPID))
        kill_descendants();
    leave(0);
}

static void run(struct self *s) NORETURN;
static void run(struct self *s)
{
    static const u8 ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    u64 deaths = 1ul << (SIGCHLD - 1);
    for (u64 i = 0; i < sizeof ending; i++)
        set_action(ending[i], HANDLER_IGNORE);
    set_action(SIGCHLD, HANDLER_DEFAULT);
    raw(__NR_rt_sigprocmask, SIG_SETMASK, &deaths, 0, 8);
    if (s->request.namespaces & CLONE_NEWPID) /* otherwise the others would outlive us */
        raw(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    raw(__NR_setsid);
    set_up(s);
    i64 program = raw(__NR_clone, SIGCHLD, 0, 0, 0, 0);
    must(s, INIT_FAILED, "fork", program);
    if (!program)
        become_program(s);
    be_init(s, program, deaths);
}

static i64 number(const char *digits)
{
    i64 n = 0;
    for (; *digits; digits++)
        n = n * 10 + (*digits - '0');
    return n;
}

void start(u64 *stack) NORETURN __attribute__((used));
void start(u64 *stack)
{
    struct self s;
    u64 argc = stack[0];
    memset(&s, 0, sizeof s);
    s.argv = (char **)stack + 3;
    s.envp = (char **)stack + argc + 2;
    if (argc < 3)
        leave(BAD_START);
    s.control = number(s.argv[-1]);
    if (raw(__NR_read, s.control, &s.request, sizeof s.request) != sizeof s.request)
        leave(BAD_START);
    raw(__NR_fcntl, s.control, F_SETFD, FD_CLOEXEC);
    raw(__NR_fcntl, s.request.life, F_SETFD, FD_CLOEXEC);
    i64 pid = raw(__NR_clone, s.request.namespaces | CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    must(&s, INIT_REFUSED, "clone", pid);
    if (!pid)
        run(&s);
    leave(0);
}

__asm__(".globl _start\n"
        "_start:\n"
        "    mov %rsp, %rdi\n"
        "    and $-16, %rsp\n"
        "    call start\n"
        "    hlt\n");
