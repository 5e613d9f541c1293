/* socketpair of each type: flags, names, both ways, blocking, fork, exec. */
#include "net.h"

static void flags(int type)
{
    int fds[2];
    CHECK_EQ(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        char byte;
        CHECK_EQ(fcntl(fds[i], F_GETFL), O_RDWR | O_NONBLOCK);
        CHECK_EQ(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
        CHECK_ERRNO(read(fds[i], &byte, 1), EAGAIN);
        CHECK_EQ(get_option(fds[i], SOL_SOCKET, SO_TYPE), type);
        CHECK_EQ(get_option(fds[i], SOL_SOCKET, SO_DOMAIN), AF_UNIX);
        struct sockaddr_un a;
        socklen_t n = sizeof a;
        CHECK_EQ(getpeername(fds[i], (struct sockaddr *)&a, &n), 0);
        CHECK_EQ(n, sizeof a.sun_family);
        struct stat st;
        CHECK_EQ(fstat(fds[i], &st), 0);
        CHECK(S_ISSOCK(st.st_mode));
    }
    close(fds[0]), close(fds[1]);
}

static void works(int type)
{
    int fds[2], status;
    CHECK_EQ(socketpair(AF_UNIX, type, 0, fds), 0);
    check_linked(fds[0], fds[1]);
    set_nonblocking(fds[0], 1); /* each end has its own flags */
    CHECK_EQ(fcntl(fds[1], F_GETFL), O_RDWR);
    set_nonblocking(fds[0], 0);
    pid_t child = fork();
    if (!child) {
        char byte;
        for (int i = 0; i < 20; i++) {
            CHECK_EQ(read(fds[1], &byte, 1), 1);
            byte++;
            CHECK_EQ(write(fds[1], &byte, 1), 1);
        }
        _exit(check_failures != 0);
    }
    char byte = 'a';
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(write(fds[0], &byte, 1), 1);
        CHECK_EQ(read(fds[0], &byte, 1), 1);
    }
    CHECK_EQ(byte, 'a' + 20);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    int n = -1;
    CHECK_EQ(write(fds[0], "12345", 5), 5);
    CHECK_EQ(ioctl(fds[1], FIONREAD, &n), 0);
    CHECK_EQ(n, 5);
    close(fds[0]), close(fds[1]);
}

/* As a child's stdin and stdout, which a shell inherits. */
static void with_exec(void)
{
    int fds[2], status;
    char text[64] = {0};
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    pid_t child = fork();
    if (!child) {
        dup2(fds[1], 0), dup2(fds[1], 1);
        close(fds[0]), close(fds[1]);
        execl("/bin/sh", "sh", "-c", "read line; echo \"got $line\"; read line; echo \"and $line\"",
              (char *)0);
        _exit(1);
    }
    close(fds[1]);
    CHECK_EQ(write(fds[0], "this\n", 5), 5);
    CHECK_EQ(recv(fds[0], text, 9, MSG_WAITALL), 9);
    CHECK_TEXT(text, "got this\n");
    CHECK_EQ(write(fds[0], "that\n", 5), 5);
    CHECK_EQ(read_all(fds[0], text, sizeof text), 9);
    CHECK_EQ(memcmp(text, "and that\n", 9), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    close(fds[0]);
}

static void errors(void)
{
    int fds[2];
    CHECK_ERRNO(socketpair(AF_UNIX, 77, 0, fds), EINVAL);
    CHECK_ERRNO(socketpair(AF_UNIX, 9, 0, fds), ESOCKTNOSUPPORT);
    CHECK_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 5, fds), EPROTONOSUPPORT);
    CHECK_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere), EFAULT);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, PF_UNIX, fds), 0); /* 1 is allowed */
    close(fds[0]), close(fds[1]);
    int fd = socket(AF_UNIX, SOCK_RAW, 0); /* as good as SOCK_DGRAM */
    CHECK_EQ(get_option(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    close(fd);
}

int main(void)
{
    const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 3; i++) {
        flags(types[i]);
        works(types[i]);
    }
    with_exec();
    errors();
    return finish();
}
