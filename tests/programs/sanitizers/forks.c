/* Any sanitizer: a child of a program with threads and a signal handler does what is wrong, on an alternate
 * stack; the parent sees how it ended, and is well itself. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t handled;

static void handle(int signo)
{
    char *volatile block = malloc(20);
    block[0] = (char)signo;
    handled = block[0];
    free(block);
}

static void *idle(void *arg)
{
    pause();
    return arg;
}

int main(void)
{
    static char stack[1 << 16];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};
    pthread_t thread;
    int status;
    pthread_create(&thread, 0, idle, 0);
    sigaltstack(&alternate, 0);
    sigaction(SIGUSR1, &action, 0);
    raise(SIGUSR1);
    pid_t pid = fork();
    if (!pid) {
        raise(SIGUSR1);
        volatile int *block = malloc(4 * sizeof *block);
        free((void *)block);
        _exit(handled == SIGUSR1 ? block[1] & 0 : 9);
    }
    waitpid(pid, &status, 0);
    printf("handled %d, child %d\n", handled == SIGUSR1, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    fflush(stdout);
    _exit(0);
}
