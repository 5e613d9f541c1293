/* SCM_RIGHTS: how long a descriptor on its way keeps its file open. */
#include "unix.h"

/* Nobody has the writing end of the pipe any more: its reader, who waits, gets the end of file. */
static pid_t waits_for_end(int p[2], int s[2])
{
    pid_t pid;
    CHILD(pid, close(p[1]); close(s[0]); close(s[1]); char byte; CHECK_EQ(read(p[0], &byte, 1), 0));
    close(p[0]);
    sleep_ms(10);
    CHECK_EQ(waitpid(pid, 0, WNOHANG), 0);
    return pid;
}

/* A pipe whose writing end is only in a message from s[0] to s[1]. */
static pid_t in_flight(int s[2], int type, const char *before)
{
    int p[2];
    CHECK_EQ(pipe(p), 0);
    unix_pair(s, type);
    if (before)
        CHECK_EQ(write(s[0], before, strlen(before)), (long)strlen(before));
    CHECK(send_fd(s[0], p[1]));
    pid_t pid = waits_for_end(p, s);
    close(p[1]);
    sleep_ms(10);
    CHECK_EQ(waitpid(pid, 0, WNOHANG), 0); /* the message keeps it open */
    return pid;
}

static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

static void receiver_closed(void)
{
    for (int i = 0; i < 3; i++) {
        int s[2];
        pid_t pid = in_flight(s, types[i], 0);
        close(s[0]); /* not the sender's end */
        sleep_ms(10);
        CHECK_EQ(waitpid(pid, 0, WNOHANG), 0);
        close(s[1]);
        CHECK_EQ(reap(pid), 0);
    }
}

/* Read without room for descriptors: they are closed with the byte that they came with. */
static void read_plainly(void)
{
    char text[8];
    for (int i = 0; i < 3; i++) {
        int s[2];
        pid_t pid = in_flight(s, types[i], 0);
        CHECK_EQ(read(s[1], text, 8), 1);
        CHECK_EQ(reap(pid), 0);
        close(s[0]);
        close(s[1]);
    }
    int s[2];
    pid_t pid = in_flight(s, SOCK_STREAM, "before");
    CHECK_EQ(recv(s[1], text, 3, 0), 3);
    CHECK_EQ(recv(s[1], text, 3, 0), 3);
    sleep_ms(10);
    CHECK_EQ(waitpid(pid, 0, WNOHANG), 0); /* not read yet */
    CHECK_EQ(write(s[0], "more", 4), 4);
    CHECK_EQ(read(s[1], text, 8), 1);
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(read(s[1], text, 8), 4);
    close(s[0]);
    close(s[1]);
}

static void messages_between(void)
{
    int s[2], got[2] = {-1, -1};
    char text[8];
    pid_t pid = in_flight(s, SOCK_DGRAM, "first");
    int p[2];
    CHECK_EQ(pipe(p), 0);
    CHECK(send_fd(s[0], p[1]));
    close(p[1]);
    CHECK_EQ(recv(s[1], text, 8, 0), 5);
    CHECK_EQ(recv(s[1], text, 8, 0), 1);
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(receive_data_fds(s[1], text, 8, got, 2, 0, 0), 1);
    CHECK_EQ(write(got[0], "x", 1), 1);
    CHECK_EQ(read(p[0], text, 1), 1);
    close(got[0]);
    CHECK_EQ(read(p[0], text, 1), 0);
}

static void sender_killed(void)
{
    int p[2], s[2], got = -1;
    char byte;
    pid_t pid;
    CHECK_EQ(pipe(p), 0);
    unix_pair(s, SOCK_STREAM);
    CHILD(pid, CHECK(send_fd(s[0], p[1])); pause());
    close(p[1]);
    CHECK_EQ(wait_for(s[1], POLLIN), POLLIN);
    kill(pid, SIGKILL);
    CHECK_EQ(reap(pid), SIGKILL);
    CHECK_EQ(poll_now(p[0]), 0);
    got = receive_fd(s[1]);
    CHECK_EQ(write(got, "x", 1), 1);
    CHECK_EQ(read(p[0], &byte, 1), 1);
    close(got);
    CHECK_EQ(read(p[0], &byte, 1), 0);
}

/* Before the connection is accepted, or never. */
static void in_a_queue(int accepted)
{
    int p[2], listener = unix_listener(SOCK_STREAM, abstract("queue"), 4), none[2] = {listener, listener};
    int c = unix_dial(SOCK_STREAM, abstract("queue"));
    CHECK_EQ(pipe(p), 0);
    CHECK(send_fd(c, p[1]));
    pid_t pid = waits_for_end(p, none);
    close(p[1]);
    if (accepted) {
        int s = accept(listener, 0, 0), got = receive_fd(s);
        sleep_ms(10);
        CHECK_EQ(waitpid(pid, 0, WNOHANG), 0);
        close(got);
        CHECK_EQ(reap(pid), 0);
        close(listener);
    } else {
        CHECK_EQ(kill(pid, 0), 0);
        close(listener);
        CHECK_EQ(reap(pid), 0);
    }
    close(c);
}

/* Sockets in messages of sockets in messages. */
static void chain(void)
{
    int p[2], outer[2], next[2];
    CHECK_EQ(pipe(p), 0);
    unix_pair(outer, SOCK_STREAM);
    int s[2] = {outer[0], outer[1]};
    for (int depth = 0; depth < 20; depth++) {
        unix_pair(next, SOCK_STREAM);
        CHECK(send_fd(s[0], next[1]));
        if (depth)
            close(s[0]);
        close(next[1]);
        s[0] = next[0];
    }
    CHECK(send_fd(s[0], p[1]));
    close(s[0]);
    pid_t pid = waits_for_end(p, outer);
    close(p[1]);
    sleep_ms(10);
    CHECK_EQ(waitpid(pid, 0, WNOHANG), 0);
    close(outer[1]); /* and with it all of them */
    CHECK_EQ(reap(pid), 0);
    close(outer[0]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    receiver_closed();
    read_plainly();
    messages_between();
    sender_killed();
    in_a_queue(1);
    in_a_queue(0);
    chain();
    return finish();
}
