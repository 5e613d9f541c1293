/* A storm of signals among threads that lock, wait, sleep, allocate and jump; then of kills among
 * processes of threads. argv[1]: a seed. Whatever the order, sums come out and nothing hangs. */
#include "threads.h"
#include <setjmp.h>

#define WORKERS 6
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static pthread_t workers[WORKERS];
static atomic_int handled, stop, finished, alive;
static long counter, added[WORKERS];
static int signals[4];

static unsigned next(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}
static void on_signal(int signo)
{
    int error = errno;
    handled++;
    if (signo == signals[3])
        sched_yield();
    errno = error;
}
static void step(unsigned what, long i)
{
    struct timespec at;
    switch (what % 6) {
    case 0:
        pthread_mutex_lock(&lock);
        counter++;
        added[i]++;
        pthread_mutex_unlock(&lock);
        break;
    case 1:
        at = after_ms(CLOCK_REALTIME, 1);
        pthread_mutex_lock(&lock);
        pthread_cond_timedwait(&cond, &lock, &at);
        counter++;
        added[i]++;
        pthread_mutex_unlock(&lock);
        break;
    case 2:
        pthread_cond_broadcast(&cond);
        sem_post(&sem);
        break;
    case 3:
        at = after_ms(CLOCK_REALTIME, 1);
        sem_timedwait(&sem, &at);
        break;
    case 4:
        free(malloc(what % 5000));
        break;
    default:
        usleep(what % 300);
    }
}
static void *works(void *arg)
{
    unsigned state = (unsigned)(long)arg * 7919u + 1;
    stack_t alt = {.ss_sp = malloc(32768), .ss_size = 32768};
    sigaltstack(&alt, 0);
    alive++;
    for (int i = 0; i < 150; i++)
        step(next(&state), (long)arg % WORKERS);
    finished++;
    while (!stop)
        sleep_ms(1);
    return 0;
}
static void signal_storm(unsigned seed)
{
    unsigned state = seed;
    long sum = 0;
    counter = handled = stop = finished = alive = 0;
    memset(added, 0, sizeof added);
    for (long i = 0; i < WORKERS; i++)
        workers[i] = start(works, (void *)(i + WORKERS * (long)(seed % 1000)));
    WAIT_UNTIL(alive == WORKERS);
    while (finished < WORKERS) {
        pthread_kill(workers[next(&state) % WORKERS], signals[next(&state) % 4]);
        if (next(&state) % 5 == 0)
            kill(getpid(), signals[next(&state) % 4]);
        usleep(next(&state) % 200);
    }
    stop = 1;
    for (int i = 0; i < WORKERS; i++) {
        join(workers[i]);
        sum += added[i];
    }
    CHECK_EQ(counter, sum);
    CHECK(handled > 0);
}
static void kill_storm(unsigned seed)
{
    unsigned state = seed;
    pid_t pids[5];
    for (int i = 0; i < 5; i++) {
        pids[i] = fork();
        if (!pids[i]) {
            for (long k = 0; k < 3; k++)
                start(works, (void *)(k + i));
            for (;;)
                usleep(100);
        }
    }
    for (int i = 0; i < 5; i++) {
        static const int ends[] = {SIGKILL, SIGTERM, SIGKILL, SIGQUIT};
        int status, signo = ends[next(&state) % 4];
        usleep(next(&state) % 3000);
        if (next(&state) % 3 == 0) {
            kill(pids[i], SIGSTOP);
            usleep(next(&state) % 500);
            kill(pids[i], SIGCONT);
        }
        CHECK_EQ(kill(pids[i], signo), 0);
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status & 0x7f, signo);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], 0, 0) : 1;
    install(SIGQUIT, SIG_DFL, 0); /* ignored in a shell's background */
    signals[0] = SIGUSR1;
    signals[1] = SIGUSR2;
    signals[2] = SIGRTMIN;
    signals[3] = SIGRTMIN + 1;
    sem_init(&sem, 0, 0);
    for (int i = 0; i < 4; i++)
        install(signals[i], on_signal, SA_RESTART | (i & 1 ? SA_ONSTACK : 0));
    signal_storm(seed * 2654435761u + 1);
    kill_storm(seed * 40503u + 7);
    return finish();
}
