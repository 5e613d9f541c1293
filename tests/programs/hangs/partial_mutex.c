/* Two threads lock two mutexes in opposite order and block each other; a third waits behind them.
 * main sleeps for as many seconds as it is told, and ends. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t both;

static void *forwards(void *arg)
{
    pthread_mutex_lock(&a);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&b);
    return arg;
}

static void *backwards(void *arg)
{
    pthread_mutex_lock(&b);
    pthread_barrier_wait(&both);
    pthread_mutex_lock(&a);
    return arg;
}

static void *behind(void *arg)
{
    usleep(100000);
    pthread_mutex_lock(&a);
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t t;
    pthread_barrier_init(&both, 0, 2);
    pthread_create(&t, 0, forwards, 0);
    pthread_create(&t, 0, backwards, 0);
    pthread_create(&t, 0, behind, 0);
    usleep((useconds_t)(atof(argv[1]) * 1e6));
    return 0;
}
