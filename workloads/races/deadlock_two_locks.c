/* deadlock: two locks, each thread takes them in its own order. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t accounts = PTHREAD_MUTEX_INITIALIZER, journal = PTHREAD_MUTEX_INITIALIZER;
static int out;

static void take_both(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    if (write(out, "one\n", 4) == 4)
        pthread_mutex_lock(second);
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

static void *pay(void *unused)
{
    take_both(&accounts, &journal);
    return unused;
}

static void *audit(void *unused)
{
    take_both(&journal, &accounts);
    return unused;
}

int main(void)
{
    pthread_t payer, auditor;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&payer, 0, pay, 0);
    pthread_create(&auditor, 0, audit, 0);
    pthread_join(payer, 0);
    pthread_join(auditor, 0);
    return 0;
}
