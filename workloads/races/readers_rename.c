/* readers and writers: two files that belong together are replaced one after the other. */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(const char *name, char version)
{
    int file = open("new", O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert(write(file, &version, 1) == 1);
    close(file);
    assert(rename("new", name) == 0);
}

static char get(const char *name)
{
    char version = 0;
    int file = open(name, O_RDONLY);
    assert(read(file, &version, 1) == 1);
    close(file);
    return version;
}

int main(void)
{
    char directory[] = "race-XXXXXX";
    int status;
    assert(mkdtemp(directory) && chdir(directory) == 0);
    put("key", '1');
    put("certificate", '1');
    pid_t server = fork();
    if (server == 0)
        _exit(get("key") != get("certificate"));
    put("key", '2');
    put("certificate", '2');
    assert(waitpid(server, &status, 0) == server);
    unlink("key");
    unlink("certificate");
    rmdir(directory);
    return status != 0;
}
