/* Two children lock two files in opposite order. main sleeps, and ends. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static void child(const char *first, const char *second)
{
    int a = open(first, O_RDWR | O_CREAT, 0600), b = open(second, O_RDWR | O_CREAT, 0600);
    flock(a, LOCK_EX);
    sleep(1);
    flock(b, LOCK_EX);
    _exit(0);
}

int main(int argc, char **argv)
{
    if (!fork())
        child("one.lock", "two.lock");
    if (!fork())
        child("two.lock", "one.lock");
    sleep((unsigned)atoi(argv[1]));
    return 0;
}
