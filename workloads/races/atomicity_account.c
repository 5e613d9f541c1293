/* atomicity: the balance is checked in one hold of the lock and drawn on in another. */
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int balance = 100, journal;

static void *withdraw(void *amount)
{
    pthread_mutex_lock(&lock);
    int enough = balance >= *(int *)amount;
    pthread_mutex_unlock(&lock);
    if (!enough)
        return 0;
    dprintf(journal, "withdraw %d\n", *(int *)amount);
    pthread_mutex_lock(&lock);
    balance -= *(int *)amount;
    pthread_mutex_unlock(&lock);
    return 0;
}

int main(void)
{
    pthread_t threads[2];
    int amounts[2] = {80, 60};
    journal = open("/dev/null", O_WRONLY);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, withdraw, &amounts[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    assert(balance >= 0);
    return 0;
}
