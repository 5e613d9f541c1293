/* Processes trace, signal, stop and kill each other at random; some have a thread more. Whatever they do,
 * nobody hangs, and all ends are told. The argument is the seed. */
#include "../check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define PROCESSES 6
#define ACTS 60

static volatile pid_t *pids; /* shared */
static volatile long word = 5;
static unsigned seed;

static unsigned draw(unsigned below) { return (unsigned)rand_r(&seed) % below; }
static void handle(int signo) { word += signo; }

static void *call_and_sleep(void *arg)
{
    for (;;) {
        sleep_ms(3);
        syscall(SYS_getppid);
    }
    return arg;
}

static void attack(pid_t pid)
{
    static const int signals[] = {SIGUSR1, SIGUSR2, SIGSTOP, SIGCONT, SIGWINCH, SIGCHLD};
    unsigned how = draw(12);
    if (how < 3)
        ptrace(PTRACE_ATTACH, pid, 0, 0);
    else if (how == 3 && !ptrace(PTRACE_SEIZE, pid, 0, draw(8) ? 0 : PTRACE_O_EXITKILL))
        ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    else if (how == 4)
        kill(pid, signals[draw(6)]);
    else if (how == 5 && !draw(12))
        kill(pid, SIGKILL);
}

static void answer(pid_t pid, int stopped_by)
{
    static const int ways[] = {PTRACE_CONT, PTRACE_DETACH, PTRACE_SINGLESTEP, PTRACE_DETACH};
    struct user_regs_struct regs;
    int passed = stopped_by == SIGSTOP || stopped_by == SIGTRAP ? 0 : stopped_by;
    ptrace(PTRACE_GETREGS, pid, 0, &regs);
    ptrace(PTRACE_POKEDATA, pid, &word, ptrace(PTRACE_PEEKDATA, pid, &word, 0) + 1);
    if (!draw(3))
        ptrace(PTRACE_SETREGS, pid, 0, &regs);
    if (!draw(20))
        _exit(3); /* with tracees that are stopped */
    ptrace(ways[draw(4)], pid, 0, passed);
}

static void child(int which)
{
    pthread_t thread;
    struct sigaction restarting = {.sa_handler = handle, .sa_flags = SA_RESTART};
    seed = seed * 100 + (unsigned)which;
    signal(SIGUSR1, handle);
    sigaction(SIGUSR2, &restarting, 0);
    pids[which] = getpid();
    if (which % 2)
        pthread_create(&thread, 0, call_and_sleep, 0);
    sleep_ms(20);
    for (int i = 0; i < ACTS; i++) {
        pid_t other = pids[draw(PROCESSES)], pid;
        int status;
        if (other && other != getpid())
            attack(other);
        while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
            if (WIFSTOPPED(status))
                answer(pid, WSTOPSIG(status));
        sleep_ms(draw(3));
    }
    pids[which] = 0;
    _exit(0);
}

int main(int argc, char **argv)
{
    int ended = 0;
    seed = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
    pids = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PROCESSES; i++)
        if (!fork())
            child(i);
    for (int turn = 0; turn < 200; turn++) {
        sleep_ms(2);
        for (int i = 0; i < PROCESSES; i++)
            if (pids[i])
                kill(pids[i], SIGCONT); /* not for ever */
    }
    for (int i = 0; i < PROCESSES; i++)
        if (pids[i])
            kill(pids[i], SIGKILL);
    while (wait(0) > 0 || errno == EINTR)
        ended++;
    CHECK_EQ(ended, PROCESSES);
    return finish();
}
