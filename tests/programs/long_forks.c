/* A child that is in fork most of its time, for it has much memory: to be killed from outside. */
#include "check.h"
#include <sys/mman.h>

#define BYTES (256l << 20)

static void forks(void)
{
    char *memory = mmap(0, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 1, BYTES);
    for (;;) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        waitpid(pid, 0, 0);
    }
}

/* The pipe ends when all who could write are gone: a child that was half made, too. */
int main(void)
{
    int fds[2], status;
    char byte;
    if (pipe(fds))
        return 1;
    pid_t pid = fork();
    if (pid == 0)
        forks();
    close(fds[1]);
    while (read(fds[0], &byte, 1) > 0)
        ;
    waitpid(pid, &status, 0);
    printf("%d\n", WTERMSIG(status));
    return 0;
}
