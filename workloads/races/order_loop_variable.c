/* order: each thread is given the address of the loop's variable, which moves on. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static int started[4];

static void *start(void *number)
{
    __atomic_fetch_add(&started[*(volatile int *)number], 1, __ATOMIC_SEQ_CST);
    return 0;
}

int main(void)
{
    pthread_t threads[3];
    volatile int i;
    int out = open("/dev/null", O_WRONLY);
    for (i = 0; i < 3; i++) {
        pthread_create(&threads[i], 0, start, (void *)&i);
        for (int dot = 0; dot < 4; dot++)
            if (write(out, ".", 1) != 1)
                return 2;
    }
    for (int thread = 0; thread < 3; thread++)
        pthread_join(threads[thread], 0);
    return started[0] != 1 || started[1] != 1 || started[2] != 1;
}
