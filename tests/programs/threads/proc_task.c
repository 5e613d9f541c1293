/* /proc/self/task shows the threads that there are, and no more. */
#include "threads.h"
#include <dirent.h>

static sem_t go;
static void *body(void *arg)
{
    sem_wait(&go);
    return arg;
}
static int count_tasks(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}
static int threads_line(void)
{
    char line[256];
    int n = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "Threads: %d", &n);
    fclose(f);
    return n;
}

int main(void)
{
    pthread_t t[5];
    sem_init(&go, 0, 0);
    CHECK_EQ(count_tasks(), 1);
    CHECK_EQ(threads_line(), 1);
    for (int i = 0; i < 5; i++)
        t[i] = start(body, 0);
    CHECK_EQ(count_tasks(), 6);
    CHECK_EQ(threads_line(), 6);
    for (int i = 0; i < 5; i++)
        sem_post(&go);
    for (int i = 0; i < 5; i++)
        join(t[i]);
    sleep_ms(5);
    WAIT_UNTIL(count_tasks() == 1); /* who joins is woken a little before */
    CHECK_EQ(threads_line(), 1);
    return finish();
}
