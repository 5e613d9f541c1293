/* flock: what it is bound to, conversions, who is woken by what, signals. */
#include <sys/file.h>

#include "ipc.h"

static const char *path = "flock_forms.lock";

static int opened(void)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    return fd;
}

static void bound_to_the_description(void)
{
    int a = opened(), b = opened(), copy = dup(a);
    CHECK_EQ(flock(a, LOCK_EX), 0);
    CHECK_EQ(flock(copy, LOCK_EX | LOCK_NB), 0);
    CHECK_ERRNO(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    close(a);
    CHECK_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK); /* the copy has it */
    close(copy);
    CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
    int status;
    IN_CHILD(status, CHECK_EQ(flock(b, LOCK_UN), 0)); /* an inherited one is the same */
    CHECK_EQ(status, 0);
    a = opened();
    CHECK_EQ(flock(a, LOCK_EX | LOCK_NB), 0);
    close(a);
    close(b);
    CHECK_ERRNO(flock(b, LOCK_SH), EBADF);
    a = opened();
    CHECK_ERRNO(flock(a, 0), EINVAL);
    CHECK_ERRNO(flock(a, LOCK_NB), EINVAL);
    close(a);
}

/* A conversion that fails has let go of the old lock. */
static void conversions(void)
{
    int a = opened(), b = opened(), c = opened();
    CHECK_EQ(flock(a, LOCK_SH), 0);
    CHECK_EQ(flock(b, LOCK_SH), 0);
    CHECK_ERRNO(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
    CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
    CHECK_EQ(flock(c, LOCK_SH | LOCK_NB), 0);
    close(a);
    close(b);
    close(c);
}

struct held {
    int fd, op;
    struct board *b;
    int name;
};

static void *take(void *arg)
{
    struct held *h = arg;
    CHECK_EQ(BLOCKS(flock(h->fd, h->op)), 0);
    board_put(h->b, h->name);
    return 0;
}

/* Threads wait; an unlock, a downgrade, a close and a failed conversion let them go. */
static void threads_wait(void)
{
    struct board *b = board_new();
    int a = opened();
    struct held one = {opened(), LOCK_EX, b, 1}, two = {opened(), LOCK_SH, b, 2},
                three = {opened(), LOCK_SH, b, 3};
    CHECK_EQ(flock(a, LOCK_EX), 0);
    pthread_t t2 = start(take, &two), t3 = start(take, &three);
    until_blocked(2);
    CHECK_EQ(b->count, 0);
    CHECK_EQ(flock(a, LOCK_SH), 0);
    join(t2);
    join(t3);
    CHECK_EQ(b->count, 2);
    pthread_t t1 = start(take, &one);
    until_blocked(1);
    CHECK_EQ(flock(two.fd, LOCK_UN), 0);
    close(three.fd);
    sleep_ms(20);
    CHECK_EQ(b->count, 2);
    struct held other = {opened(), LOCK_SH, b, 4};
    CHECK_EQ(flock(other.fd, LOCK_SH), 0);
    CHECK_ERRNO(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    sleep_ms(20);
    CHECK_EQ(b->count, 2);
    CHECK_EQ(flock(other.fd, LOCK_UN), 0);
    join(t1);
    CHECK_EQ(b->who[2], 1);
    close(a);
    close(one.fd);
    close(two.fd);
    close(other.fd);
}

/* Processes wait in line; the lock goes from one to the next, and the last by its holder's end. */
static void processes_wait(void)
{
    struct board *b = board_new();
    pid_t pids[5];
    int a = opened();
    CHECK_EQ(flock(a, LOCK_EX), 0);
    for (int i = 0; i < 5; i++) {
        pids[i] = SPAWN(close(a); int fd = opened(); CHECK_EQ(BLOCKS(flock(fd, LOCK_EX)), 0);
                        board_put(b, i); sleep_ms(5); if (i & 1) close(fd));
        until_blocked(1);
    }
    CHECK_EQ(b->count, 0);
    close(a);
    for (int i = 0; i < 5; i++)
        reap(pids[i]);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(b->who[i], i);
    pid_t holder = SPAWN(int fd = opened(); flock(fd, LOCK_EX); BLOCKS(pause()));
    until_blocked(1);
    pid_t waiter = SPAWN(int fd = opened(); CHECK_EQ(BLOCKS(flock(fd, LOCK_EX)), 0));
    until_blocked(1);
    CHECK_EQ(waitpid(waiter, 0, WNOHANG), 0);
    kill(holder, SIGKILL);
    reap(waiter);
    waitpid(holder, 0, 0);
}

static void signals(void)
{
    int a = opened(), b = opened();
    CHECK_EQ(flock(a, LOCK_EX), 0);
    install(SIGALRM, count_signal, 0);
    alarm_ms(30);
    CHECK_ERRNO(flock(b, LOCK_EX), EINTR);
    CHECK_EQ(signals_seen, 1);
    install(SIGALRM, count_signal, SA_RESTART);
    alarm_ms(20);
    pid_t child = SPAWN(UNTIL(signals_seen == 2); CHECK_EQ(flock(a, LOCK_UN), 0));
    CHECK_EQ(flock(b, LOCK_EX), 0); /* goes on after the handler */
    CHECK_EQ(signals_seen, 2);
    reap(child);
    close(a);
    close(b);
}

/* Who is stopped does not stand in line. */
static void stopped(void)
{
    struct board *b = board_new();
    pid_t pids[2];
    int a = opened(), status;
    CHECK_EQ(flock(a, LOCK_EX), 0);
    for (int i = 0; i < 2; i++) {
        pids[i] = SPAWN(close(a); int fd = opened(); CHECK_EQ(BLOCKS(flock(fd, LOCK_EX)), 0);
                        board_put(b, i));
        until_blocked(1);
    }
    kill(pids[0], SIGSTOP);
    CHECK_EQ(waitpid(pids[0], &status, WUNTRACED), pids[0]);
    CHECK_EQ(flock(a, LOCK_UN), 0);
    reap(pids[1]);
    CHECK_EQ(b->count, 1);
    kill(pids[0], SIGCONT);
    reap(pids[0]);
    CHECK_EQ(b->count, 2);
    close(a);
}

int main(void)
{
    bound_to_the_description();
    conversions();
    threads_wait();
    processes_wait();
    signals();
    stopped();
    unlink(path);
    return finish();
}
