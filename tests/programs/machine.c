/* What a program sees of the machine and of itself: /proc, limits, clocks, random numbers, memory. */
#include "check.h"
#include <elf.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <x86intrin.h>

static int slurp(const char *path, char *to, int n)
{
    int fd = open(path, O_RDONLY), done = 0;
    if (fd < 0)
        return -1;
    for (int r; (r = (int)read(fd, to + done, (size_t)(n - 1 - done))) > 0;)
        done += r;
    to[done] = 0;
    close(fd);
    return done;
}

static void proc_files(void)
{
    static char text[200000];
    char path[64], link[256] = "", wanted[64];
    CHECK(slurp("/proc/self/status", text, sizeof text) > 0);
    int pid = 0, ppid = 0;
    CHECK(strstr(text, "Name:\tmachine\n") == text);
    char *at = strstr(text, "\nPid:\t");
    CHECK(at && sscanf(at, "\nPid:\t%d\nPPid:\t%d", &pid, &ppid) == 2);
    CHECK_EQ(pid, getpid());
    CHECK_EQ(ppid, getppid());
    CHECK(strstr(text, "TracerPid:\t0\n"));
    CHECK(strstr(text, "Threads:\t1\n"));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    signal(SIGHUP, SIG_IGN);
    raise(SIGUSR1);
    slurp("/proc/self/status", text, sizeof text);
    unsigned long blocked = 0, ignored = 0, pending = 0;
    at = strstr(text, "SigBlk:\t");
    CHECK(at && sscanf(at, "SigBlk:\t%lx\nSigIgn:\t%lx", &blocked, &ignored) == 2);
    CHECK(blocked & 1ul << (SIGUSR1 - 1));
    CHECK(ignored & 1ul << (SIGHUP - 1));
    at = strstr(text, "SigPnd:\t");
    CHECK(at && sscanf(at, "SigPnd:\t%lx", &pending) == 1);
    CHECK(pending & 1ul << (SIGUSR1 - 1));
    at = strstr(text, "SigCgt:\t");
    CHECK(at && sscanf(at, "SigCgt:\t%lx", &blocked) == 1);
    CHECK_EQ(blocked & (1ul << (SIGSEGV - 1) | 1ul << (SIGSYS - 1)), 0);
    siginfo_t info;
    sigwaitinfo(&set, &info);
    sigprocmask(SIG_UNBLOCK, &set, 0);
    CHECK(slurp("/proc/self/maps", text, sizeof text) > 0);
    CHECK(!strstr(text, "memfd:"));
    CHECK(strstr(text, "[stack]"));
    unsigned long from, to, here = (unsigned long)&from;
    int stack_found = 0, main_found = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
        if (sscanf(line, "%lx-%lx", &from, &to) == 2 && here >= from && here < to)
            stack_found = strstr(line, "[stack]") != 0;
        if (sscanf(line, "%lx-%lx", &from, &to) == 2 && (unsigned long)slurp >= from && (unsigned long)slurp < to)
            main_found = strstr(line, "machine") != 0;
    }
    CHECK(stack_found);
    CHECK(main_found);
    CHECK(readlink("/proc/self/exe", link, sizeof link - 1) > 0);
    CHECK(strstr(link, "machine"));
    snprintf(path, sizeof path, "/proc/%d/exe", getpid());
    memset(link, 0, sizeof link);
    CHECK(readlink(path, link, sizeof link - 1) > 0 && strstr(link, "machine"));
    memset(link, 0, sizeof link);
    CHECK(readlink("/proc/self", link, sizeof link - 1) > 0);
    snprintf(wanted, sizeof wanted, "%d", getpid());
    CHECK(!strcmp(link, wanted));
    int fd = open("/etc/passwd", O_RDONLY);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memset(link, 0, sizeof link);
    CHECK(readlink(path, link, sizeof link - 1) > 0 && !strcmp(link, "/etc/passwd"));
    int again = open(path, O_RDONLY);
    CHECK(again > fd);
    close(again);
    close(fd);
    Elf64_auxv_t auxv[64];
    int n = slurp("/proc/self/auxv", (char *)auxv, sizeof auxv) / (int)sizeof auxv[0], random_found = 0;
    for (int i = 0; i < n; i++)
        if (auxv[i].a_type == AT_RANDOM)
            random_found = auxv[i].a_un.a_val == getauxval(AT_RANDOM);
    CHECK(random_found);
    CHECK(slurp("/proc/uptime", text, sizeof text) > 0);
    CHECK(slurp("/proc/loadavg", text, sizeof text) > 0);
    CHECK(slurp("/proc/meminfo", text, sizeof text) > 0 && strstr(text, "MemTotal:"));
    CHECK(slurp("/proc/stat", text, sizeof text) > 0 && strstr(text, "btime"));
    CHECK(slurp("/proc/cpuinfo", text, sizeof text) > 0 && strstr(text, "processor"));
    CHECK(slurp("/proc/self/cmdline", text, sizeof text) > 0 && strstr(text, "machine"));
    CHECK(slurp("/proc/sys/kernel/random/boot_id", text, sizeof text) == 37);
    CHECK(slurp("/proc/self/nonexistent", text, sizeof text) == -1);
}

static void clocks(void)
{
    static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
                                    CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
    struct timespec a, b, r;
    for (unsigned i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        CHECK_EQ(clock_gettime(ids[i], &a), 0);
        CHECK_EQ(syscall(SYS_clock_gettime, ids[i], &b), 0);
        CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
        CHECK_EQ(clock_getres(ids[i], &r), 0);
    }
    CHECK_ERRNO(clock_gettime(77, &a), EINVAL);
    struct timeval tv;
    CHECK_EQ(gettimeofday(&tv, 0), 0);
    CHECK(labs(tv.tv_sec - time(0)) <= 1);
    uint64_t before = __rdtsc(), previous = before;
    for (int i = 0; i < 100; i++) {
        unsigned aux;
        uint64_t now = i & 1 ? __rdtscp(&aux) : __rdtsc();
        CHECK(now > previous);
        previous = now;
    }
    struct timespec m;
    clock_gettime(CLOCK_MONOTONIC, &m);
    double start = now_s(CLOCK_MONOTONIC), wall = now_s(CLOCK_REALTIME);
    sleep_ms(50);
    CHECK(now_s(CLOCK_MONOTONIC) - start >= 0.05 && now_s(CLOCK_MONOTONIC) - start < 0.5);
    CHECK(now_s(CLOCK_REALTIME) - wall >= 0.0499);
    CHECK_ERRNO(nanosleep(&(struct timespec){0, 1000000000}, 0), EINVAL);
    CHECK_ERRNO(nanosleep(&(struct timespec){-1, 0}, 0), EINVAL);
    CHECK_ERRNO(nanosleep((void *)8, 0), EFAULT);
    struct tms t;
    CHECK(times(&t) > 0);
    struct rusage u;
    CHECK_EQ(getrusage(RUSAGE_SELF, &u), 0);
    CHECK_EQ(getrusage(RUSAGE_CHILDREN, &u), 0);
    CHECK_ERRNO(getrusage(77, &u), EINVAL);
    clock_t c = clock();
    CHECK(c >= 0);
}

static void memory(void)
{
    char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    char *hint = (char *)0x100000000ul;
    char *q = mmap(hint, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(q == hint);
    CHECK(mmap(hint, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == hint);
    CHECK(mmap(hint, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED &&
          errno == EEXIST);
    CHECK_EQ(munmap(hint, 4096), 0);
    CHECK_ERRNO(munmap(hint + 1, 4096), EINVAL);
    char *r = mremap(p, 1 << 20, 1 << 22, MREMAP_MAYMOVE);
    CHECK(r != MAP_FAILED);
    CHECK_EQ(mprotect(r, 4096, PROT_NONE), 0);
    CHECK_ERRNO(mprotect((void *)0x10000, 4096, PROT_NONE), ENOMEM);
    CHECK_EQ(madvise(r, 1 << 20, MADV_DONTNEED), 0);
    CHECK_EQ(munmap(r, 1 << 22), 0);
    char *old = sbrk(0);
    CHECK(sbrk(100000) == old);
    CHECK(sbrk(-100000) == old + 100000);
    /* one huge reservation, as runtimes make */
    char *huge = mmap(0, 1ul << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(huge != MAP_FAILED);
    munmap(huge, 1ul << 40);
    CHECK_EQ(mlockall(MCL_CURRENT), 0);
    CHECK_EQ(munlockall(), 0);
    int status;
    char *shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    IN_CHILD(status, { shared[0] = 9; });
    CHECK_EQ(shared[0], 9);
    IN_CHILD(status, {
        struct rlimit limit = {256 << 20, 256 << 20};
        CHECK_EQ(setrlimit(RLIMIT_AS, &limit), 0);
        CHECK(mmap(0, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
        CHECK(mmap(0, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
        CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
        CHECK_EQ(limit.rlim_cur, 256 << 20);
    });
    CHECK_EQ(status, 0);
    int fd = (int)syscall(SYS_memfd_create, "name", 0);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 8192), 0);
    char *m = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(m != MAP_FAILED);
    strcpy(m, "abc");
    char text[4];
    CHECK_EQ(pread(fd, text, 4, 0), 4);
    CHECK(!strcmp(text, "abc"));
    close(fd);
}

static void bad_pointers(void)
{
    void *bad = (void *)8;
    CHECK_ERRNO(syscall(SYS_open, bad, O_RDONLY), EFAULT);
    CHECK_ERRNO(syscall(SYS_stat, bad, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_stat, "/", bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_fstat, 1, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "/", 0, 0, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_getcwd, bad, 100), EFAULT);
    CHECK_ERRNO(syscall(SYS_uname, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_sysinfo, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_getrusage, 0, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_times, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_getrandom, bad, 16, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_clock_gettime, 0, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_gettimeofday, bad, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_time, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_nanosleep, bad, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_pipe2, bad, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_readlink, "/proc/self/exe", bad, 10), EFAULT);
    CHECK_ERRNO(syscall(SYS_getitimer, 0, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_setitimer, 0, bad, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_sigaltstack, bad, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_rt_sigpending, bad, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_rt_sigsuspend, bad, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, bad, 0, 0, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 128, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_prlimit64, 0, RLIMIT_AS, 0, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_utimensat, AT_FDCWD, bad, 0, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_rename, bad, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_unlink, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_mkdir, bad, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_socketpair, 1, 1, 0, bad), EFAULT);
    CHECK_ERRNO(syscall(SYS_ppoll, 0, 0, bad, 0, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_pselect6, 0, 0, 0, 0, bad, 0), EFAULT);
    CHECK_ERRNO(syscall(SYS_wait4, -1, bad, WNOHANG, 0), ECHILD);
    int fds[2];
    CHECK_EQ(pipe(fds), 0);
    CHECK_ERRNO(write(fds[1], bad, 4), EFAULT);
    CHECK_EQ(write(fds[1], "abcd", 4), 4);
    CHECK_ERRNO(read(fds[0], bad, 4), EFAULT);
    CHECK_ERRNO(syscall(SYS_writev, fds[1], bad, 2), EFAULT);
    int status;
    IN_CHILD(status, { CHECK_ERRNO(read(open("/dev/urandom", O_RDONLY), bad, 4), EFAULT); });
    CHECK_EQ(status, 0);
    close(fds[0]);
    close(fds[1]);
    /* a buffer that ends at the end of what is mapped */
    char *p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 4096, 4096);
    char *edge = p + 4096 - 8;
    strcpy(edge, "/etc");
    struct stat st;
    CHECK_EQ(stat(edge, &st), 0);
    memset(edge, 'a', 8);
    CHECK_ERRNO(syscall(SYS_stat, edge, &st), EFAULT);
    CHECK_ERRNO(syscall(100000), ENOSYS);
}

static void randomness(void)
{
    unsigned char a[32], b[32], c[32] = {0};
    CHECK_EQ(getrandom(a, sizeof a, 0), 32);
    CHECK_EQ(getrandom(b, sizeof b, 0), 32);
    CHECK(memcmp(a, b, sizeof a));
    int fd = open("/dev/urandom", O_RDONLY);
    CHECK_EQ(read(fd, c, sizeof c), 32);
    CHECK(memcmp(a, c, sizeof a) && memcmp(b, c, sizeof b));
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    close(fd);
    CHECK_ERRNO(getrandom(a, 1, 0x100), EINVAL);
    int status, fds[2];
    CHECK_EQ(pipe(fds), 0);
    IN_CHILD(status, {
        CHECK_EQ(getrandom(b, sizeof b, 0), 32);
        CHECK_EQ(write(fds[1], b, sizeof b), 32);
    });
    CHECK_EQ(getrandom(a, sizeof a, 0), 32);
    CHECK_EQ(read(fds[0], b, sizeof b), 32);
    CHECK(memcmp(a, b, sizeof a)); /* a child's numbers are its own */
    unsigned char *r = (unsigned char *)getauxval(AT_RANDOM);
    CHECK(r && (r[0] | r[1] | r[2] | r[3]));
    close(fds[0]);
    close(fds[1]);
}

static void identity(void)
{
    struct utsname u;
    CHECK_EQ(uname(&u), 0);
    CHECK(!strcmp(u.sysname, "Linux") && !strcmp(u.machine, "x86_64"));
    char host[256];
    CHECK_EQ(gethostname(host, sizeof host), 0);
    CHECK(!strcmp(host, u.nodename));
    cpu_set_t set;
    CPU_ZERO(&set);
    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    CHECK(CPU_COUNT(&set) >= 1);
    CHECK(CPU_COUNT(&set) == sysconf(_SC_NPROCESSORS_ONLN) || CPU_COUNT(&set) < sysconf(_SC_NPROCESSORS_ONLN));
    CHECK(sched_getcpu() >= 0);
    struct sysinfo si;
    CHECK_EQ(sysinfo(&si), 0);
    CHECK(si.totalram > 0 && si.procs > 0);
    CHECK_EQ(getuid(), geteuid());
    CHECK(getgroups(0, 0) >= 0);
    errno = 0;
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), nice(0)); /* whatever it was started with */
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK(limit.rlim_cur >= 256);
    limit.rlim_cur = 20;
    int status;
    IN_CHILD(status, {
        CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
        int n = 0;
        while (dup(0) >= 0 && n < 100)
            n++;
        CHECK(n < 20);
        CHECK_EQ(errno, EMFILE);
        CHECK_ERRNO(open("/dev/urandom", O_RDONLY), EMFILE);
        int fds[2];
        CHECK_ERRNO(pipe(fds), EMFILE);
        pid_t pid = fork();
        if (!pid) {
            execl("/bin/true", "true", (char *)0); /* no descriptor is free: the exec works all the same */
            _exit(1);
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(syscall(SYS_rseq, 0, 0, 0, 0) == -1, 1);
    CHECK(syscall(SYS_set_tid_address, 0) == getpid());
}

static void closes_all(void)
{
    int status;
    IN_CHILD(status, {
        for (int i = 0; i < 1024; i++)
            close(i);
        int fd = open("/tmp", O_RDONLY);
        _exit(fd == 0 && getpid() > 1 && time(0) > 1 ? 0 : 1);
    });
    CHECK_EQ(status, 0);
    IN_CHILD(status, {
        syscall(SYS_close_range, 0, ~0u, 0);
        execl("/bin/sh", "sh", "-c", "exit 4", (char *)0);
    });
    CHECK_EQ(WEXITSTATUS(status), 4);
}

int main(void)
{
    proc_files();
    clocks();
    memory();
    bad_pointers();
    randomness();
    identity();
    closes_all();
    return finish();
}
