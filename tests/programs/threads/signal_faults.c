/* SIGFPE, SIGILL, SIGTRAP, SIGBUS in threads, with the handler stepping over; blocked ones kill. */
#include "threads.h"
#include <ucontext.h>

static __thread int seen, code;
static __thread void *address;

static void on_fault(int signo, siginfo_t *info, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    seen = signo;
    code = info->si_code;
    address = info->si_addr;
    if (signo == SIGILL)
        g[REG_RIP] += 2;
    if (signo == SIGFPE)
        g[REG_RCX] = 1;
    if (signo == SIGBUS)
        g[REG_RIP] += 2; /* movb (%rax), %cl */
}
static void *body(void *path)
{
    for (int i = 0; i < 3; i++) {
        __asm__ volatile("ud2");
        CHECK_EQ(seen, SIGILL);
        sched_yield();
        __asm__ volatile("int3");
        CHECK_EQ(seen, SIGTRAP);
        int q;
        __asm__ volatile("xor %%edx, %%edx; mov $9, %%eax; xor %%ecx, %%ecx; div %%ecx"
                         : "=a"(q)
                         :
                         : "rcx", "rdx");
        CHECK_EQ(seen, SIGFPE);
        CHECK_EQ(code, FPE_INTDIV);
        CHECK_EQ(q, 9);
    }
    int fd = open(path, O_RDWR);
    char *p = mmap(0, 8192, PROT_READ, MAP_SHARED, fd, 0);
    __asm__ volatile("movb (%0), %%cl" : : "a"(p + 4096) : "rcx");
    CHECK_EQ(seen, SIGBUS);
    CHECK_EQ(code, BUS_ADRERR);
    CHECK(address == p + 4096);
    munmap(p, 8192);
    close(fd);
    return 0;
}
static void *dies_blocked(void *arg)
{
    mask_one(SIG_BLOCK, SIGILL);
    __asm__ volatile("ud2");
    return arg;
}

int main(void)
{
    int status, signals[] = {SIGILL, SIGTRAP, SIGFPE, SIGBUS};
    pthread_t t[4];
    char path[] = "/tmp/signal_faultsXXXXXX";
    int fd = mkstemp(path);
    CHECK_EQ(ftruncate(fd, 4096), 0);
    for (int i = 0; i < 4; i++)
        install_info(signals[i], on_fault, 0);
    for (int i = 0; i < 4; i++)
        t[i] = start(body, path);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    unlink(path);
    IN_CHILD(status, join(start(dies_blocked, 0)));
    CHECK_EQ(status & 0x7f, SIGILL);
    return finish();
}
