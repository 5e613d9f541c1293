/* A busy tree for the storms: forks, pipes, sleeps, exits; survives the death of any of its members.
 * usage: busy_tree [ROUNDS] */
#include "check.h"

static int rounds = 30;

/* Writes and reads a pipe shared with a grandchild, sleeps, exits. */
static void leaf(int seed)
{
    int fds[2];
    char buffer[512];
    memset(buffer, 'a' + seed % 26, sizeof buffer);
    if (pipe(fds))
        _exit(1);
    signal(SIGPIPE, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        for (int i = 0; i < rounds; i++) {
            if (write(fds[1], buffer, sizeof buffer) <= 0)
                _exit(2);
            if (i % 7 == seed % 7)
                sleep_ms(1);
        }
        _exit(0);
    }
    close(fds[1]);
    while (read(fds[0], buffer, sizeof buffer) > 0)
        ;
    close(fds[0]);
    if (pid > 0)
        waitpid(pid, 0, 0);
    _exit(seed & 127);
}

static void branch(int seed)
{
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0)
            leaf(seed * 3 + i);
    }
    sleep_ms(seed % 3);
    while (wait(0) > 0 || errno == EINTR)
        ;
    _exit(0);
}

int main(int argc, char **argv)
{
    int children = 0, killed = 0, status;
    if (argc > 1)
        rounds = atoi(argv[1]);
    for (int i = 0; i < 3; i++) {
        pid_t pid = fork();
        if (pid == 0)
            branch(i);
    }
    while (wait(&status) > 0) {
        children++;
        killed += WIFSIGNALED(status);
    }
    printf("ok\n");
    return children == 3 ? 0 : 1;
}
