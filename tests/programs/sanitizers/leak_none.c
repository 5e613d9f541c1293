/* LSan: nothing is lost, so nothing is said; a thread was there and is gone. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static char *kept;

static void *allocate(void *arg)
{
    (void)arg;
    kept = malloc(17);
    return 0;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, 0, allocate, 0);
    pthread_join(thread, 0);
    puts(kept ? "kept" : "no memory");
    return 0;
}
