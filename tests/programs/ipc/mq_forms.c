/* POSIX message queues: attributes, priorities, who gets a message, timeouts, polling, signals. */
#include <mqueue.h>

#include "ipc.h"

static const char *name = "/mq_forms";

static mqd_t opened(int flags, long messages)
{
    struct mq_attr attr = {.mq_maxmsg = messages, .mq_msgsize = 32};
    mqd_t q = mq_open(name, O_RDWR | flags, 0600, messages ? &attr : 0);
    CHECK(q != (mqd_t)-1);
    return q;
}

static struct timespec wall_after(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    long ns = t.tv_nsec + ms % 1000 * 1000000;
    return (struct timespec){t.tv_sec + ms / 1000 + ns / 1000000000, ns % 1000000000};
}

static void put(mqd_t q, const char *text, unsigned priority)
{
    CHECK_EQ(mq_send(q, text, strlen(text) + 1, priority), 0);
}

static const char *get(mqd_t q)
{
    static _Thread_local char text[32];
    return mq_receive(q, text, sizeof text, 0) < 0 ? "" : text;
}

static void attributes(void)
{
    struct mq_attr attr, old;
    char text[32];
    unsigned priority;
    CHECK_ERRNO(mq_open(name, O_RDWR), ENOENT);
    CHECK_ERRNO(mq_unlink(name), ENOENT);
    mqd_t q = opened(O_CREAT | O_EXCL, 4);
    CHECK_ERRNO(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, 0), EEXIST);
    CHECK_EQ(fcntl((int)q, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(mq_getattr(q, &attr), 0);
    CHECK_EQ(attr.mq_flags, 0);
    CHECK_EQ(attr.mq_maxmsg, 4);
    CHECK_EQ(attr.mq_msgsize, 32);
    put(q, "low", 1);
    put(q, "high", 9);
    put(q, "high too", 9);
    CHECK_EQ(mq_getattr(q, &attr), 0);
    CHECK_EQ(attr.mq_curmsgs, 3);
    CHECK_EQ(mq_receive(q, text, sizeof text, &priority), 5);
    CHECK_EQ(priority, 9);
    CHECK_EQ(strcmp(text, "high"), 0);
    CHECK_EQ(strcmp(get(q), "high too"), 0);
    CHECK_EQ(strcmp(get(q), "low"), 0);
    CHECK_ERRNO(mq_receive(q, text, 31, 0), EMSGSIZE);
    CHECK_ERRNO(mq_send(q, text, 33, 0), EMSGSIZE);
    CHECK_ERRNO(mq_send(q, text, 1, 32768), EINVAL);
    attr.mq_flags = O_NONBLOCK;
    CHECK_EQ(mq_setattr(q, &attr, &old), 0);
    CHECK_EQ(old.mq_flags, 0);
    CHECK_EQ(fcntl((int)q, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_ERRNO(mq_receive(q, text, 32, 0), EAGAIN);
    for (int i = 0; i < 4; i++)
        put(q, "x", 0);
    CHECK_ERRNO(mq_send(q, "x", 1, 0), EAGAIN);
    attr.mq_flags = 1;
    CHECK_ERRNO(mq_setattr(q, &attr, 0), EINVAL);
    mqd_t reader = mq_open(name, O_RDONLY);
    CHECK_ERRNO(mq_send(reader, "x", 1, 0), EBADF);
    CHECK_EQ(mq_close(reader), 0);
    CHECK_ERRNO(mq_receive(reader, text, 32, 0), EBADF);
    CHECK_ERRNO(mq_receive(1, text, 32, 0), EBADF);
    CHECK_EQ(mq_unlink(name), 0);
    CHECK_EQ(strcmp(get(q), "x"), 0); /* it is still there */
    mq_close(q);
}

/* Nobody gets in between: who has waited longest has the message. */
static void receivers(void)
{
    struct board *b = board_new();
    char text[32];
    pid_t pids[4];
    mqd_t q = opened(O_CREAT, 2);
    for (int i = 0; i < 4; i++) {
        pids[i] = SPAWN(mqd_t mine = opened(0, 0); b->words[i] = atoi(BLOCKS(get(mine))));
        until_blocked(1);
    }
    mqd_t hasty = opened(O_NONBLOCK, 0);
    for (int i = 0; i < 4; i++) {
        put(q, (char[2]){(char)('1' + i)}, (unsigned)i);
        CHECK_ERRNO(mq_receive(hasty, text, 32, 0), EAGAIN);
    }
    for (int i = 0; i < 4; i++) {
        reap(pids[i]);
        CHECK_EQ(b->words[i], i + 1);
    }
    mq_close(q);
    mq_close(hasty);
}

static void *sender(void *q)
{
    about_to_block();
    put((mqd_t)(long)q, "blocked", 5);
    return 0;
}

static void senders(void)
{
    mqd_t q = opened(0, 0);
    put(q, "one", 0);
    put(q, "two", 0);
    pthread_t t = start(sender, (void *)(long)q);
    until_blocked(1);
    pid_t child = SPAWN(about_to_block(); put(q, "child", 7));
    until_blocked(1);
    CHECK_EQ(strcmp(get(q), "one"), 0);
    join(t);
    CHECK_EQ(strcmp(get(q), "blocked"), 0);
    CHECK_EQ(strcmp(get(q), "child"), 0);
    CHECK_EQ(strcmp(get(q), "two"), 0);
    reap(child);
    mq_close(q);
}

static void timeouts(void)
{
    char text[32];
    mqd_t q = opened(0, 0);
    struct timespec past = {1, 0}, bad = {1, 1000000000}, soon = wall_after(30);
    long before = now_ms();
    CHECK_ERRNO(mq_timedreceive(q, text, 32, 0, &soon), ETIMEDOUT);
    CHECK(now_ms() - before >= 29);
    CHECK_ERRNO(mq_timedreceive(q, text, 32, 0, &past), ETIMEDOUT);
    CHECK_ERRNO(mq_timedreceive(q, text, 32, 0, &bad), EINVAL);
    put(q, "a", 0);
    put(q, "b", 0);
    CHECK_ERRNO(mq_timedsend(q, "c", 1, 0, &past), ETIMEDOUT);
    CHECK_EQ(mq_timedreceive(q, text, 32, 0, &past), 2);
    CHECK_EQ(mq_timedreceive(q, text, 32, 0, &past), 2);
    install(SIGALRM, count_signal, 0);
    alarm_ms(20);
    CHECK_ERRNO(mq_receive(q, text, 32, 0), EINTR);
    install(SIGALRM, count_signal, SA_RESTART);
    alarm_ms(20);
    pid_t child = SPAWN(UNTIL(signals_seen == 2); put(q, "late", 0));
    CHECK_EQ(strcmp(get(q), "late"), 0);
    CHECK_EQ(signals_seen, 2);
    reap(child);
    mq_close(q);
}

static void polling(void)
{
    mqd_t q = opened(0, 0);
    struct pollfd p = {(int)q, POLLIN | POLLOUT};
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_EQ(p.revents, POLLOUT);
    p.events = POLLIN;
    CHECK_EQ(poll(&p, 1, 20), 0);
    pid_t child = SPAWN(sleep_ms(20); put(opened(0, 0), "x", 0); put(q, "y", 0));
    CHECK_EQ(poll(&p, 1, -1), 1);
    reap(child);
    p.events = POLLOUT;
    CHECK_EQ(poll(&p, 1, 0), 0);
    child = SPAWN(sleep_ms(20); get(opened(0, 0)));
    CHECK_EQ(poll(&p, 1, 5000), 1);
    CHECK_EQ(p.revents, POLLOUT);
    reap(child);
    get(q);
    mq_close(q);
}

int main(void)
{
    mq_unlink(name);
    attributes();
    receivers();
    senders();
    timeouts();
    polling();
    CHECK_EQ(mq_unlink(name), 0);
    return finish();
}
