/* order: the child reads a file that its parent writes after the fork. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char directory[] = "race-XXXXXX", path[64], text[16];
    int status;
    assert(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/pid", directory);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 3; i++) /* it is slow to start */
            if (access("/etc/hosts", R_OK) && access("/etc/passwd", R_OK))
                _exit(2);
        int file = open(path, O_RDONLY);
        _exit(file < 0 || read(file, text, sizeof text) <= 0);
    }
    int file = open(path, O_CREAT | O_WRONLY, 0600);
    dprintf(file, "%d\n", (int)child);
    close(file);
    assert(waitpid(child, &status, 0) == child);
    unlink(path);
    rmdir(directory);
    return status != 0;
}
