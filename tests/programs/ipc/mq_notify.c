/* mq_notify: one registration, told once, when a message comes into an empty queue that nobody
 * waits at. */
#include <mqueue.h>
#include <semaphore.h>

#include "ipc.h"

static const char *name = "/mq_notify_test";
static siginfo_t told;
static atomic_int count;
static sem_t called;

static void on_message(int signo, siginfo_t *info, void *context)
{
    (void)context;
    told = *info;
    count++;
}

static int request(mqd_t q, int how, int signo, int value)
{
    struct sigevent e = {.sigev_notify = how, .sigev_signo = signo, .sigev_value.sival_int = value};
    return mq_notify(q, &e);
}

static void by_signal(mqd_t q)
{
    char text[32];
    struct sigaction a = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGUSR1, &a, 0);
    CHECK_ERRNO(request(q, 9, SIGUSR1, 0), EINVAL);
    CHECK_ERRNO(request(q, SIGEV_SIGNAL, 99, 0), EINVAL);
    CHECK_ERRNO(request(1, SIGEV_NONE, 0, 0), EBADF);
    CHECK_EQ(request(q, SIGEV_SIGNAL, SIGUSR1, 42), 0);
    CHECK_ERRNO(request(q, SIGEV_NONE, 0, 0), EBUSY);
    int status;
    IN_CHILD(status, CHECK_ERRNO(request(q, SIGEV_NONE, 0, 0), EBUSY); CHECK_EQ(mq_notify(q, 0), 0);
             CHECK_ERRNO(request(q, SIGEV_NONE, 0, 0), EBUSY); CHECK_EQ(mq_send(q, "x", 1, 0), 0));
    CHECK_EQ(status, 0);
    CHECK_EQ(count, 1);
    CHECK_EQ(told.si_code, SI_MESGQ);
    CHECK_EQ(told.si_value.sival_int, 42);
    CHECK(told.si_pid > 0 && told.si_pid != getpid());
    CHECK_EQ(mq_send(q, "y", 1, 0), 0);
    CHECK_EQ(count, 1); /* once */
    CHECK_EQ(request(q, SIGEV_SIGNAL, SIGUSR1, 43), 0);
    CHECK_EQ(mq_send(q, "z", 1, 0), 0);
    CHECK_EQ(count, 1); /* it was not empty */
    while (mq_receive(q, text, 32, 0) > 0 && text[0] != 'z')
        ;
    CHECK_EQ(mq_send(q, "u", 1, 0), 0);
    CHECK_EQ(count, 2);
    CHECK_EQ(told.si_pid, getpid());
    CHECK_EQ(mq_receive(q, text, 32, 0), 1);
}

/* Who waits gets the message, and nobody is told. */
static void past_a_receiver(mqd_t q)
{
    char text[32];
    pid_t child = SPAWN(CHECK_EQ(BLOCKS(mq_receive(q, text, 32, 0)), 1));
    until_blocked(1);
    CHECK_EQ(request(q, SIGEV_SIGNAL, SIGUSR1, 44), 0);
    CHECK_EQ(mq_send(q, "x", 1, 0), 0);
    reap(child);
    CHECK_EQ(count, 2);
    CHECK_EQ(mq_notify(q, 0), 0);
    CHECK_EQ(request(q, SIGEV_NONE, 0, 0), 0);
    mqd_t other = mq_open(name, O_RDWR);
    CHECK_EQ(mq_close(other), 0); /* any descriptor of the process */
    CHECK_EQ(request(q, SIGEV_SIGNAL, SIGUSR1, 45), 0);
    CHECK_EQ(mq_notify(q, 0), 0);
    child = SPAWN(CHECK_EQ(request(q, SIGEV_SIGNAL, SIGUSR1, 45), 0));
    reap(child);
    CHECK_EQ(request(q, SIGEV_NONE, 0, 0), 0); /* the child's went with it */
    CHECK_EQ(mq_notify(q, 0), 0);
}

static void call(union sigval value)
{
    count += value.sival_int;
    sem_post(&called);
}

static void by_thread(mqd_t q)
{
    char text[32];
    struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 100};
    e.sigev_notify_function = call;
    sem_init(&called, 0, 0);
    for (int i = 1; i <= 3; i++) {
        CHECK_EQ(mq_notify(q, &e), 0);
        CHECK_ERRNO(mq_notify(q, &e), EBUSY);
        pid_t child = SPAWN(CHECK_EQ(mq_send(q, "x", 1, 0), 0));
        sem_wait(&called);
        CHECK_EQ(count, 2 + i * 100);
        CHECK_EQ(mq_receive(q, text, 32, 0), 1);
        reap(child);
    }
    CHECK_EQ(mq_notify(q, &e), 0);
    CHECK_EQ(mq_notify(q, 0), 0);
}

int main(void)
{
    struct mq_attr attr = {.mq_maxmsg = 5, .mq_msgsize = 32};
    mq_unlink(name);
    mqd_t q = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    CHECK(q != (mqd_t)-1);
    by_signal(q);
    past_a_receiver(q);
    by_thread(q);
    CHECK_EQ(mq_unlink(name), 0);
    return finish();
}
