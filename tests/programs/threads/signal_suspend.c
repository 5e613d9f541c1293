/* sigsuspend, pause, ppoll and pselect with another mask, in threads; the old mask comes back. */
#include "threads.h"
#include <poll.h>
#include <sys/select.h>

static atomic_int handled, waiting;
static void on_signal(int signo)
{
    (void)signo;
    handled++;
}
static int blocked(void)
{
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, 0, &set);
    return sigismember(&set, SIGUSR1);
}
static void *body(void *how)
{
    sigset_t none;
    struct timespec minute = {60, 0};
    sigemptyset(&none);
    waiting = 1;
    switch ((long)how) {
    case 0:
        CHECK_ERRNO(sigsuspend(&none), EINTR);
        break;
    case 1:
        CHECK_ERRNO(ppoll(0, 0, &minute, &none), EINTR);
        break;
    case 2:
        CHECK_ERRNO(pselect(0, 0, 0, 0, &minute, &none), EINTR);
        break;
    default:
        mask_one(SIG_UNBLOCK, SIGUSR1);
        CHECK_ERRNO(pause(), EINTR);
        mask_one(SIG_BLOCK, SIGUSR1);
    }
    CHECK(blocked());
    return 0;
}

int main(void)
{
    sigset_t none;
    struct timespec t20 = {0, 20000000};
    sigemptyset(&none);
    mask_one(SIG_BLOCK, SIGUSR1);
    for (int restart = 0; restart < 2; restart++) {
        install(SIGUSR1, on_signal, restart ? SA_RESTART : 0);
        for (long how = 0; how < 4; how++) {
            handled = waiting = 0;
            pthread_t t = start(body, (void *)how);
            WAIT_UNTIL(waiting);
            sleep_ms(3);
            pthread_kill(t, SIGUSR1);
            join(t);
            CHECK_EQ(handled, 1);
        }
    }
    raise(SIGUSR1);
    handled = 0;
    CHECK_ERRNO(sigsuspend(&none), EINTR);
    CHECK_EQ(handled, 1);
    CHECK_EQ(ppoll(0, 0, &t20, &none), 0);
    CHECK(blocked());
    return finish();
}
