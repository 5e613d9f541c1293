/* A vfork child that waits for a busy child of its own: to be killed from outside. */
#include "check.h"

int main(void)
{
    int status = 0;
    pid_t lender = vfork();
    if (lender == 0) {
        int inner = 0;
        pid_t busy = fork();
        if (busy == 0)
            for (volatile long i = 0;; i++)
                ;
        waitpid(busy, &inner, 0);
        _exit(WTERMSIG(inner));
    }
    waitpid(lender, &status, 0);
    printf("%d\n", WEXITSTATUS(status));
    return 0;
}
