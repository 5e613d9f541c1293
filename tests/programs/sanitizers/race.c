/* TSan: two threads add to a counter without a lock, two with one. */
#include <pthread.h>
#include <stdio.h>

static int racy, locked;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *add(void *arg)
{
    for (int i = 0; i < 100; i++) {
        if (arg) {
            racy++;
        } else {
            pthread_mutex_lock(&lock);
            locked++;
            pthread_mutex_unlock(&lock);
        }
    }
    return 0;
}

int main(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], 0, add, i < 2 ? &racy : 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], 0);
    printf("%d\n", locked);
    return 0;
}
