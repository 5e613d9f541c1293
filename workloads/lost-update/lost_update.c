/* Three threads add to a counter; the load and the store of it are two steps. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static volatile int counter;

static void *add_three(void *unused)
{
    for (int i = 0; i < 3; i++) {
        int seen = counter;
        getppid(); /* any call: here the scheduler may switch */
        counter = seen + 1;
    }
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], 0, add_three, 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], 0);
    printf("%d\n", counter);
    return counter != 9;
}
