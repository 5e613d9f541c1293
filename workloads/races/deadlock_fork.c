/* deadlock: a child is forked while another thread holds a lock; in the child none will unlock. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out;

static void *log_lines(void *unused)
{
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&lock);
        if (write(out, "line\n", 5) != 5)
            break;
        pthread_mutex_unlock(&lock);
        if (write(out, "\n", 1) != 1)
            break;
    }
    return unused;
}

int main(void)
{
    pthread_t logger;
    int status;
    out = open("/dev/null", O_WRONLY);
    pthread_create(&logger, 0, log_lines, 0);
    if (write(out, "forking\n", 8) != 8)
        return 2;
    pid_t child = fork();
    if (child == 0) {
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
        _exit(0);
    }
    waitpid(child, &status, 0);
    pthread_join(logger, 0);
    return status != 0;
}
