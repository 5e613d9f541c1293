/* What a program finds ignored and blocked when it starts; it survives what is ignored. */
#include "check.h"

int main(void)
{
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int i = 1; i < SIGRTMAX; i++) {
        struct sigaction found;
        if (i == SIGPIPE || i == SIGXFSZ || sigaction(i, NULL, &found))
            continue; /* Python ignores these two, whatever it was started with */
        if (found.sa_handler == SIG_IGN && raise(i) == 0)
            printf("%d ignored\n", i);
        if (sigismember(&blocked, i) == 1)
            printf("%d blocked\n", i);
    }
    return 0;
}
