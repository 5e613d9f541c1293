/* lost wake-up: two wait for different things at one condition; a signal wakes the wrong one. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int turn, out;

static void *take_turn(void *number)
{
    if (write(out, "in line\n", 8) != 8)
        _exit(2);
    pthread_mutex_lock(&lock);
    while (turn != (int)(long)number)
        pthread_cond_wait(&turn_changed, &lock);
    turn++;
    pthread_cond_signal(&turn_changed);
    pthread_mutex_unlock(&lock);
    return 0;
}

int main(void)
{
    pthread_t threads[3];
    out = open("/dev/null", O_WRONLY);
    for (long i = 0; i < 3; i++)
        pthread_create(&threads[i], 0, take_turn, (void *)i);
    for (long i = 0; i < 3; i++)
        pthread_join(threads[i], 0);
    return 0;
}
