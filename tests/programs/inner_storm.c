/* A storm inside the simulation: kills children of its own at moments of its own choosing.
 * usage: inner_storm KILLS */
#include "check.h"
#include <sys/random.h>

#define CHILDREN 6

static unsigned drawn(unsigned below)
{
    unsigned value;
    if (getrandom(&value, sizeof value, 0) != sizeof value)
        _exit(1);
    return value % below;
}

static void busy(int fds[2])
{
    char buffer[4096];
    memset(buffer, 'b', sizeof buffer);
    for (;;) {
        pid_t pid = fork();
        if (pid == 0) {
            close(fds[0]); /* or a full pipe would hold it for ever when its parent is dead */
            if (write(fds[1], buffer, 1 + drawn(sizeof buffer)) < 0)
                _exit(1);
            _exit(0);
        }
        if (read(fds[0], buffer, 100) < 0)
            _exit(2);
        waitpid(pid, 0, 0);
        usleep(drawn(2000));
    }
}

static pid_t start(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        int fds[2];
        setpgid(0, 0);
        if (pipe(fds))
            _exit(3);
        busy(fds);
    }
    return pid;
}

int main(int argc, char **argv)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGKILL, SIGHUP, SIGUSR1};
    pid_t children[CHILDREN];
    int kills = argc > 1 ? atoi(argv[1]) : 50, status;
    signal(SIGHUP, SIG_DFL); /* nohup would have it ignored */
    for (int i = 0; i < CHILDREN; i++)
        children[i] = start();
    for (int i = 0; i < kills; i++) {
        int who = (int)drawn(CHILDREN), signo = signals[drawn(5)];
        usleep(drawn(5000));
        if (kill(children[who], signo) || waitpid(children[who], &status, 0) != children[who])
            return 1;
        printf("%d %d %d %x\n", i, who, signo, (unsigned)status);
        children[who] = start();
    }
    for (int i = 0; i < CHILDREN; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], &status, 0);
    }
    return 0;
}
