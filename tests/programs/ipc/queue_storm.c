/* Producers and consumers over small queues of both kinds: nothing lost, nothing twice, each
 * producer's messages in order for whoever takes them. */
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "ipc.h"

enum { PRODUCERS = 3, CONSUMERS = 3, EACH = 40 };

struct item {
    long type;
    int producer, number;
    char filler[2000];
};

static int id;
static mqd_t queue;
static struct board *b; /* words[0..]: sums; who[]: times each item was seen */

static void produce(int producer)
{
    struct item it = {producer % 2 + 1, producer};
    for (it.number = 0; it.number < EACH; it.number++) {
        CHECK_EQ(msgsnd(id, &it, sizeof it - sizeof it.type, 0), 0);
        CHECK_EQ(mq_send(queue, (char *)&it, 32, 0), 0);
    }
}

static void seen(int last[PRODUCERS], const struct item *it, int kind)
{
    CHECK(it->number > last[it->producer]);
    last[it->producer] = it->number;
    b->words[kind]++;
    b->words[2 + kind] += it->number;
}

static void *takes_mq(void *arg)
{
    int last[PRODUCERS] = {-1, -1, -1};
    struct item it;
    for (;;) {
        CHECK_EQ(mq_receive(queue, (char *)&it, 32, 0), 32);
        if (it.producer < 0)
            return arg;
        seen(last, &it, 1);
    }
}

static void consume(int consumer)
{
    int last[PRODUCERS] = {-1, -1, -1};
    struct item it;
    pthread_t t = start(takes_mq, 0);
    while (msgrcv(id, &it, sizeof it - sizeof it.type, consumer == 0 ? 1 : -9, 0) > 0 &&
           it.producer >= 0)
        seen(last, &it, 0);
    join(t);
}

int main(void)
{
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 32};
    pid_t producers[PRODUCERS], consumers[CONSUMERS];
    b = board_new();
    mq_unlink("/queue_storm");
    id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    queue = mq_open("/queue_storm", O_RDWR | O_CREAT, 0600, &attr);
    CHECK(queue != (mqd_t)-1);
    for (int i = 0; i < CONSUMERS; i++)
        consumers[i] = SPAWN(consume(i));
    for (int i = 0; i < PRODUCERS; i++)
        producers[i] = SPAWN(produce(i));
    for (int i = 0; i < PRODUCERS; i++)
        reap(producers[i]);
    struct item end = {1, -1};
    for (int i = 0; i < CONSUMERS; i++) {
        CHECK_EQ(mq_send(queue, (char *)&end, 32, 0), 0);
        CHECK_EQ(msgsnd(id, &end, sizeof end - sizeof end.type, 0), 0);
        end.type = 1;
    }
    /* type 2 may still be there, for those that take any */
    for (int i = 0; i < CONSUMERS; i++)
        reap(consumers[i]);
    struct item rest;
    while (msgrcv(id, &rest, sizeof rest - sizeof rest.type, 2, IPC_NOWAIT) > 0) {
        b->words[0]++;
        b->words[2] += rest.number;
    }
    for (int kind = 0; kind < 2; kind++) {
        CHECK_EQ(b->words[kind], PRODUCERS * EACH);
        CHECK_EQ(b->words[2 + kind], PRODUCERS * EACH * (EACH - 1) / 2);
    }
    CHECK_EQ(msgctl(id, IPC_RMID, 0), 0);
    CHECK_EQ(mq_unlink("/queue_storm"), 0);
    return finish();
}
