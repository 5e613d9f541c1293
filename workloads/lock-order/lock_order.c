/* Two threads take two locks, each in its own order. */
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t accounts = PTHREAD_MUTEX_INITIALIZER, journal = PTHREAD_MUTEX_INITIALIZER;

static void *pay(void *unused)
{
    pthread_mutex_lock(&accounts);
    usleep(1000);
    pthread_mutex_lock(&journal);
    pthread_mutex_unlock(&journal);
    pthread_mutex_unlock(&accounts);
    return unused;
}

static void *audit(void *unused)
{
    pthread_mutex_lock(&journal);
    usleep(1000);
    pthread_mutex_lock(&accounts);
    pthread_mutex_unlock(&accounts);
    pthread_mutex_unlock(&journal);
    return unused;
}

int main(void)
{
    pthread_t payer, auditor;
    pthread_create(&payer, 0, pay, 0);
    pthread_create(&auditor, 0, audit, 0);
    pthread_join(payer, 0);
    pthread_join(auditor, 0);
    return 0;
}
