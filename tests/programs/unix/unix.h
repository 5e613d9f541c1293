/* What the programs about AF_UNIX and terminals share. */
#ifndef UNIX_H
#define UNIX_H
#include "../net/net.h"

/* An abstract name of this run of the program alone; several live at a time. */
static pid_t own_pid;
__attribute__((constructor)) static void note_pid(void) { own_pid = getpid(); }
UNUSED static const char *abstract(const char *name)
{
    static char texts[8][64];
    static unsigned turn;
    char *text = texts[turn++ % 8];
    snprintf(text, sizeof texts[0], "@dst-%d-%s", (int)own_pid, name);
    return text;
}

UNUSED static ssize_t unix_sendto(int fd, const void *data, size_t size, int flags, const char *name)
{
    struct sockaddr_un a;
    socklen_t n = unix_address(&a, name);
    return sendto(fd, data, size, flags, (struct sockaddr *)&a, n);
}

UNUSED static void unix_pair(int fds[2], int type) { CHECK_EQ(socketpair(AF_UNIX, type, 0, fds), 0); }

/* ---- descriptors in messages ---- */
UNUSED static ssize_t send_data_fds(int to, const void *data, size_t size, const int *fds, int count)
{
    char control[CMSG_SPACE(sizeof(int) * 64)] = {0};
    struct iovec v = {(void *)data, size};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
    return sendmsg(to, &m, 0);
}

/* How many descriptors came; `room` is for so many of them. */
UNUSED static int receive_data_fds(int from, void *data, size_t size, int *fds, int room, int flags, int *out_flags)
{
    char control[CMSG_SPACE(sizeof(int) * 64)] = {0};
    struct iovec v = {data, size};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? control : 0,
                       .msg_controllen = room ? CMSG_LEN(sizeof(int) * (size_t)room) : 0};
    int count = 0;
    if (recvmsg(from, &m, flags) < 0)
        return -1;
    if (out_flags)
        *out_flags = m.msg_flags;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), sizeof(int) * (size_t)count);
    }
    return count;
}

UNUSED static int send_fd(int to, int fd) { return send_data_fds(to, "f", 1, &fd, 1) == 1; }

UNUSED static int receive_fd(int from)
{
    int fd = -1;
    char byte;
    return receive_data_fds(from, &byte, 1, &fd, 1, 0, 0) == 1 ? fd : -1;
}

/* ---- signals ---- */
static volatile int signals_seen;
UNUSED static void see_signal(int signo)
{
    (void)signo;
    signals_seen++;
}

UNUSED static void on_signal(int signo, int flags)
{
    struct sigaction a = {.sa_handler = see_signal, .sa_flags = flags};
    CHECK_EQ(sigaction(signo, &a, 0), 0);
}

/* Waits until a process sleeps in a call: what it was about to wait for, it waits for now. */
UNUSED static void until_asleep(pid_t pid)
{
    char path[64], stat[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    for (int asleep = 0; asleep < 3;) {
        sleep_ms(2);
        int fd = open(path, O_RDONLY);
        ssize_t n = read(fd, stat, sizeof stat - 1);
        close(fd);
        stat[n > 0 ? n : 0] = 0;
        const char *state = strrchr(stat, ')');
        asleep = state && state[2] == 'S' ? asleep + 1 : 0;
    }
}

/* A child that sends us a signal when we have gone to sleep. */
UNUSED static pid_t signal_asleep(int signo)
{
    pid_t parent = getpid(), pid = fork();
    if (pid)
        return pid;
    until_asleep(parent);
    kill(parent, signo);
    _exit(0);
}

UNUSED static void until_signal(void)
{
    while (!signals_seen)
        sleep_ms(1);
}

UNUSED static int reap(pid_t pid)
{
    int status = -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

/* A child that runs `body` and exits with 0 when its checks held. */
#define CHILD(pid, ...)                        \
    do {                                       \
        fflush(stdout);                        \
        pid = fork();                          \
        CHECK(pid >= 0);                       \
        if (pid == 0) {                        \
            check_failures = 0;                \
            __VA_ARGS__;                       \
            fflush(stdout);                    \
            _exit(check_failures != 0);        \
        }                                      \
    } while (0)
#endif
