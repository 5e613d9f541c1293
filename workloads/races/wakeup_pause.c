/* lost wake-up: the signal comes after the look at the flag and before the pause. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t arrived;
static pthread_t waiter;
static int out;

static void on_signal(int number) { arrived = number; }

static void *notify(void *unused)
{
    for (int i = 0; i < 6; i++)
        if (write(out, "on its way\n", 11) != 11)
            _exit(2);
    pthread_kill(waiter, SIGUSR1);
    return unused;
}

int main(void)
{
    pthread_t notifier;
    out = open("/dev/null", O_WRONLY);
    waiter = pthread_self();
    signal(SIGUSR1, on_signal);
    pthread_create(&notifier, 0, notify, 0);
    if (!arrived) {
        if (write(out, "waiting\n", 8) != 8)
            return 2;
        pause();
    }
    pthread_join(notifier, 0);
    return 0;
}
