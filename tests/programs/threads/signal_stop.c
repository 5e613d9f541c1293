/* A process with threads is stopped and continued as one. */
#include "threads.h"

static struct shared {
    atomic_int turns[3], conts, ready;
} *s;

static void *turns(void *arg)
{
    for (;;) {
        s->turns[(long)arg]++;
        s->ready |= 1 << (long)arg;
        sleep_ms(1);
    }
    return 0;
}
static void on_cont(int signo)
{
    (void)signo;
    s->conts++;
}
static int sum(void) { return s->turns[0] + s->turns[1] + s->turns[2]; }

static void once(pid_t pid, int signo)
{
    int status;
    siginfo_t info;
    CHECK_EQ(kill(pid, signo), 0);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(WSTOPSIG(status), signo);
    int before = sum();
    sleep_ms(10);
    CHECK_EQ(sum(), before);
    int conts = s->conts;
    CHECK_EQ(kill(pid, SIGCONT), 0);
    CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WCONTINUED), 0);
    CHECK_EQ(info.si_code, CLD_CONTINUED);
    WAIT_UNTIL(sum() > before + 3 && s->conts > conts);
    CHECK_EQ(s->conts, conts + 1);
}

int main(void)
{
    int status;
    s = shared_page();
    pid_t pid = fork();
    if (!pid) {
        install(SIGCONT, on_cont, SA_RESTART);
        for (long i = 0; i < 3; i++)
            start(turns, (void *)i);
        for (;;)
            pause();
    }
    WAIT_UNTIL(s->ready == 7);
    once(pid, SIGSTOP);
    setpgid(pid, pid); /* a group that is not orphaned: we are its parent, in its session */
    once(pid, SIGTSTP);
    once(pid, SIGSTOP);
    kill(pid, SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    kill(pid, SIGTERM);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    kill(pid, SIGCONT);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGTERM);
    pid = fork();
    if (!pid) {
        start(turns, 0);
        pause();
    }
    kill(pid, SIGSTOP);
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    kill(pid, SIGKILL);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, SIGKILL);
    return finish();
}
