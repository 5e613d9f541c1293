/* MSG_WAITALL and SO_RCVLOWAT: reads that are content with all, or with so much. */
#include "unix.h"

static char text[64];

/* A child that writes the pieces, one after another, with pauses. */
static pid_t writer(int s[2], const char *const *pieces)
{
    pid_t pid;
    CHILD(pid, close(s[0]); for (; *pieces; pieces++) {
        sleep_ms(10);
        CHECK_EQ(write(s[1], *pieces, strlen(*pieces)), (long)strlen(*pieces));
    });
    close(s[1]);
    return pid;
}

static void all(void)
{
    static const char *const pieces[] = {"ab", "cd", "efgh", 0};
    int s[2];
    unix_pair(s, SOCK_STREAM);
    pid_t pid = writer(s, pieces);
    CHECK_EQ(recv(s[0], text, 3, MSG_WAITALL), 3);
    CHECK(!memcmp(text, "abc", 3));
    struct iovec v[3] = {{text, 1}, {text + 1, 0}, {text + 1, 3}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 3};
    CHECK_EQ(recvmsg(s[0], &m, MSG_WAITALL), 4);
    CHECK(!memcmp(text, "defg", 4));
    CHECK_EQ(m.msg_flags, 0);
    CHECK_EQ(m.msg_controllen, 0);
    CHECK_EQ(recv(s[0], text, 9, MSG_WAITALL), 1); /* the end comes first */
    CHECK_EQ(recv(s[0], text, 9, MSG_WAITALL), 0);
    CHECK_EQ(reap(pid), 0);
    close(s[0]);
}

static void many_vectors(void)
{
    int s[2];
    pid_t pid;
    char bytes[200];
    struct iovec v[200];
    unix_pair(s, SOCK_STREAM);
    CHILD(pid, close(s[0]); for (int i = 0; i < 200; i += 100) {
        char part[100];
        memset(part, 'a' + i / 100, sizeof part);
        sleep_ms(5);
        CHECK_EQ(write(s[1], part, 30), 30);
        sleep_ms(5);
        CHECK_EQ(write(s[1], part + 30, 70), 70);
    });
    close(s[1]);
    for (int i = 0; i < 200; i++)
        v[i] = (struct iovec){bytes + i, 1};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 200};
    CHECK_EQ(recvmsg(s[0], &m, MSG_WAITALL), 200);
    CHECK(bytes[0] == 'a' && bytes[99] == 'a' && bytes[100] == 'b' && bytes[199] == 'b');
    CHECK_EQ(reap(pid), 0);
    close(s[0]);
}

static void cut_short(void)
{
    int s[2];
    unix_pair(s, SOCK_STREAM);
    on_signal(SIGUSR1, 0);
    CHECK_EQ(write(s[1], "xy", 2), 2);
    pid_t pid = signal_asleep(SIGUSR1);
    CHECK_EQ(recv(s[0], text, 10, MSG_WAITALL), 2); /* interrupted: what was there */
    CHECK_EQ(reap(pid), 0);
    pid = signal_asleep(SIGUSR1);
    CHECK_ERRNO(recv(s[0], text, 10, MSG_WAITALL), EINTR);
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(write(s[1], "xyz", 3), 3);
    CHECK_EQ(recv(s[0], text, 10, MSG_WAITALL | MSG_DONTWAIT), 3);
    CHECK_ERRNO(recv(s[0], text, 10, MSG_WAITALL | MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(write(s[1], "xyz", 3), 3);
    CHECK_EQ(recv(s[0], text, 10, MSG_WAITALL | MSG_PEEK), 3); /* looks once */
    set_timeout(s[0], SO_RCVTIMEO, 30);
    double before = now_s(CLOCK_MONOTONIC);
    CHECK_EQ(recv(s[0], text, 10, MSG_WAITALL), 3);
    CHECK(ms_since(before) >= 29);
    CHECK_ERRNO(recv(s[0], text, 10, MSG_WAITALL), EAGAIN);
    close(s[0]);
    close(s[1]);
}

/* Descriptors end a message: bytes after theirs are the next one's. */
static void at_rights(void)
{
    int s[2], p[2], fd = -1, flags;
    pid_t pid;
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(pipe(p), 0);
    CHILD(pid, CHECK_EQ(write(s[1], "aa", 2), 2); sleep_ms(10); CHECK_EQ(send_data_fds(s[1], "bb", 2, p, 1), 2);
          sleep_ms(10); CHECK_EQ(write(s[1], "cccc", 4), 4));
    CHECK_EQ(receive_data_fds(s[0], text, 8, &fd, 4, MSG_WAITALL, &flags), 1);
    CHECK(!memcmp(text, "aabb", 4));
    CHECK_EQ(fcntl(fd, F_GETFL), O_RDONLY);
    CHECK_EQ(recv(s[0], text, 4, MSG_WAITALL), 4);
    CHECK(!memcmp(text, "cccc", 4));
    CHECK_EQ(reap(pid), 0);
    close(fd);
}

static void low_water(void)
{
    static const char *const pieces[] = {"1", "2", "3456", 0};
    int s[2];
    unix_pair(s, SOCK_STREAM);
    CHECK_EQ(set_option(s[0], SOL_SOCKET, SO_RCVLOWAT, 4), 0);
    CHECK_EQ(get_option(s[0], SOL_SOCKET, SO_RCVLOWAT), 4);
    pid_t pid = writer(s, pieces);
    CHECK_EQ(read(s[0], text, 2), 2);
    CHECK_EQ(recv(s[0], text, 60, 0), 4);
    CHECK(!memcmp(text, "3456", 4));
    CHECK_EQ(reap(pid), 0);
    CHECK_EQ(read(s[0], text, 60), 0);
    close(s[0]);
}

int main(void)
{
    all();
    many_vectors();
    cut_short();
    at_rights();
    low_water();
    return finish();
}
