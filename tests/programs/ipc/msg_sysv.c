/* System V message queues: types, sizes, who gets a message, who gets room, what ends a wait. */
#include <sys/ipc.h>
#include <sys/msg.h>

#include "ipc.h"

struct message {
    long type;
    char text[8192];
};

static int new_queue(void)
{
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    CHECK(id >= 0);
    return id;
}

static int put(int id, long type, const char *text, int flags)
{
    struct message m = {type};
    strcpy(m.text, text);
    return msgsnd(id, &m, strlen(text) + 1, flags);
}

/* The text, or "" where there is none. */
static const char *get(int id, long type, int flags)
{
    static _Thread_local struct message m;
    return msgrcv(id, &m, sizeof m.text, type, flags) < 0 ? "" : m.text;
}

static void errors_and_types(void)
{
    struct message m;
    int id = new_queue();
    CHECK_ERRNO(msgget(0x7654321, 0), ENOENT);
    CHECK_ERRNO(put(id, 0, "x", 0), EINVAL);
    CHECK_ERRNO(msgsnd(id, (void *)8, 1, 0), EFAULT);
    CHECK_ERRNO(msgsnd(id, &m, 8193, 0), EINVAL);
    CHECK_ERRNO(msgrcv(id, &m, 10, 0, IPC_NOWAIT), ENOMSG);
    CHECK_ERRNO(msgrcv(id + 1, &m, 10, 0, IPC_NOWAIT), EINVAL);
    for (long type = 5; type; type--)
        CHECK_EQ(put(id, type, (char[2]){(char)('0' + type)}, 0), 0);
    CHECK_EQ(strcmp(get(id, 3, 0), "3"), 0);
    CHECK_EQ(strcmp(get(id, -4, 0), "1"), 0);
    CHECK_EQ(strcmp(get(id, 5, MSG_EXCEPT), "4"), 0);
    CHECK_EQ(strcmp(get(id, 0, 0), "5"), 0);
    CHECK_ERRNO(msgrcv(id, &m, 1, 0, 0), E2BIG);
    CHECK_EQ(msgrcv(id, &m, 1, 0, MSG_NOERROR), 1);
    CHECK_EQ(m.type, 2);
    CHECK_EQ(msgctl(id, IPC_RMID, 0), 0);
}

/* Each receiver waits for a type of its own; those of the same, oldest first. */
static void receivers(void)
{
    static const long types[5] = {2, 1, 1, -9, 3};
    static const long sent[5] = {1, 3, 2, 1, 7};
    static const int order[5] = {1, 3, 0, 2, -1};
    struct board *b = board_new();
    int id = new_queue();
    pid_t pids[5];
    for (int i = 0; i < 5; i++) {
        pids[i] = SPAWN(const char *s = BLOCKS(get(id, types[i], 0)); b->words[i] = s[0] - '0');
        until_blocked(1);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(put(id, sent[i], (char[2]){(char)('1' + i)}, 0), 0);
    struct msqid_ds ds;
    CHECK_EQ(msgctl(id, IPC_STAT, &ds), 0);
    CHECK_EQ(ds.msg_qnum, 0); /* all were handed over */
    CHECK_EQ(put(id, 7, "5", 0), 0);
    CHECK_EQ(strcmp(get(id, 0, IPC_NOWAIT), "5"), 0);
    CHECK_EQ(put(id, 3, "6", 0), 0);
    for (int i = 0; i < 5; i++)
        reap(pids[i]);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(b->words[order[i]], i + 1);
    CHECK_EQ(b->words[4], 6);
    CHECK_EQ(msgctl(id, IPC_RMID, 0), 0);
}

/* A receiver whose buffer is too small is told, and the next one gets the message. */
static void too_small(void)
{
    int id = new_queue();
    pid_t small = SPAWN(struct message m; CHECK_ERRNO(BLOCKS(msgrcv(id, &m, 1, 0, 0)), E2BIG));
    until_blocked(1);
    pid_t large = SPAWN(CHECK_EQ(strcmp(BLOCKS(get(id, 0, 0)), "long"), 0));
    until_blocked(1);
    CHECK_EQ(put(id, 1, "long", 0), 0);
    reap(small);
    reap(large);
    CHECK_EQ(msgctl(id, IPC_RMID, 0), 0);
}

static void *send_large(void *id)
{
    struct message m = {9};
    return (void *)(long)(BLOCKS(msgsnd((int)(long)id, &m, 8000, 0)) ? errno : 0);
}

static void senders(void)
{
    struct message m = {1};
    int id = new_queue(), error = 0;
    while (!(error = msgsnd(id, &m, 8000, IPC_NOWAIT)))
        ;
    CHECK_EQ(errno, EAGAIN);
    pthread_t t[2] = {start(send_large, (void *)(long)id), start(send_large, (void *)(long)id)};
    until_blocked(2);
    pid_t child = SPAWN(CHECK_EQ(put(id, 4, "small", 0), 0)); /* for it there is room */
    reap(child);
    CHECK_EQ(msgrcv(id, &m, sizeof m.text, 1, 0), 8000);
    CHECK_EQ(msgrcv(id, &m, sizeof m.text, 9, 0), 8000);
    CHECK_EQ(msgrcv(id, &m, sizeof m.text, 9, 0), 8000);
    for (int i = 0; i < 2; i++) {
        void *result;
        pthread_join(t[i], &result);
        CHECK_EQ((long)result, 0);
    }
    struct msqid_ds ds;
    CHECK_EQ(msgctl(id, IPC_STAT, &ds), 0);
    CHECK_EQ(ds.msg_lrpid, getpid());
    CHECK_EQ(ds.msg_qbytes, 16384);
    time_t now = time(0);
    CHECK(ds.msg_stime <= now && ds.msg_stime >= now - 5);
    CHECK(ds.msg_rtime <= now && ds.msg_rtime >= now - 5);
    CHECK(ds.msg_ctime <= now && ds.msg_ctime >= now - 5);
    CHECK_EQ(msgctl(id, IPC_RMID, 0), 0);
}

static void ends_of_a_wait(void)
{
    struct message m;
    int id = new_queue();
    install(SIGALRM, count_signal, SA_RESTART); /* which does not count for it */
    alarm_ms(20);
    CHECK_ERRNO(msgrcv(id, &m, 10, 0, 0), EINTR);
    pid_t receiver = SPAWN(struct message m; CHECK_ERRNO(BLOCKS(msgrcv(id, &m, 10, 5, 0)), EIDRM));
    memset(&m, 0, sizeof m);
    m.type = 1;
    while (!msgsnd(id, &m, 8000, IPC_NOWAIT))
        ;
    pthread_t sender = start(send_large, (void *)(long)id);
    until_blocked(2);
    CHECK_EQ(msgctl(id, IPC_RMID, 0), 0);
    reap(receiver);
    void *result;
    pthread_join(sender, &result);
    CHECK_EQ((long)result, EIDRM);
}

/* Who is stopped does not stand in line; its call goes on afterwards. */
static void stopped(void)
{
    int id = new_queue(), status;
    pid_t first = SPAWN(CHECK_EQ(strcmp(BLOCKS(get(id, 0, 0)), "two"), 0));
    until_blocked(1);
    pid_t second = SPAWN(CHECK_EQ(strcmp(BLOCKS(get(id, 0, 0)), "one"), 0));
    until_blocked(1);
    kill(first, SIGSTOP);
    CHECK_EQ(waitpid(first, &status, WUNTRACED), first);
    CHECK_EQ(put(id, 1, "one", 0), 0);
    reap(second);
    CHECK_EQ(put(id, 1, "two", 0), 0);
    kill(first, SIGCONT);
    reap(first);
    CHECK_EQ(msgctl(id, IPC_RMID, 0), 0);
}

/* A larger queue lets senders go. */
static void larger(void)
{
    struct msqid_ds ds;
    int id = new_queue();
    CHECK_EQ(msgctl(id, IPC_STAT, &ds), 0);
    ds.msg_qbytes = 4000;
    CHECK_EQ(msgctl(id, IPC_SET, &ds), 0);
    pthread_t sender = start(send_large, (void *)(long)id);
    until_blocked(1);
    ds.msg_qbytes = 8000;
    CHECK_EQ(msgctl(id, IPC_SET, &ds), 0);
    join(sender);
    CHECK_EQ(msgctl(id, IPC_RMID, 0), 0);
}

int main(void)
{
    errors_and_types();
    receivers();
    too_small();
    senders();
    ends_of_a_wait();
    stopped();
    larger();
    return finish();
}
