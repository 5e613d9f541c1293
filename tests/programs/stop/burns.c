/* burns.c: computes between two writes, for ever ("burns ever") or for a second or more. For tests
   that press Ctrl-C meanwhile. */
#include <unistd.h>

int main(int argc, char **argv)
{
    volatile unsigned long n = 0;
    (void)argv;
    write(1, "burning\n", 8);
    while (n < 2000000000ul || argc > 1)
        n++;
    write(1, "burnt\n", 6);
    return 0;
}
