/* Values queued to threads and to the process: in order, none lost, with who sent them. */
#include "threads.h"

static atomic_int count;
static int values[16], codes[16], signos[16];
static pid_t senders[16];
static sem_t go;

static void on_value(int signo, siginfo_t *info, void *context)
{
    (void)context;
    int i = count++ & 15;
    values[i] = info->si_value.sival_int;
    codes[i] = info->si_code;
    senders[i] = info->si_pid;
    signos[i] = signo;
}
static void *body(void *arg)
{
    sem_wait(&go);
    mask_one(SIG_UNBLOCK, SIGRTMIN);
    mask_one(SIG_UNBLOCK, SIGRTMIN + 1);
    return arg;
}

int main(void)
{
    sem_init(&go, 0, 0);
    for (int i = 0; i < 2; i++) {
        install_info(SIGRTMIN + i, on_value, SA_RESTART);
        mask_one(SIG_BLOCK, SIGRTMIN + i);
    }
    pthread_t t = start(body, 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(pthread_sigqueue(t, SIGRTMIN + 1, (union sigval){.sival_int = 100 + i}), 0);
        CHECK_EQ(pthread_sigqueue(t, SIGRTMIN, (union sigval){.sival_int = 200 + i}), 0);
    }
    sem_post(&go);
    join(t);
    CHECK_EQ(count, 8);
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(values[i], i < 4 ? 200 + i : 100 + i - 4);
        CHECK_EQ(codes[i], SI_QUEUE);
        CHECK_EQ(senders[i], getpid());
        CHECK_EQ(signos[i], i < 4 ? SIGRTMIN : SIGRTMIN + 1);
    }
    count = 0;
    for (int i = 0; i < 5; i++)
        CHECK_EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}), 0);
    mask_one(SIG_UNBLOCK, SIGRTMIN);
    CHECK_EQ(count, 5);
    int status;
    pid_t pid = getpid();
    IN_CHILD(status, CHECK_EQ(sigqueue(pid, SIGRTMIN, (union sigval){.sival_int = 55}), 0));
    CHECK_EQ(status, 0);
    CHECK_EQ(count, 6);
    CHECK_EQ(values[5], 55);
    CHECK(senders[5] != getpid());
    return finish();
}
