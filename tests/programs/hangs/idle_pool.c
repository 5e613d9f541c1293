/* Nothing is wrong here: threads wait for work, a mutex is held for long, a child waits for its
 * parent, a signal's handler writes to a pipe of the process's own, and all of it ends. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static int done, own[2];

static void *worker(void *arg)
{
    pthread_mutex_lock(&mutex);
    while (!done)
        pthread_cond_wait(&work, &mutex);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static void *locker(void *arg)
{
    pthread_mutex_lock(&lock);
    pthread_mutex_unlock(&lock);
    return arg;
}

static void wake(int signo) { write(own[1], &signo, 1); }

static void signalled(void)
{
    char byte;
    pipe(own);
    signal(SIGUSR1, wake);
    read(own[0], &byte, 1);
    _exit(0);
}

int main(void)
{
    pthread_t t[3];
    int to_child[2];
    char byte;
    pipe(to_child);
    pid_t reader = fork();
    if (!reader) {
        close(to_child[1]);
        read(to_child[0], &byte, 1);
        _exit(0);
    }
    pid_t listener = fork();
    if (!listener)
        signalled();
    pthread_mutex_lock(&lock);
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], 0, i ? worker : locker, 0);
    sleep(1000);
    pthread_mutex_unlock(&lock);
    sleep(1000);
    pthread_mutex_lock(&mutex);
    done = 1;
    pthread_cond_broadcast(&work);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], 0);
    close(to_child[1]);
    kill(listener, SIGUSR1);
    waitpid(reader, 0, 0);
    waitpid(listener, 0, 0);
    return 0;
}
