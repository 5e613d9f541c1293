/* Two children each read what the other would only write after it. main sleeps, and ends. */
#include <stdlib.h>
#include <unistd.h>

static void child(int from, int to)
{
    char byte = 'x';
    read(from, &byte, 1);
    write(to, &byte, 1);
    _exit(0);
}

int main(int argc, char **argv)
{
    int a[2], b[2];
    pipe(a);
    pipe(b);
    if (!fork())
        child(a[0], b[1]);
    if (!fork())
        child(b[0], a[1]);
    if (argc > 2) /* it could still write to one of them */
        close(b[1]);
    else
        close(a[1]), close(b[1]);
    sleep((unsigned)atoi(argv[1]));
    return 0;
}
