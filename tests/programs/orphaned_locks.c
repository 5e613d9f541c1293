/* A process that holds locks of all kinds is killed, and those who wait for them go on:
 *   orphaned_locks self|outside parked|running
 * "outside": somebody else kills the process called "victim", once it has said "ready". */
#include "threads/robust.h"
#include <sys/prctl.h>

enum { PLAIN, INHERITING, UNWATCHED, KINDS };
static pthread_mutex_t *robust[KINDS];
static struct shared {
    unsigned pi_word;
    atomic_int held;
} *s;

static void victim(const char *how, const char *where)
{
    prctl(PR_SET_NAME, "victim");
    for (int i = 0; i < KINDS; i++)
        CHECK_EQ(pthread_mutex_lock(robust[i]), 0);
    CHECK_EQ(futex(&s->pi_word, FUTEX_LOCK_PI, 0, 0, 0, 0), 0);
    s->held = 1;
    sleep_ms(20); /* by then all others wait */
    if (write(1, "ready\n", 6) != 6)
        _exit(98);
    if (!strcmp(how, "self"))
        raise(SIGKILL);
    while (!strcmp(where, "running"))
        ;
    pause();
}

static void take_raw(void)
{
    CHECK_EQ(futex(&s->pi_word, FUTEX_LOCK_PI, 0, 0, 0, 0), 0);
    CHECK_EQ(s->pi_word & ~FUTEX_WAITERS, my_tid() | FUTEX_OWNER_DIED);
}

int main(int argc, char **argv)
{
    int status;
    pid_t owner, waiters[KINDS];
    if (argc != 3)
        return 2;
    for (int i = 0; i < KINDS; i++)
        robust[i] = robust_mutex(PTHREAD_PROCESS_SHARED,
                                 i == INHERITING ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
    s = shared_page();
    if (!(owner = fork()))
        victim(argv[1], argv[2]);
    WAIT_UNTIL(s->held);
    for (int i = 0; i < KINDS; i++) {
        if ((waiters[i] = fork()))
            continue;
        if (i == UNWATCHED)
            take_raw();
        else
            take_over(robust[i]);
        _exit(check_failures);
    }
    while (!waitpid(owner, &status, WNOHANG)) /* with a timer there is no deadlock meanwhile */
        sleep_ms(1);
    CHECK_EQ(WTERMSIG(status), SIGKILL);
    take_over(robust[UNWATCHED]);
    for (int i = 0; i < KINDS; i++) {
        CHECK_EQ(waitpid(waiters[i], &status, 0), waiters[i]);
        CHECK_EQ(status, 0);
    }
    return finish();
}
