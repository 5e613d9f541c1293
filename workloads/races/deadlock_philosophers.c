/* deadlock: four philosophers take the left fork first. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#define SEATS 4

static pthread_mutex_t forks[SEATS];
static int out;

static void *dine(void *seat)
{
    long left = (long)seat, right = (left + 1) % SEATS;
    for (int course = 0; course < 2; course++) {
        pthread_mutex_lock(&forks[left]);
        if (write(out, "left\n", 5) != 5)
            return seat;
        pthread_mutex_lock(&forks[right]);
        pthread_mutex_unlock(&forks[right]);
        pthread_mutex_unlock(&forks[left]);
    }
    return 0;
}

int main(void)
{
    pthread_t threads[SEATS];
    out = open("/dev/null", O_WRONLY);
    for (long i = 0; i < SEATS; i++)
        pthread_mutex_init(&forks[i], 0);
    for (long i = 0; i < SEATS; i++)
        pthread_create(&threads[i], 0, dine, (void *)i);
    for (long i = 0; i < SEATS; i++)
        pthread_join(threads[i], 0);
    return 0;
}
