/* O_ASYNC: the owner gets SIGIO, or the signal that was chosen, when there is something to read. */
#define _GNU_SOURCE
#include "../check.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t count, last_fd, last_code, last_signo;

static void on_signal(int signo, siginfo_t *info, void *context)
{
    (void)context;
    count++;
    last_signo = signo;
    last_code = info->si_code;
    last_fd = info->si_fd;
}

static void install(int signo)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK_EQ(sigaction(signo, &action, 0), 0);
}

static void by_fcntl(int reader, int writer)
{
    char byte;
    count = 0;
    CHECK_EQ(fcntl(reader, F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(reader, F_GETOWN), getpid());
    CHECK_EQ(fcntl(reader, F_SETFL, fcntl(reader, F_GETFL) | O_ASYNC), 0);
    CHECK(fcntl(reader, F_GETFL) & O_ASYNC);
    CHECK_EQ(write(writer, "x", 1), 1);
    CHECK_EQ(count, 1);
    CHECK_EQ(last_signo, SIGIO);
    CHECK_EQ(read(reader, &byte, 1), 1);
    CHECK_EQ(fcntl(reader, F_SETSIG, SIGUSR1), 0);
    CHECK_EQ(fcntl(reader, F_GETSIG), SIGUSR1);
    CHECK_EQ(write(writer, "x", 1), 1);
    CHECK_EQ(count, 2);
    CHECK_EQ(last_signo, SIGUSR1);
    CHECK_EQ(last_fd, reader);
    CHECK_EQ(last_code, POLL_IN);
    CHECK_EQ(read(reader, &byte, 1), 1);
    CHECK_EQ(fcntl(reader, F_SETFL, fcntl(reader, F_GETFL) & ~O_ASYNC), 0);
    CHECK_EQ(write(writer, "x", 1), 1);
    CHECK_EQ(count, 2);
    CHECK_EQ(read(reader, &byte, 1), 1);
}

/* As nginx does: the end that its worker writes to is the master's. */
static void by_ioctl_from_a_child(void)
{
    int pair[2], on = 1, status;
    char byte;
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(ioctl(pair[0], FIOASYNC, &on), 0);
    CHECK_EQ(fcntl(pair[0], F_SETOWN, getpid()), 0);
    count = 0;
    pid_t child = fork();
    if (!child) {
        _exit(write(pair[1], "x", 1) != 1);
    }
    while (waitpid(child, &status, 0) < 0)
        CHECK_EQ(errno, EINTR);
    CHECK_EQ(status, 0);
    CHECK(count >= 1);
    CHECK_EQ(read(pair[0], &byte, 1), 1);
    close(pair[0]);
    close(pair[1]);
}

static void owners(void)
{
    struct f_owner_ex owner = {F_OWNER_TID, gettid()}, seen;
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(fcntl(ends[0], F_GETOWN), 0);
    CHECK_EQ(fcntl(ends[0], F_SETOWN_EX, &owner), 0);
    CHECK_EQ(fcntl(ends[0], F_GETOWN_EX, &seen), 0);
    CHECK(seen.type == F_OWNER_TID && seen.pid == gettid());
    CHECK_EQ(fcntl(ends[0], F_SETOWN, -getpgrp()), 0);
    CHECK_EQ(fcntl(ends[0], F_GETOWN_EX, &seen), 0);
    CHECK(seen.type == F_OWNER_PGRP && seen.pid == getpgrp());
    CHECK_EQ(fcntl(ends[0], F_SETSIG, 65), -1);
    CHECK_EQ(errno, EINVAL);
    owner.type = 7;
    CHECK_EQ(fcntl(ends[0], F_SETOWN_EX, &owner), -1);
    CHECK_EQ(errno, EINVAL);
    close(ends[0]);
    close(ends[1]);
}

static void tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    CHECK_EQ(listen(listener, 5), 0);
    CHECK_EQ(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
    CHECK_EQ(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    int server = accept(listener, 0, 0);
    count = 0;
    CHECK_EQ(fcntl(server, F_SETOWN, getpid()), 0);
    CHECK_EQ(fcntl(server, F_SETFL, O_ASYNC), 0);
    CHECK_EQ(write(client, "x", 1), 1);
    for (int i = 0; i < 1000 && !count; i++)
        usleep(1000);
    CHECK(count >= 1);
    close(client);
    close(server);
    close(listener);
}

int main(void)
{
    int ends[2];
    install(SIGIO);
    install(SIGUSR1);
    CHECK_EQ(pipe(ends), 0);
    by_fcntl(ends[0], ends[1]);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    by_fcntl(ends[0], ends[1]);
    by_ioctl_from_a_child();
    owners();
    tcp();
    return finish();
}
