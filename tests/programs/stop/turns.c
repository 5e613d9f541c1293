/* turns.c: two threads take a lock in turn and write; ends with status 3. For tests that look into
 * a run at some event. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int counter;

static void *work(void *arg)
{
    for (int turn = 0; turn < 3; turn++) {
        pthread_mutex_lock(&lock);
        counter++;
        usleep(1000);
        printf("worker %ld turn %d\n", (long)arg, turn);
        fflush(stdout);
        pthread_mutex_unlock(&lock);
    }
    return 0;
}

int main(void)
{
    pthread_t threads[2];
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], 0, work, (void *)i);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], 0);
    printf("counter %d\n", counter);
    return 3;
}
